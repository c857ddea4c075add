import { Simulation } from '@coxswain/host/sim';
import fc from 'fast-check';
import type { Node, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { SchedulerCache } from '../cache/cache.ts';
import { podInfoOf } from '../cache/pod-info.ts';
import { defaultProfile } from '../config.ts';
import { decide } from '../decide.ts';
import { CycleState } from '../framework/cycle-state.ts';
import type { Framework } from '../framework/framework.ts';
import { makeFramework } from '../profile.ts';
import { Nominations } from '../queue/nominations.ts';
import { question } from '../testing/arbitraries.ts';
import { staticStorage } from '../testing/static-storage.ts';
import { DecisionLog, type DecisionRecord } from './decision-log.ts';
import { explain, type Known } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { testHandle } from '../testing/handle.ts';

const { host } = new Simulation({ seed: 1 }).start('test', 'test');

function frameworkFor(namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>): Framework {
  return makeFramework(defaultProfile, testHandle(host, { namespaceLabels: (namespace) => namespaces[namespace] ?? {} }), host.timers);
}

const known = (cache: SchedulerCache): Known => ({ cache, storage: staticStorage({}), nominations: new Nominations() });

/** Decides, notes, and puts the pod where it was decided. */
function decideAndAssume(framework: Framework, cache: SchedulerCache, pod: Pod, startIndex: number): DecisionRecord {
  const info = podInfoOf(pod);
  const options = { nominatedNodeName: '', percentageOfNodesToScore: 0, startIndex };
  const decision = decide(framework, new CycleState(), info, cache.snapshot(), { ...options, nominator: new Nominations(), random: host.random });
  const placed = decision.kind === 'placed';
  const record: DecisionRecord = {
    pod: info, profile: 'default-scheduler', attempt: 1, atMs: 0, place: cache.place, nominationsPlace: 0, storagePlace: 0, options,
    outcome: decision.kind, nodeName: placed ? decision.nodeName : '', evaluated: placed ? decision.evaluated : 0, message: '',
  };
  return record;
}

test('an explanation asked for later is the one that would have been given at once, and asking changes nothing', () => {
  fc.assert(fc.property(question, question, fc.array(fc.nat(200), { maxLength: 30 }), ({ cluster, pod }, other, steps) => {
    const cache = new SchedulerCache((namespace) => cluster.namespaces[namespace]);
    const framework = frameworkFor(cluster.namespaces);
    for (const node of cluster.nodes) cache.setNode(node);
    const asked: { record: DecisionRecord; told: Explanation | undefined }[] = [];
    for (const [turn, step] of steps.entries()) {
      const [node, placed] = [cluster.nodes[step % cluster.nodes.length] as Node, cluster.pods[step % Math.max(1, cluster.pods.length)]];
      switch (step % 5) {
        case 0: if (placed !== undefined) cache.setPod(placed); break;
        case 1: if (placed !== undefined) cache.removePod(placed.metadata?.uid ?? ''); break;
        case 2: cache.setNode({ ...node, metadata: { ...node.metadata, labels: { zone: 'elsewhere' } } }); break;
        case 3: cache.setNode(node); break;
        default: {
          const subject = { ...(step % 2 === 0 ? pod : other.pod), metadata: { ...pod.metadata, uid: `u${turn}`, name: `p${turn}` } };
          const record = decideAndAssume(framework, cache, subject, step % cluster.nodes.length);
          asked.push({ record, told: explain(framework, known(cache), record, { everyNode: true }) });
          if (record.nodeName !== '') cache.assumePod(record.pod, record.nodeName);
        }
      }
    }
    for (const { record, told } of asked) {
      expect(explain(framework, known(cache), record, { everyNode: true })).toEqual(told);
      if (record.outcome === 'placed') expect(told?.verdicts).toContainEqual({ node: record.nodeName, feasible: true, plugin: '', reasons: [] });
      else expect(told?.rejections.reduce((sum, { count }) => sum + count, 0)).toBe(cluster.nodes.length);
    }
  }), { numRuns: 150, seed: 5 });
});

const GiB = 2 ** 30;

function node(name: string, more: { readonly labels?: Record<string, string>; readonly spec?: object; readonly cpu?: string } = {}): Node {
  return { metadata: { name, labels: { 'kubernetes.io/hostname': name, ...more.labels } }, spec: more.spec ?? {}, status: { allocatable: { cpu: more.cpu ?? '4', memory: String(8 * GiB), pods: '10' } } } as Node;
}

function pod(name: string, spec: Partial<PodSpec> = {}, cpu = '1'): Pod {
  return { metadata: { name, namespace: 'default', uid: name, labels: { app: 'web' } }, spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }], ...spec } } as Pod;
}

