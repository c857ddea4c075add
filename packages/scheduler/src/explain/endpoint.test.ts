import { fromUtf8, utf8, type HttpRequest } from '@coxswain/host';
import type { Simulation } from '@coxswain/host/sim';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { parseSchedulerFile } from '../config-file.ts';
import { defaultSchedulerConfig, type SchedulerConfig } from '../config.ts';
import { podGroupLabel } from '../gangs/pod-group.ts';
import { schedulerHandler } from '../serve.ts';
import { assigned, node, pod, put, whenPod, world, type World } from '../testing/world.ts';
import type { Explanation } from './explanation.ts';

function configured(file: Readonly<Record<string, unknown>>): SchedulerConfig {
  const { config } = parseSchedulerFile({ apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration', ...file }, 'test');
  return { ...defaultSchedulerConfig('test'), profiles: config.profiles, extenders: config.extenders };
}

/** What the endpoint answers to one who may ask. */
async function told({ sim, scheduler }: World, name: string): Promise<readonly Explanation[]> {
  const handler = schedulerHandler({ host: sim.start('asks', 'asks').host, health: {} as never, scheduler: scheduler(), auth: { check: async () => ({ kind: 'allowed' }) } });
  const { status, body } = await handler({ method: 'GET', target: `/explain/namespaces/default/pods/${name}?nodes=all` } as HttpRequest);
  expect(status).toBe(200);
  return (JSON.parse(fromUtf8(body as Uint8Array)) as { items: Explanation[] }).items;
}

const refused = (found: Pod): boolean => found.status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'False') === true;
const message = (found: Pod): string => found.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? '';
const verdicts = (of: Explanation | undefined): readonly string[] => (of?.verdicts ?? []).map(({ node: name, feasible, plugin, reasons }) => `${name}: ${feasible ? 'would do' : `${plugin}: ${reasons.join(', ')}`}`).toSorted();

test('volumes, claims and classes are told as they were when the pod was decided', async () => {
  const here = await world();
  const { sim, server } = here;
  for (const name of ['n1', 'n2']) put(server, 'nodes', node(name));
  const claim = (volumeName?: string): unknown => ({
    metadata: { namespace: 'default', name: 'c', ...(volumeName === undefined ? {} : { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }) },
    spec: { storageClassName: 'wait', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...(volumeName === undefined ? {} : { volumeName }) },
  });
  put(server, 'persistentvolumeclaims', claim());
  put(server, 'storageclasses', { metadata: { name: 'wait' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' }, 'storage.k8s.io');
  put(server, 'pods', pod('p', '100m', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }));
  await here.start();
  await whenPod(sim, server, 'p', refused);
  put(server, 'persistentvolumes', { metadata: { name: 'pv' }, spec: {
    capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'wait', claimRef: { namespace: 'default', name: 'c' },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n2'] }] }] } },
  } });
  server.store.update({ group: '', resource: 'persistentvolumeclaims', namespace: 'default', name: 'c' }, claim('pv') as never, '');
  await whenPod(sim, server, 'p', assigned);
  server.store.delete({ group: '', resource: 'persistentvolumes', namespace: '', name: 'pv' }, {});
  server.store.delete({ group: 'storage.k8s.io', resource: 'storageclasses', namespace: '', name: 'wait' }, {});
  await sim.run(1000);
  const all = await told(here, 'p');
  const noVolume = "VolumeBinding: node(s) didn't find available persistent volumes to bind";
  expect(all[0]).toMatchObject({ outcome: 'unfit', rejections: [{ plugin: 'VolumeBinding', count: 2 }] });
  expect(verdicts(all[0])).toEqual([`n1: ${noVolume}`, `n2: ${noVolume}`]);
  expect(all.at(-1)).toMatchObject({ outcome: 'placed', node: 'n2' });
  expect(verdicts(all.at(-1))).toEqual(["n1: VolumeBinding: node(s) had volume node affinity conflict", 'n2: would do']);
});

async function serveExtender(sim: Simulation, name: string, answer: (verb: string) => unknown): Promise<string> {
  const { network } = sim.start(name, name).host;
  await sim.runUntil(network.serveHttp({ address: '0.0.0.0', port: 9000 }, async ({ target }) => ({ status: 200, headers: {}, body: utf8(JSON.stringify(answer(target.split('/').at(-1) ?? ''))) })), 100, 'listen');
  return `http://${name}:9000/say`;
}

test('what extenders refused is told by node, with who it was and what it said, and their points', async () => {
  const here = await world();
  const { sim, server } = here;
  const choosy = await serveExtender(sim, 'choosy', (verb) => (verb === 'filter' ? { NodeNames: ['n2', 'n3', 'n4'], FailedNodes: { n1: 'too loud' } } : [{ Host: 'n3', Score: 7 }, { Host: 'n4', Score: 1 }]));
  const silent = await serveExtender(sim, 'silent', () => ({ NodeNames: ['n3', 'n4'] }));
  for (const name of ['n1', 'n2', 'n3', 'n4']) put(server, 'nodes', node(name));
  put(server, 'nodes', node('n5', { spec: { unschedulable: true } }));
  put(server, 'pods', pod('p'));
  await here.start(configured({ extenders: [
    { urlPrefix: choosy, filterVerb: 'filter', prioritizeVerb: 'prioritize', weight: 2, nodeCacheCapable: true }, { urlPrefix: silent, filterVerb: 'filter', nodeCacheCapable: true },
  ] }));
  await whenPod(sim, server, 'p', assigned);
  const [only] = await told(here, 'p');
  expect(only).toMatchObject({ outcome: 'placed', node: 'n3', nodes: { total: 5, evaluated: 5, feasible: 2 } });
  expect(verdicts(only)).toEqual([
    `n1: extender ${choosy}: too loud`, `n2: extender ${silent}: gave no reason`, 'n3: would do', 'n4: would do', 'n5: NodeUnschedulable: node(s) were unschedulable',
  ]);
  // Seven of ten are 70 of a hundred, twice.
  expect(only?.scores.map(({ node: name, plugins }) => [name, plugins.find(({ plugin }) => plugin === 'extenders')?.normalized])).toEqual([['n3', 140], ['n4', 20]]);
  for (const { total, plugins } of only?.scores ?? []) expect(plugins.reduce((sum, { weight, normalized }) => sum + weight * normalized, 0)).toBe(total);
});

test('an extender that lets nothing pass is why the pod fits nowhere', async () => {
  const here = await world();
  const { sim, server } = here;
  const choosy = await serveExtender(sim, 'choosy', () => ({ NodeNames: [], FailedNodes: { n1: 'too loud', n2: 'too far' } }));
  for (const name of ['n1', 'n2']) put(server, 'nodes', node(name));
  put(server, 'pods', pod('p'));
  await here.start(configured({ extenders: [{ urlPrefix: choosy, filterVerb: 'filter', nodeCacheCapable: true }] }));
  await whenPod(sim, server, 'p', refused);
  const [only] = await told(here, 'p');
  expect(only).toMatchObject({ outcome: 'unfit', nodes: { feasible: 0 }, scores: [], changes: [] });
  expect(verdicts(only)).toEqual([`n1: extender ${choosy}: too loud`, `n2: extender ${choosy}: too far`]);
});

const gangs = configured({ profiles: [{ plugins: { multiPoint: { enabled: [{ name: 'Coscheduling' }] }, queueSort: { enabled: [{ name: 'Coscheduling' }], disabled: [{ name: '*' }] } } }] });
const member = (name: string, more: Parameters<typeof pod>[2] = {}): Pod => pod(name, '1', more, { [podGroupLabel]: 'g' });
const group = { apiVersion: 'scheduling.x-k8s.io/v1alpha1', kind: 'PodGroup', metadata: { name: 'g', namespace: 'default' }, spec: { minMember: 3 } };

test('a member says what its gang waits for: the group, members, room for another', async () => {
  const here = await world();
  const { sim, server } = here;
  put(server, 'nodes', node('n1', { cpu: '8' }) satisfies Node);
  for (const name of ['a', 'b']) put(server, 'pods', member(name));
  await here.start(gangs);
  put(server, 'pods', pod('alone'));
  await whenPod(sim, server, 'alone', assigned);
  expect(await told(here, 'a')).toMatchObject([{ outcome: 'held', attempt: 0, message: 'waiting for PodGroup default/g', gang: { group: 'default/g', placed: 0, members: 2 } }]);
  put(server, 'podgroups', group, 'scheduling.x-k8s.io');
  await sim.run(1000);
  expect(await told(here, 'a')).toMatchObject([{
    outcome: 'held', message: 'cannot find enough sibling pods, current pods number: 2, minMember of group: 3', gang: { group: 'default/g', minMember: 3, placed: 0, members: 2 }, nodes: { total: 1, evaluated: 0, feasible: 0 },
  }]);
  put(server, 'pods', member('c', { nodeSelector: { disk: 'ssd' } }));
  await whenPod(sim, server, 'a', refused);
  await whenPod(sim, server, 'c', (found) => message(found).startsWith('0/1 nodes'));
  const gang = { group: 'default/g', minMember: 3, placed: 0, members: 3, culprit: 'default/c' };
  for (const name of ['a', 'b']) {
    const all = await told(here, name);
    // Whatever was found for it alone, it went nowhere.
    expect(all.map(({ outcome }) => outcome)).not.toContain('placed');
    expect(all.at(-1)).toMatchObject({ outcome: 'gang', message: 'PodGroup default/g gets rejected due to Pod c is unschedulable even after PostFilter', gang });
  }
  expect((await told(here, 'c')).at(-1)).toMatchObject({ outcome: 'unfit', rejections: [{ plugin: 'NodeAffinity', count: 1 }], gang });
  put(server, 'nodes', node('n2', { labels: { disk: 'ssd' } }));
  for (const name of ['a', 'b', 'c']) {
    await whenPod(sim, server, name, assigned);
    const last = (await told(here, name)).at(-1);
    expect(last?.outcome).toBe('placed');
    expect(last).not.toHaveProperty('gang');
  }
});

test('a pod whose binding is refused did not go there', async () => {
  const here = await world();
  const { sim, server } = here;
  put(server, 'nodes', node('n1'));
  put(server, 'pods', pod('p'));
  let refusals = 0;
  server.intercept = ({ target }) => (target.includes('binding') && refusals++ === 0 ? { status: 409, headers: {}, body: utf8('{"kind":"Status","reason":"Conflict","code":409,"message":"not now"}') } : undefined);
  await here.start();
  await whenPod(sim, server, 'p', assigned);
  expect((await told(here, 'p')).map(({ outcome, node: name, message: text }) => [outcome, name, text.includes('not now')])).toEqual([['unbound', 'n1', true], ['placed', 'n1', false]]);
});
