import { fromUtf8, readAll, silentLogger, utf8, type HttpHandler } from '@coxswain/host';
import type { Simulation } from '@coxswain/host/sim';
import type { FakeApiServer } from '@coxswain/client/testing';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { defaultSchedulerConfig, type SchedulerConfig } from '../config.ts';
import { parseSchedulerFile } from '../config-file.ts';
import { PodInfos } from '../cache/pod-info.ts';
import { CycleState } from '../framework/cycle-state.ts';
import { Extenders } from './extenders.ts';
import { HttpExtender } from './http-extender.ts';
import { assigned, node, pod, put, read, whenEvent, whenPod, world } from '../testing/world.ts';

type Answer = (verb: string, args: Readonly<Record<string, unknown>>) => unknown;
type Asked = readonly [verb: string, args: Readonly<Record<string, unknown>>];

interface Scene { readonly sim: Simulation; readonly server: FakeApiServer; readonly asked: Asked[]; readonly extenders: Extenders; readonly start: () => Promise<unknown> }

/** A cluster whose scheduler asks an extender at http://extender:9000/say. A thrown number is its answer's status; a promise is waited for. */
async function scene(answer: Answer, extender: Readonly<Record<string, unknown>> = {}): Promise<Scene> {
  const { sim, server, start } = await world();
  const asked: Asked[] = [];
  const handler: HttpHandler = async (request) => {
    const args = JSON.parse(fromUtf8(await readAll(request.body))) as Readonly<Record<string, unknown>>;
    const verb = request.target.replace('/say/', '');
    asked.push([verb, args]);
    try {
      return { status: 200, headers: {}, body: utf8(JSON.stringify(await answer(verb, args))) };
    } catch (error) {
      return { status: error as number, headers: {}, body: utf8('no') };
    }
  };
  await sim.runUntil(sim.start('extender', 'extender').host.network.serveHttp({ address: '0.0.0.0', port: 9000 }, handler), 100, 'listen');
  const { config } = parseSchedulerFile({
    apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration',
    extenders: [{ urlPrefix: 'http://extender:9000/say/', filterVerb: 'filter', ...extender }],
  }, 'test');
  const extenders = new Extenders(config.extenders.map((one) => new HttpExtender(one, sim.start('asks', 'asks').host)), silentLogger);
  return { sim, server, asked, extenders, start: () => start({ ...defaultSchedulerConfig('test'), extenders: config.extenders, profiles: config.profiles } satisfies SchedulerConfig) };
}

