import { statusOf } from '@coxswain/client/testing';
import { utf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { assigned, node, pod, put, read, whenEvent, whenPod, world } from './testing/world.ts';

test('spreads pods over nodes, counts what it has just decided, and tells of it', async () => {
  const { sim, server, start } = await world();
  for (const name of ['n1', 'n2', 'n3']) put(server, 'nodes', node(name, { cpu: '1' }));
  for (let i = 0; i < 9; i += 1) put(server, 'pods', pod(`p${i}`, '300m'));
  await start();
  for (let i = 0; i < 9; i += 1) await whenPod(sim, server, `p${i}`, assigned);
  const perNode = new Map<string, number>();
  for (let i = 0; i < 9; i += 1) {
    const name = read(server, `p${i}`).spec?.nodeName as string;
    perNode.set(name, (perNode.get(name) ?? 0) + 1);
  }
  expect([...perNode.values()]).toEqual([3, 3, 3]);
  const event = await whenEvent(sim, server, 'Scheduled');
  expect(event.message).toMatch(/^Successfully assigned default\/p\d to n[123]$/);
});

test('says why a pod fits nowhere, in the words users know, and schedules it once a node can take it', async () => {
  const { sim, server, start } = await world();
  put(server, 'nodes', node('n1', { cpu: '1' }));
  put(server, 'nodes', node('n2', { spec: { taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] } }));
  put(server, 'nodes', node('n3', { spec: { taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] } }));
  put(server, 'pods', pod('big', '2'));
  await start();
  await whenPod(sim, server, 'big', (found) => found.status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'False') === true);
  const expected = '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {dedicated: db}.'
    + ' preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.';
  const condition = read(server, 'big').status?.conditions?.find(({ type }) => type === 'PodScheduled');
  expect(condition).toMatchObject({ status: 'False', reason: 'Unschedulable', message: expected });
  expect((await whenEvent(sim, server, 'FailedScheduling')).message).toBe(expected);
  put(server, 'nodes', node('n4'));
  await whenPod(sim, server, 'big', assigned);
  expect(read(server, 'big').spec?.nodeName).toBe('n4');
});

test('a binding that fails is undone and tried again after a second', async () => {
  const { sim, server, start } = await world();
  put(server, 'nodes', node('n1', { cpu: '1' }));
  put(server, 'pods', pod('first', '800m'));
  let refused = 0;
  let refusedAtMs = 0;
  server.intercept = (request) => {
    if (!request.target.endsWith('/pods/first/binding') || refused > 0) return undefined;
    refused += 1;
    refusedAtMs = sim.loop.nowMs;
    return statusOf(403, 'Forbidden', 'no');
  };
  await start();
  await whenPod(sim, server, 'first', assigned);
  expect(refused).toBe(1);
  const waitedMs = sim.loop.nowMs - refusedAtMs;
  expect(waitedMs).toBeGreaterThanOrEqual(1000);
  expect(waitedMs).toBeLessThan(2000);
});

test('while it is not known how a binding ended its room is kept, and asked for again', async () => {
  const { sim, server, start } = await world();
  put(server, 'nodes', node('n1', { cpu: '1' }));
  put(server, 'pods', pod('first', '800m'));
  let asked = 0;
  server.intercept = (request) => {
    if (!request.target.endsWith('/binding')) return undefined;
    expect(request.target).toContain('/pods/first/');
    asked += 1;
    return asked < 20 ? statusOf(504, 'Timeout', 'nobody knows') : undefined;
  };
  await start();
  await sim.run(2000, () => asked === 1);
  put(server, 'pods', pod('second', '800m'));
  await whenPod(sim, server, 'first', assigned);
  expect(asked).toBe(20);
  await whenPod(sim, server, 'second', (found) => found.status?.conditions?.some(({ reason }) => reason === 'Unschedulable') === true);
});

