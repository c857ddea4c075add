import type { Node, Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { defaultSchedulerConfig } from '../config.ts';
import { stateOf } from './cluster-state.ts';
import { qualityOf } from './quality.ts';
import { parseScenario } from './scenario-fields.ts';
import type { Scenario } from './scenario.ts';
import { simulate, type SimulationResult } from './simulate.ts';

const config = defaultSchedulerConfig('test');

function node(name: string, cpu = '4'): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec: {}, status: { allocatable: { cpu, memory: '8Gi', pods: '10' } } } as Node;
}

function pod(name: string, nodeName: string, cpu = '1', more: object = {}): Pod {
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', uid: name, ...more },
    spec: { schedulerName: 'default-scheduler', ...(nodeName === '' ? {} : { nodeName }), containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] }, status: { phase: 'Running' },
  } as Pod;
}

async function run(objects: readonly object[], scenario: Scenario, seed = 1): Promise<SimulationResult> {
  return simulate(stateOf([{ kind: 'List', items: objects }]), { scenario, config, seed, forMs: 30_000 });
}

test('pods of a node that goes are placed again, those of a daemon set go with it', async () => {
  const daemon = pod('agent', 'a', '100m', { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent', uid: 'd', controller: true }] });
  const result = await run([node('a'), node('b'), pod('web', 'a'), pod('db', 'b'), daemon], { removeNodes: ['a'] });
  expect(result.placements).toEqual([{ pod: 'shop/web', before: 'a', after: 'b' }]);
  expect([result.pending, result.preempted, result.after.pods, result.after.nodes]).toEqual([[], [], 2, 1]);
  expect([result.before.cpu, result.after.cpu]).toEqual([2.1 / 8, 2 / 4]);
});

test('pods of the last node have nowhere to go; a state that has no nodes at all is a mistake', async () => {
  const result = await run([node('a'), pod('web', 'a')], { removeNodes: ['a'] });
  expect(result.pending).toEqual([expect.objectContaining({ pod: 'shop/web', message: expect.stringContaining('no nodes available to schedule pods') as unknown })]);
  await expect(run([pod('web', '')], {})).rejects.toThrow('the state has no nodes');
});

test('what has no room is told with the reason, and has room on nodes that are added', async () => {
  const template = pod('big', '', '3');
  const alone = await run([node('a')], { addPods: [{ template, count: 2 }] });
  expect(alone.placements.map(({ after }) => after)).toEqual(['a']);
  expect(alone.pending).toEqual([expect.objectContaining({ reason: 'Unschedulable', message: expect.stringContaining('0/1 nodes are available: 1 Insufficient cpu.') as unknown })]);
  const grown = await run([node('a')], { addPods: [{ template, count: 2 }], addNodes: [{ like: 'a', count: 1, namePrefix: 'n' }] });
  expect(grown.placements.map(({ after }) => after).toSorted()).toEqual(['a', 'n1']);
  expect(grown.pending).toEqual([]);
});

test('a taint, a cordon, and a more important pod that takes the place of another', async () => {
  const scenario: Scenario = { taint: [{ node: 'a', taints: [{ key: 'x', effect: 'NoSchedule' }] }], cordon: ['b'], addPods: [{ template: pod('new', ''), count: 1 }] };
  expect((await run([node('a'), node('b')], scenario)).pending[0]?.message).toContain("1 node(s) had untolerated taint {x: }, 1 node(s) were unschedulable");
  const important = pod('vip', '', '4');
  const result = await run([node('a'), pod('low', 'a', '2')], { addPods: [{ template: { ...important, spec: { ...important.spec, containers: important.spec?.containers ?? [], priority: 1000 } }, count: 1 }] });
  expect([result.preempted, result.placements]).toEqual([['shop/low'], [{ pod: 'shop/vip-1', before: '', after: 'a' }]]);
});

test('pods that are added have the priority of their class', async () => {
  const important = pod('vip', '', '4');
  const template = { ...important, spec: { ...important.spec, containers: important.spec?.containers ?? [], priorityClassName: 'urgent' } };
  const urgent = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'urgent' }, value: 1000 };
  const scenario: Scenario = { addPods: [{ template, count: 1 }] };
  expect((await run([node('a'), pod('low', 'a', '2'), urgent], scenario)).preempted).toEqual(['shop/low']);
  expect((await run([node('a'), pod('low', 'a', '2'), { ...urgent, preemptionPolicy: 'Never' }], scenario)).preempted).toEqual([]);
  await expect(run([node('a')], scenario)).rejects.toThrow('scenario: there is no PriorityClass urgent');
});

test('the same seed gives the same result, and the state is left as it was', async () => {
  const objects = [node('a'), node('b'), node('c'), ...Array.from({ length: 9 }, (_, i) => pod(`p${i}`, 'a', '100m'))];
  const before = JSON.stringify(objects);
  const results = await Promise.all([run(objects, { reschedule: ['*'] }, 7), run(objects, { reschedule: ['*'] }, 7)]);
  expect(results[0]).toEqual(results[1]);
  expect(results[0]?.after.uses.map(({ pods }) => pods)).toEqual([3, 3, 3]);
  expect(JSON.stringify(objects)).toBe(before);
});

test.each<[unknown, string]>([
  [{ addNode: [] }, 'scenario: unknown field addNode; there are addNodes, '],
  [{ cordon: 'a' }, 'scenario: cordon: expected a list'],
  [[], 'scenario: expected an object'],
  [{ addPods: [{ count: 2 }] }, 'scenario: addPods[0].template: expected an object'],
  [{ addPods: [{ count: '2', template: {} }] }, 'scenario: addPods[0].count: expected a whole number from 1 to 100000'],
  [{ addNodes: [{ node: 'a', count: 1 }] }, 'scenario: addNodes[0]: unknown field node; there are like, count, namePrefix, labels, allocatable'],
  [{ taint: [{ node: 'a' }] }, 'scenario: taint[0].taints: expected a list'],
  [{ cordon: [{ node: 'a' }] }, 'scenario: cordon[0]: expected a name'],
])('mistakes are named: %j', (value, message) => {
  expect(() => parseScenario(value)).toThrow(message);
});

test('a name that is not there is a mistake', async () => {
  await expect(run([node('a')], { removeNodes: ['b'] })).rejects.toThrow('scenario: there is no node b');
  await expect(run([node('a')], { removePods: ['shop/x'] })).rejects.toThrow('scenario: there is no pod shop/x (namespace/name)');
});

test('quality: use, balance and fragmentation', () => {
  const quality = qualityOf([node('a'), node('b')], [pod('x', 'a', '4'), pod('y', 'b', '2')]);
  expect([quality.cpu, quality.cpuImbalance, quality.cpuFragmentation]).toEqual([0.75, 0.25, 0]);
  expect(qualityOf([node('a'), node('b')], []).cpuFragmentation).toBe(0.5);
});
