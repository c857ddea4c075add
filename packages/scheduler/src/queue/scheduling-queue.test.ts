import { Simulation } from '@coxswain/host/sim';
import fc from 'fast-check';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import type { ClusterEvent } from '../framework/events.ts';
import { prioritySort } from '../plugins/priority-sort/priority-sort.ts';
import { schedulingGates } from '../plugins/scheduling-gates/scheduling-gates.ts';
import { fromPlugin } from '../framework/status.ts';
import { Heap } from './heap.ts';
import { QueueingHints } from './queueing-hints.ts';
import { podInfoOf } from '../cache/pod-info.ts';
import { SchedulingQueue, type QueuedPodInfo } from './scheduling-queue.ts';

const rejectedBy = (...names: readonly string[]): { unschedulablePlugins: Set<string>; pendingPlugins: Set<string> } => ({ unschedulablePlugins: new Set(names), pendingPlugins: new Set() });
const nodeAdded: ClusterEvent = { resource: 'Node', actions: ['Add'], before: undefined, after: {} };
const podDeleted: ClusterEvent = { resource: 'AssignedPod', actions: ['Delete'], before: {}, after: undefined };

function world(popFromBackoff = false): { sim: Simulation; queue: SchedulingQueue; pops: () => string[]; judged: string[] } {
  const judged: string[] = [];
  const sim = new Simulation({ seed: 1 });
  const { host } = sim.start('m', 'scheduler');
  const hints = new QueueingHints([
    schedulingGates,
    { name: 'Picky', eventsToRegister: () => [{ resource: 'Node', actions: ['Add'] }] },
    { name: 'Choosy', eventsToRegister: () => [{ resource: 'AssignedPod', actions: ['Delete'], hint: (pod) => pod.metadata?.name === 'lucky' }] },
  ]);
  const queue = new SchedulingQueue({
    clock: host.clock, timers: host.timers, initialBackoffMs: 1000, maxBackoffMs: 10_000, maxUnschedulableMs: 300_000, popFromBackoff,
    infoOf: podInfoOf, less: (a, b) => prioritySort.less(a, b), preEnqueue: (pod) => fromPlugin(schedulingGates.preEnqueue(pod), schedulingGates.name),
    judge: (pod, rejection, event) => { judged.push(pod.metadata?.name ?? ''); return hints.judge(pod, rejection, event); },
    concerns: (_name, rejection, event) => hints.concerns(rejection, event), wake: () => undefined,
  });
  queue.start();
  return { sim, queue, judged, pops: () => {
    const names: string[] = [];
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) names.push(item.podInfo.name);
    return names;
  } };
}

function pod(name: string, priority = 0, gates: readonly string[] = []): Pod {
  return { metadata: { name, namespace: 'x', uid: name }, spec: { containers: [], priority, schedulingGates: gates.map((gate) => ({ name: gate })) } };
}

test('important pods first, then who came first', () => {
  const { queue, pops } = world();
  for (const [name, priority] of [['a', 0], ['b', 5], ['c', 0], ['d', 5]] as const) queue.add(pod(name, priority));
  const order = pops();
  expect([new Set(order.slice(0, 2)), new Set(order.slice(2))]).toEqual([new Set(['b', 'd']), new Set(['a', 'c'])]);
});

test('an event asks only the pods that wait for its kind', async () => {
  const { sim, queue, pops, judged } = world();
  for (let at = 0; at < 50; at += 1) queue.add(pod(`gated${at}`, 0, ['hold']));
  for (const [name, plugin] of [['a', 'Picky'], ['b', 'Choosy'], ['c', 'Unheard']] as const) {
    queue.add(pod(name));
    queue.giveBack(queue.pop() as QueuedPodInfo, rejectedBy(plugin));
  }
  expect(queue.counts).toEqual({ active: 0, backoff: 0, unschedulable: 3, gated: 50 });
  await sim.run(20_000);
  queue.moveAll(nodeAdded);
  // Nobody knows what would help the third.
  expect(judged).toEqual(['a', 'c']);
  expect(pops()).toEqual(['a', 'c']);
  expect(queue.counts).toEqual({ active: 0, backoff: 0, unschedulable: 1, gated: 50 });
});

test('a rejected pod sleeps until an event that its plugin declared', async () => {
  const { sim, queue, pops } = world();
  queue.add(pod('a'));
  queue.giveBack(queue.pop() as QueuedPodInfo, rejectedBy('Picky'));
  await sim.run(20_000);
  queue.moveAll(podDeleted);
  expect(pops()).toEqual([]);
  queue.moveAll(nodeAdded);
  expect(pops()).toEqual(['a']);
});

test('the hint decides for each pod', async () => {
  const { sim, queue, pops } = world();
  for (const name of ['lucky', 'other']) queue.add(pod(name));
  for (let item = queue.pop(); item !== undefined; item = queue.pop()) queue.giveBack(item, rejectedBy('Choosy'));
  await sim.run(20_000);
  queue.moveAll(podDeleted);
  expect(pops()).toEqual(['lucky']);
});

