import { statusOf } from '@coxswain/client/testing';
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
    + ' preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling..';
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
    return statusOf(500, 'InternalError', 'no');
  };
  await start();
  await whenPod(sim, server, 'first', assigned);
  expect(refused).toBe(1);
  const waitedMs = sim.loop.nowMs - refusedAtMs;
  expect(waitedMs).toBeGreaterThanOrEqual(1000);
  expect(waitedMs).toBeLessThan(2000);
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