test('a binding that had been done though nobody said so counts as done', async () => {
  const { sim, server, start } = await world();
  put(server, 'nodes', node('n1', { cpu: '1' }));
  put(server, 'pods', pod('first', '800m'));
  const key = { group: '', resource: 'pods', namespace: 'default', name: 'first' };
  let asked = 0;
  server.intercept = (request) => {
    if (!request.target.endsWith('/binding')) return undefined;
    asked += 1;
    return asked === 1 ? statusOf(500, 'InternalError', 'etcdserver: request timed out') : statusOf(409, 'Conflict', 'pod first is already assigned to node "n1"');
  };
  await start();
  await sim.run(2000, () => asked === 1);
  server.store.update(key, { ...server.store.get(key), spec: pod('first', '800m', { nodeName: 'n1' }).spec }, '');
  expect((await whenEvent(sim, server, 'Scheduled')).message).toBe('Successfully assigned default/first to n1');
  expect(asked).toBe(2);
});

test('a leader whose binding is refused because another one leads decides no more, and tells nobody of it', async () => {
  const { sim, server, start } = await world();
  put(server, 'nodes', node('n1'));
  put(server, 'pods', pod('first'));
  let asked = 0;
  server.intercept = (request) => {
    if (!request.target.endsWith('/binding')) return undefined;
    asked += 1;
    expect(request.headers['x-coxswain-lease-term']).toBe('kube-system/kube-scheduler/test/0');
    return { status: 409, headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify({ kind: 'Status', code: 409, reason: 'Conflict', message: 'no', details: { causes: [{ reason: 'LeaseMovedOn' }] } })) };
  };
  await start();
  await sim.run(30_000);
  expect(asked).toBe(1);
  expect(assigned(read(server, 'first'))).toBe(false);
  expect(read(server, 'first').status?.conditions).toBeUndefined();
  expect(server.store.list('', 'events', '')).toEqual([]);
});

test('a more important pod takes the place of a less important one', async () => {
  const { sim, server, start } = await world();
  put(server, 'nodes', node('n1', { cpu: '1' }));
  put(server, 'pods', { ...pod('low', '800m', { priority: 0, nodeName: 'n1' }) });
  put(server, 'pods', { ...pod('high', '800m', { priority: 1000 }) });
  await start();
  await whenPod(sim, server, 'low', (found) => found.metadata?.deletionTimestamp !== undefined);
  await whenPod(sim, server, 'high', (found) => found.status?.nominatedNodeName === 'n1');
  expect(read(server, 'low').status?.conditions).toContainEqual(expect.objectContaining({ type: 'DisruptionTarget', reason: 'PreemptionByScheduler' }));
  const low = { group: '', resource: 'pods', namespace: 'default', name: 'low' };
  server.store.delete(low, { gracePeriodSeconds: 0 });
  await whenPod(sim, server, 'high', assigned);
  expect((await whenEvent(sim, server, 'Preempted')).message).toBe(`Preempted by pod ${read(server, 'high').metadata?.uid} on node n1`);
});

test('room that could not be made is made when the pod tries again, at once', async () => {
  const { sim, server, start } = await world();
  put(server, 'nodes', node('n1', { cpu: '1' }));
  put(server, 'pods', pod('low', '800m', { priority: 0, nodeName: 'n1' }));
  put(server, 'pods', pod('high', '800m', { priority: 1000 }));
  let refused = 0;
  server.intercept = (request) => {
    if (request.method !== 'DELETE' || refused > 0) return undefined;
    refused += 1;
    return statusOf(403, 'Forbidden', 'not today');
  };
  await start();
  await sim.run(1000);
  expect(refused).toBe(1);
  expect(read(server, 'low').metadata?.deletionTimestamp).toBeDefined();
  expect(read(server, 'high').status?.nominatedNodeName).toBe('n1');
});

test('a gated pod waits for its gates', async () => {
  const { sim, server, start } = await world();
  put(server, 'nodes', node('n1'));
  const gated = pod('gated', '100m', { schedulingGates: [{ name: 'example.com/wait' }] });
  put(server, 'pods', gated);
  put(server, 'pods', pod('other'));
  await start();
  await whenPod(sim, server, 'other', assigned);
  expect(assigned(read(server, 'gated'))).toBe(false);
  const key = { group: '', resource: 'pods', namespace: 'default', name: 'gated' };
  server.store.update(key, { ...server.store.get(key), spec: pod('gated').spec }, '');
  await whenPod(sim, server, 'gated', assigned);
});