test('back-off is one second, doubles, and ends at ten', async () => {
  const { sim, queue } = world();
  queue.add(pod('a'));
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 6; attempt += 1) {
    const item = queue.pop() as QueuedPodInfo;
    const fromMs = sim.nowMs;
    queue.giveBack(item, rejectedBy());
    await sim.run(60_000, () => queue.counts.active > 0);
    waits.push(Math.round((sim.nowMs - fromMs) / 1000));
  }
  expect(waits).toEqual([1, 2, 4, 8, 10, 10]);
});

test('an event during the decision is not slept through', async () => {
  const { sim, queue, pops } = world();
  queue.add(pod('a'));
  const item = queue.pop() as QueuedPodInfo;
  queue.moveAll(nodeAdded);
  queue.giveBack(item, rejectedBy('Picky'));
  expect(queue.counts).toMatchObject({ backoff: 1, unschedulable: 0 });
  await sim.run(1100);
  expect(pops()).toEqual(['a']);
});

test('an event before the decision began does not count', () => {
  const { queue } = world();
  queue.add(pod('b'));
  const other = queue.pop() as QueuedPodInfo;
  queue.moveAll(nodeAdded);
  queue.add(pod('a'));
  queue.giveBack(queue.pop() as QueuedPodInfo, rejectedBy('Picky'));
  expect(queue.counts).toMatchObject({ backoff: 0, unschedulable: 1 });
  queue.giveBack(other, rejectedBy('Picky'));
  expect(queue.counts).toMatchObject({ backoff: 1, unschedulable: 1 });
});

test('nobody waits for the end of a back-off while there is nothing else to decide, but for those that failed by an error', async () => {
  const { sim, queue, pops } = world(true);
  for (const name of ['helped', 'failed']) queue.add(pod(name));
  queue.giveBack(queue.take('helped') as QueuedPodInfo, rejectedBy('Picky'));
  queue.giveBack(queue.take('failed') as QueuedPodInfo, rejectedBy());
  queue.moveAll(nodeAdded);
  expect(queue.counts).toMatchObject({ active: 0, backoff: 2 });
  queue.add(pod('fresh', -1));
  expect(pops()).toEqual(['fresh', 'helped']);
  await sim.run(1100);
  expect(pops()).toEqual(['failed']);
});

test('after five minutes a pod is tried whatever happened', async () => {
  const { sim, queue, pops } = world();
  queue.add(pod('a'));
  queue.giveBack(queue.pop() as QueuedPodInfo, rejectedBy('Picky'));
  await sim.run(299_000);
  expect(pops()).toEqual([]);
  await sim.run(32_000);
  expect(pops()).toEqual(['a']);
});

test('a gated pod is moved by nothing but the end of its gates', async () => {
  const { sim, queue, pops } = world();
  queue.add(pod('a', 0, ['wait']));
  await sim.run(600_000);
  queue.moveAll(nodeAdded);
  expect(pops()).toEqual([]);
  const free = pod('a');
  queue.update(free, { resource: 'UnscheduledPod', actions: ['UpdatePodSchedulingGatesEliminated'], before: pod('a', 0, ['wait']), after: free });
  expect(pops()).toEqual(['a']);
});

test('a pod deleted while it is decided does not come back', () => {
  const { queue } = world();
  queue.add(pod('a'));
  const item = queue.pop() as QueuedPodInfo;
  queue.delete('a');
  queue.giveBack(item, rejectedBy());
  expect(queue.counts).toEqual({ active: 0, backoff: 0, unschedulable: 0, gated: 0 });
});

test('a pod whose binding waits for others keeps no events, and may have missed any', async () => {
  const { sim, queue, pops } = world();
  queue.add(pod('a'));
  const item = queue.pop() as QueuedPodInfo;
  queue.setApart('a');
  queue.giveBack(item, rejectedBy('Picky'));
  expect(queue.counts).toMatchObject({ backoff: 1, unschedulable: 0 });
  await sim.run(2000);
  expect(pops()).toEqual(['a']);
});

test('the heap is a sorted list that forgets on demand', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), rank: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ kind: fc.constant('delete' as const), key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') }), fc.record({ kind: fc.constant('pop' as const) }));
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const heap = new Heap<{ key: string; rank: number }>((item) => item.key, (a, b) => a.rank < b.rank);
    const model = new Map<string, number>();
    for (const action of steps) {
      if (action.kind === 'set') { heap.set({ key: action.key, rank: action.rank }); model.set(action.key, action.rank); }
      else if (action.kind === 'delete') { expect(heap.delete(action.key)?.rank).toBe(model.get(action.key)); model.delete(action.key); }
      else {
        const popped = heap.pop();
        expect(popped?.rank).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
        if (popped !== undefined) model.delete(popped.key);
      }
      expect(heap.size).toBe(model.size);
    }
  }), { seed: 23 });
});