const web = { labelSelector: { matchLabels: { app: 'web' } } };

/** What somebody who knows the cluster would say. */
test.each<[string, Node[], Pod[], Pod, string[]]>([
  ['too much processor', [node('a', { cpu: '2' }), node('b', { cpu: '3' })], [], pod('x', {}, '4'), ['pod/x: request 3 of cpu instead of 4 (1: b)']],
  ['a taint', [node('a', { spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } }), node('b', { cpu: '500m' })], [], pod('x'),
    ['pod/x: request 500m of cpu instead of 1 (1: b)', 'pod/x: tolerate the taint gpu=yes:NoSchedule (1: a)']],
  ['a cordoned node', [node('a', { spec: { unschedulable: true } })], [], pod('x'), ['node/a: uncordon it (1: a)']],
  ['a label that no node has', [node('a'), node('b')], [], pod('x', { nodeSelector: { disk: 'ssd' } }), ['pod/x: do not select nodes by disk=ssd (2: a,b)']],
  ['anti-affinity', [node('a')], [pod('y', { nodeName: 'a' })], pod('x', { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', ...web }] } } }),
    ['pod/x: do not require pod anti-affinity by kubernetes.io/hostname (1: a)']],
  ['two things at once have no single change', [node('a', { cpu: '500m', spec: { unschedulable: true } })], [], pod('x'), []],
  ['a skew', [node('a'), node('b', { cpu: '500m' })], [pod('y', { nodeName: 'a' })], pod('x', { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule', ...web }] }),
    ['pod/x: request 500m of cpu instead of 1 (1: b)', 'pod/x: allow a skew of 2 over kubernetes.io/hostname instead of 1 (1: a)', 'pod/x: do not require spreading over kubernetes.io/hostname (1: a)']],
])('the smallest change: %s', (_title, nodes, pods, subject, expected) => {
  const cache = new SchedulerCache();
  const framework = frameworkFor({});
  for (const one of nodes) cache.setNode(one);
  for (const one of pods) cache.setPod(one);
  const told = explain(framework, known(cache), decideAndAssume(framework, cache, subject, 0), { everyNode: false });
  expect(told?.outcome).toBe('unfit');
  expect(told?.changes.map(({ target, change, nodes: count, examples }) => `${target}: ${change} (${count}: ${examples.join(',')})`)).toEqual(expected);
});

test('scores add up to what was decided by', () => {
  const cache = new SchedulerCache();
  const framework = frameworkFor({});
  for (const one of [node('small', { cpu: '2' }), node('large', { cpu: '16' })]) cache.setNode(one);
  const record = decideAndAssume(framework, cache, pod('x'), 0);
  const told = explain(framework, known(cache), record, { everyNode: false });
  expect(record.nodeName).toBe('large');
  expect(told?.scores.map((score) => score.node)).toEqual(['large', 'small']);
  for (const { total, plugins } of told?.scores ?? []) expect(plugins.reduce((sum, { weight, normalized }) => sum + weight * normalized, 0)).toBe(total);
  // (16 - 1) / 16 and, with no memory asked for, nearly all of it.
  expect(told?.scores[0]?.plugins.find(({ plugin }) => plugin === 'NodeResourcesFit')?.normalized).toBe(Math.floor((93 + 97) / 2));
});

test('the log remembers the latest, by pod', () => {
  const log = new DecisionLog(2);
  const record = (name: string, attempt: number): DecisionRecord => ({ pod: podInfoOf(pod(name)), attempt } as DecisionRecord);
  for (let attempt = 1; attempt <= 4; attempt += 1) log.add(record(attempt === 1 ? 'early' : 'late', attempt));
  expect(log.of('default/early')).toEqual([]);
  expect(log.of('default/late').map(({ attempt }) => attempt)).toEqual([3, 4]);
});