const nodeNames = (args: Readonly<Record<string, unknown>>): string[] =>
  (args['NodeNames'] as string[] | null) ?? (args['Nodes'] as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
const message = (found: Pod): string => found.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? '';
const failed = (found: Pod): boolean => message(found) !== '';
const threeNodes = (server: FakeApiServer): void => { for (const name of ['n1', 'n2', 'n3']) put(server, 'nodes', node(name)); };

/** In the words of Go's encoding/json, and in the small letters that many answer in. */
test.each<[string, Answer, Readonly<Record<string, unknown>>]>([
  ['nodes', (_verb, args) => ({ Nodes: { items: (args['Nodes'] as { items: { metadata: { name: string } }[] }).items.filter(({ metadata }) => metadata.name === 'n2') }, FailedNodes: { n1: 'no', n3: 'no' } }), {}],
  ['names', () => ({ NodeNames: ['n2'] }), { nodeCacheCapable: true }],
  ['nodes in small letters', (_verb, args) => ({ nodes: { items: (args['Nodes'] as { items: { metadata: { name: string } }[] }).items.filter(({ metadata }) => metadata.name === 'n2') }, nodeNames: null, failedNodes: {}, error: '' }), {}],
  ['names in small letters', () => ({ nodenames: ['n2'], failedNodes: { n1: 'no', n3: 'no' }, error: '' }), { nodeCacheCapable: true }],
])('filter lets pass what it names: %s', async (_name, answer, extender) => {
  const { sim, server, asked, start } = await scene(answer, extender);
  threeNodes(server);
  put(server, 'pods', pod('p'));
  await start();
  await whenPod(sim, server, 'p', assigned);
  expect(read(server, 'p').spec?.nodeName).toBe('n2');
  const [[verb, args]] = asked as [Asked];
  expect(verb).toBe('filter');
  expect(Object.keys(args)).toEqual(['Pod', 'Nodes', 'NodeNames']);
  expect((args['Pod'] as Pod).metadata?.name).toBe('p');
  expect(nodeNames(args).toSorted()).toEqual(['n1', 'n2', 'n3']);
  expect(args[extender['nodeCacheCapable'] === true ? 'Nodes' : 'NodeNames']).toBeNull();
});

test.each<[string, Answer, Readonly<Record<string, unknown>>, string]>([
  ['refuses every node', () => ({ NodeNames: [], FailedNodes: { n1: 'too loud', n2: 'too loud' }, FailedAndUnresolvableNodes: { n3: 'too far', n2: 'too far' } }), { nodeCacheCapable: true },
    '0/3 nodes are available: 1 too loud, 2 too far. preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.'],
  ['names nothing', () => ({}), {}, '0/3 nodes are available: preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.'],
  ['tells of an error', () => ({ Error: 'out of order' }), {}, 'out of order'],
  ['answers another status', () => { throw 500 as unknown as Error; }, {}, 'failed filter with extender at URL http://extender:9000/say/filter, code 500'],
  ['names a stranger', () => ({ NodeNames: ['elsewhere'] }), { nodeCacheCapable: true }, 'extender "http://extender:9000/say/" claims a filtered node "elsewhere" which is not found in the input node list'],
  ['is late', () => new Promise(() => undefined), { httpTimeout: '2s' }, 'Post "http://extender:9000/say/filter": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'],
])('a filter that %s keeps the pod from its place', async (_name, answer, extender, expected) => {
  const { sim, server, start } = await scene(answer, extender);
  threeNodes(server);
  put(server, 'pods', pod('p'));
  await start();
  await whenPod(sim, server, 'p', failed);
  expect(message(read(server, 'p'))).toBe(expected);
  expect((await whenEvent(sim, server, 'FailedScheduling')).message).toBe(expected);
});

test.each<[string, Answer, Readonly<Record<string, unknown>>]>([
  ['is ignorable and late', () => new Promise(() => undefined), { ignorable: true, httpTimeout: '1s' }],
  ['is ignorable and broken', () => { throw 503 as unknown as Error; }, { ignorable: true }],
  ['has nothing to do with the pod', () => ({ NodeNames: [] }), { nodeCacheCapable: true, managedResources: [{ name: 'example.com/fpga' }] }],
])('an extender that %s holds nobody up', async (_name, answer, extender) => {
  const { sim, server, asked, start } = await scene(answer, extender);
  threeNodes(server);
  put(server, 'pods', pod('p'));
  await start();
  await whenPod(sim, server, 'p', assigned);
  expect(asked).toHaveLength(extender['managedResources'] === undefined ? 1 : 0);
});

test('a resource that the extender counts is not the scheduler\'s to count', async () => {
  const answer: Answer = (_verb, args) => ({ NodeNames: nodeNames(args) });
  const { sim, server, asked, start } = await scene(answer, { nodeCacheCapable: true, managedResources: [{ name: 'example.com/fpga', ignoredByScheduler: true }] });
  threeNodes(server);
  put(server, 'pods', pod('p', '100m', { containers: [{ name: 'c', image: 'i', resources: { limits: { 'example.com/fpga': '1' }, requests: { 'example.com/fpga': '1' } } }] }));
  await start();
  await whenPod(sim, server, 'p', assigned);
  expect(asked).toHaveLength(1);
});

/** Its ten are a plugin's hundred: against a node that plugins like better by less. */
test.each<[string, Answer, Readonly<Record<string, unknown>>, string]>([
  ['outweighs the plugins', () => [{ Host: 'n1', Score: 10 }, { Host: 'n2', Score: 0 }], { weight: 5 }, 'n1'],
  ['outweighs the plugins, in small letters', () => [{ host: 'n1', score: 10 }, { host: 'n2', score: 0 }], { weight: 5 }, 'n1'],
  ['is weighed against them', () => [{ Host: 'n1', Score: 1 }, { Host: 'n2', Score: 0 }], { weight: 1 }, 'n2'],
  ['gives no points when it fails', () => { throw 500 as unknown as Error; }, { weight: 5 }, 'n2'],
  ['gives no points when it is late', () => new Promise(() => undefined), { weight: 5, httpTimeout: '1s' }, 'n2'],
])('a prioritizer %s', async (_name, answer, extender, expected) => {
  const { sim, server, start } = await scene(answer, { filterVerb: '', prioritizeVerb: 'prioritize', ...extender });
  put(server, 'nodes', node('n1', { cpu: '2' }));
  put(server, 'nodes', node('n2', { cpu: '100' }));
  put(server, 'pods', pod('p', '1'));
  await start();
  await whenPod(sim, server, 'p', assigned);
  expect(read(server, 'p').spec?.nodeName).toBe(expected);
});

test('a node that goes while the extender thinks is not chosen; what has changed is seen', async () => {
  const thinking = Promise.withResolvers<void>();
  const { sim, server, asked, start } = await scene(async (_verb, args) => {
    if (asked.length === 1) await thinking.promise;
    return { NodeNames: nodeNames(args) };
  }, { nodeCacheCapable: true, httpTimeout: '1m' });
  put(server, 'nodes', node('n1', { cpu: '100' }));
  put(server, 'nodes', node('n2', { cpu: '2' }));
  put(server, 'pods', pod('p', '1'));
  await start();
  await sim.runUntil((async () => { while (asked.length === 0) await sim.start('clock', 'clock').host.timers.sleep(10); })(), 10_000, 'asked');
  server.store.delete({ group: '', resource: 'nodes', namespace: '', name: 'n1' }, {});
  put(server, 'pods', pod('other', '1500m', { nodeName: 'n2' }));
  await sim.run(1000);
  thinking.resolve();
  await whenPod(sim, server, 'p', failed);
  expect(message(read(server, 'p'))).toMatch(/^0\/1 nodes are available: 1 Insufficient cpu\. preemption/);
  put(server, 'nodes', node('n3', { cpu: '2' }));
  await whenPod(sim, server, 'p', assigned);
  expect(read(server, 'p').spec?.nodeName).toBe('n3');
});

test('a pod that goes, or is bound by another, while the extender thinks is nobody\'s any more', async () => {
  const thinking = Promise.withResolvers<void>();
  const { sim, server, asked, start } = await scene(async (_verb, args) => {
    if ((args['Pod'] as Pod).metadata?.name !== 'last') await thinking.promise;
    return { NodeNames: nodeNames(args) };
  }, { nodeCacheCapable: true, httpTimeout: '1m' });
  threeNodes(server);
  put(server, 'pods', pod('p'));
  await start();
  await sim.run(3000);
  expect(asked).toHaveLength(1);
  server.store.update({ group: '', resource: 'pods', namespace: 'default', name: 'p' }, { ...server.store.get({ group: '', resource: 'pods', namespace: 'default', name: 'p' }), spec: { ...read(server, 'p').spec, nodeName: 'n3' } }, '');
  await sim.run(1000);
  thinking.resolve();
  put(server, 'pods', pod('last'));
  await whenPod(sim, server, 'last', assigned);
  expect(read(server, 'p').spec?.nodeName).toBe('n3');
});

test('a binder binds in the scheduler\'s place; an ignorable one that fails leaves it to the scheduler', async () => {
  for (const ignorable of [false, true]) {
    const { sim, server, asked, start } = await scene((_verb, args) => {
      if (ignorable) throw 500 as unknown as Error;
      const key = { group: '', resource: 'pods', namespace: args['PodNamespace'] as string, name: args['PodName'] as string };
      server.store.update(key, { ...server.store.get(key), spec: { ...read(server, 'p').spec, nodeName: args['Node'] } }, '');
      return { Error: '' };
    }, { filterVerb: '', bindVerb: 'bind', ignorable });
    let bindings = 0;
    server.intercept = (request) => { if (request.target.includes('binding')) bindings += 1; return undefined; };
    put(server, 'nodes', node('n1'));
    put(server, 'pods', pod('p'));
    await start();
    await whenPod(sim, server, 'p', assigned);
    expect(asked).toEqual([['bind', { PodName: 'p', PodNamespace: 'default', PodUID: read(server, 'p').metadata?.uid, Node: 'n1' }]]);
    expect(bindings > 0).toBe(ignorable);
  }
});

test('a binder is not asked once the term of who decided has ended', async () => {
  const { asked, extenders, sim, server } = await scene(() => ({ Error: '' }), { filterVerb: '', bindVerb: 'bind' });
  put(server, 'pods', pod('p'));
  let [held, lost] = [true, 0];
  const leadership = { term: () => (held ? { namespace: 'kube-system', name: 'kube-scheduler', holderIdentity: 'me', leaseTransitions: 0 } : undefined), lost: () => { lost += 1; } };
  const binder = extenders.binder(leadership);
  const bind = async (): Promise<string> => (await sim.runUntil(binder.bind(new CycleState(), new PodInfos().of(read(server, 'p')), 'n1', new AbortController().signal), 1000, 'bind')).code;
  expect([await bind(), asked.length, lost]).toEqual(['Success', 1, 0]);
  held = false;
  expect([await bind(), asked.length, lost]).toEqual(['Error', 1, 1]);
});

test('a binder\'s error is the pod\'s', async () => {
  const { sim, server, start } = await scene(() => ({ Error: 'the node is being fed' }), { filterVerb: '', bindVerb: 'bind' });
  put(server, 'nodes', node('n1'));
  put(server, 'pods', pod('p'));
  await start();
  await whenPod(sim, server, 'p', failed);
  expect(message(read(server, 'p'))).toBe('the node is being fed');
});

interface Victims { readonly Pods: readonly { readonly UID: string; readonly metadata: { readonly uid: string } }[]; readonly NumPDBViolations: number }

test.each<[string, Readonly<Record<string, unknown>>, (victims: Readonly<Record<string, Victims>>) => unknown, string]>([
  ['names the node of its choice', {}, (victims) => ({ NodeNameToMetaVictims: { n2: { Pods: victims['n2']?.Pods.map(({ metadata }) => ({ UID: metadata.uid })) ?? [], NumPDBViolations: 0 } } }), 'nominated n2'],
  ['knows the nodes itself', { nodeCacheCapable: true }, (victims) => ({ nodeNameToMetaVictims: { n2: victims['n2'] } }), 'nominated n2'],
  ['allows none', {}, () => ({ NodeNameToMetaVictims: {} }), 'preemption: 0/2 nodes are available'],
])('a preemptor %s', async (_name, extender, choose, expected) => {
  const { sim, server, asked, start } = await scene((_verb, args) => choose((args['NodeNameToVictims'] ?? args['NodeNameToMetaVictims']) as Readonly<Record<string, Victims>>), { filterVerb: '', preemptVerb: 'preempt', ...extender });
  for (const name of ['n1', 'n2']) {
    put(server, 'nodes', node(name, { cpu: '1' }));
    put(server, 'pods', pod(`low-${name}`, '800m', { priority: name === 'n1' ? 0 : 5, nodeName: name }));
  }
  put(server, 'pods', pod('high', '800m', { priority: 1000 }));
  await start();
  await whenPod(sim, server, 'high', (found) => found.status?.nominatedNodeName !== undefined || failed(found));
  const found = read(server, 'high');
  expect(found.status?.nominatedNodeName === undefined ? message(found) : `nominated ${found.status.nominatedNodeName}`).toContain(expected);
  const [[verb, args]] = asked as [Asked];
  expect([verb, Object.keys(args)]).toEqual(['preempt', ['Pod', 'NodeNameToVictims', 'NodeNameToMetaVictims']]);
});
