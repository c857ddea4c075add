import { expect, test } from 'vitest';
import { placementOf } from './placement.ts';
import { plan } from './plan.ts';
import { compare, isUsable, lineOf, warmUpText, type Report, type Row } from './report.ts';
import type { Sample } from './sample.ts';
import { middleOf, percentiles } from './statistics.ts';
import { makeNode } from './templates.ts';
import { canGoAgain, countOf, isPaced, onRealPath, scaled, workloads } from './workloads.ts';

const placement = { cpuUtilisation: 0.5, cpuDeviation: 0, podsDeviation: 0, podsMost: 1, zoneSkew: undefined, fragmentation: 0 };

function sample(podsPerSecond: number): Sample {
  const processes = ['store1', 'store2', 'apiserver'].map((name) => ({ name, cpuSeconds: 1, cpuMsPerPod: 2, residentMb: 100 }));
  return { pods: 10, seconds: 1, podsPerSecond, bySecond: [10], createToBoundMs: undefined, decisionMs: undefined, processes, written: { requests: { 'POST events': 25, 'POST pods/binding': 10 }, lateEvents: 5 }, placement };
}

function row(...rates: readonly number[]): Row {
  return { workload: 'w', target: 't', drained: false, nodes: 10, line: undefined, samples: rates.map(sample) };
}

test('repetitions that differ by more than a twentieth are marked', () => {
  expect(isUsable(row(100, 104))).toBe(true);
  expect(isUsable(row(100, 110))).toBe(false);
  expect(lineOf(row(100, 110)).join()).toContain('10.0 %, unusable');
  expect(lineOf(row(100)).join()).toContain('one run');
  expect(lineOf({ ...row(), failure: 'no\n | more' })).toContain('failed: no / more');
  expect(lineOf({ ...row(100, 101), failure: 'no' })).toContain('failed in run 3: no');
  expect(isUsable({ ...row(100, 101), failure: 'no' })).toBe(false);
});

test('members of a store are told as one', () => {
  expect(lineOf(row(100)).join()).toContain('store 4.00 ms 200 MB, apiserver 2.00 ms 100 MB');
});

test('what was written is told with the events that came late', () => {
  expect(lineOf(row(100))).toContain('events 25 (5 late), 2.50 a pod, POST pods/binding 10');
});

test('what is warm-up is told, with the rate that it would make', () => {
  const warm = (podsPerSecond: number, coldPodsPerSecond: number): Sample => ({ ...sample(podsPerSecond), warmUp: 2, coldPodsPerSecond });
  const line = lineOf({ ...row(), samples: [warm(100, 80), warm(102, 90), warm(101, 70)] });
  expect(line.slice(3, 6)).toEqual(['10, 2 of them warm-up', '101 (80.0 with the warm-up)', '2.0 %']);
  expect(warmUpText(warm(100, 80))).toBe(' (80.0 with the 2 of the warm-up)');
  expect(warmUpText(sample(100))).toBe('');
});

test('two reports side by side, by name and size', () => {
  const report = (machine: string, ...rows: readonly Row[]): Report => ({ kind: 'cox-bench-scheduling', machine, atIso: '', notes: [], rows, leftOut: {} });
  const text = compare(report('here', row(100)), report('there', row(150), { ...row(1), workload: 'only in B' }));
  expect(text).toContain('A was measured on here\nB was measured on there');
  expect(text).toMatch(/w +\| real +\| 10 +\| 100 +\| 150 +\| 1\.50/);
  expect(text).not.toContain('only in B');
  expect(compare(report('here', row(100)), report('here', row(100, 120)))).toContain('unusable');
});

test('the middle of repetitions is one of them, of two the lower', () => {
  const middle = (...values: readonly number[]): number => middleOf(values, (value) => value);
  expect([middle(3, 1, 2), middle(2, 1), middle(5)]).toEqual([2, 1, 5]);
});

test('a full table has all in process, and on the real path first the goals\', then the others once; a quick one has each once on either', () => {
  const whole = { target: 'both', only: '', drain: false, nodes: 5000, foreign: false, repeats: 3, short: true } as const;
  const targets = ({ rows }: ReturnType<typeof plan>, target: string) => rows.filter((one) => one.target === target).map(({ workload, drain }) => ({ name: workload.name, drain }));
  const able = workloads.filter(({ onlyInProcess }) => onlyInProcess === undefined);
  expect(targets(plan(whole), 'decisions').map(({ name }) => name)).toEqual(workloads.map(({ name }) => name));
  const full = plan(whole).rows.filter(({ target }) => target === 'real');
  expect(targets(plan(whole), 'real').slice(0, onRealPath.length)).toEqual(onRealPath);
  expect(full.map(({ repeats }) => repeats)).toEqual(full.map(({ workload }, at) => (at < onRealPath.length && !isPaced(workload) ? 3 : 1)));
  expect(plan(whole).rows.filter(({ target, repeats }) => target === 'decisions' && repeats === 1).every(({ workload: { name } }) => /^(EventHandling|SteadyState)/.test(name))).toBe(true);
  expect(new Set(plan({ ...whole, target: 'decisions' }).rows.map(({ repeats }) => repeats))).toEqual(new Set([3]));
  expect(new Set(full.map(({ workload }) => workload.name))).toEqual(new Set(able.map(({ name }) => name)));
  expect(targets(plan({ ...whole, short: false }), 'real').map(({ name }) => name)).toEqual(able.map(({ name }) => name));
  expect(plan({ ...whole, foreign: true }).rows).toHaveLength(able.length);
  expect(plan({ ...whole, only: 'PreemptionBasic' }).rows.map(({ target }) => target)).toEqual(['decisions', 'real']);
  expect(plan({ ...whole, only: 'EventHandlingPodUpdate' })).toMatchObject({ rows: [{ target: 'decisions' }], notes: [expect.stringContaining('only in process') as unknown] });
  expect(() => plan({ ...whole, only: 'basic' })).toThrow('no workload has "basic" in its name; there are SchedulingBasic, ');
  expect(() => plan({ ...whole, target: 'decisions', foreign: true })).toThrow('without --kubeconfig');
});

test('percentiles are of the values', () => {
  expect(percentiles(Array.from({ length: 100 }, (_, at) => 100 - at))).toEqual({ p50: 51, p90: 91, p99: 100 });
  expect(percentiles([])).toBeUndefined();
});

test('placement: what is asked for, how evenly, and what no single node can take', () => {
  const nodes = ['a', 'b'].map((name, at) => makeNode('node-default', name, { 'topology.kubernetes.io/zone': `z${at}` }));
  // 4 processors each: a has 3 × 900m, so 1300m is free there and 4000m on b. 5300m would hold 5.9 pods of 900m, but 1 and 4 fit.
  const placed = [1, 2, 3].map(() => ({ template: 'pod-low-priority' as const, node: 'a' }));
  const found = placementOf(nodes, placed, 'pod-low-priority');
  expect(found.cpuUtilisation).toBeCloseTo(2.7 / 8);
  expect(found.cpuDeviation).toBeCloseTo(2.7 / 8);
  expect(found).toMatchObject({ podsMost: 3, zoneSkew: 3 });
  expect(found.fragmentation).toBeCloseTo(1 - 5 / (5.3 / 0.9));
});

test('workloads scale, and every count that they name is there', () => {
  const [basic] = workloads;
  expect(scaled(basic as (typeof workloads)[number], 500).params).toEqual({ initNodes: 500, initPods: 100, measurePods: 1000 });
  const sets = workloads.find(({ name }) => name === 'SchedulingRequiredPodAntiAffinityWithNSSelector') as (typeof workloads)[number];
  expect(scaled(sets, 20).params).toEqual({ initNodes: 24, initNamespaces: 1, podsEach: 16, measurePods: 8 });
  for (const workload of workloads) {
    expect(workload.ops.filter((op) => ['startCollectingMetrics', 'rollingUpdate', 'loseZone'].includes(op.opcode) || (op.opcode === 'createPods' && op.collectMetrics === true)), workload.name).toHaveLength(1);
    for (const op of workload.ops) if ('count' in op) expect(countOf(workload, op.count)).toBeGreaterThanOrEqual(0);
  }
  expect(new Set(workloads.map(({ name }) => name)).size).toBe(workloads.length);
});

test('new pods are measured in the place of others only where these leave nothing changed', () => {
  const not = workloads.filter((workload) => !canGoAgain(workload)).map(({ name }) => name).filter((name) => !/^(EventHandling|SteadyState)/.test(name));
  expect(not).toEqual([
    'PreemptionAsync', 'PreemptionBasic', 'PreemptionBasic/5000Nodes', 'Unschedulable/100Init', 'Unschedulable/20kInit', 'SchedulingWithMixedChurn', 'SchedulingDeletedPodsWithFinalizers',
    'SchedulingWhileGated', 'PreemptionPVs', 'MixedPriorities', 'RollingUpdateStorm', 'ZoneLoss',
  ]);
});

test('a report from before a warm-up was left out is not compared as if it were alike', () => {
  const report = (row: Row): Report => ({ kind: 'cox-bench-scheduling', machine: 'here', atIso: '', notes: [], rows: [row], leftOut: {} });
  const [old, now] = [row(100, 100), row(100, 100)];
  const warm: Row = { ...now, samples: now.samples.map((one) => ({ ...one, warmUp: 2, coldPodsPerSecond: 90 })) };
  expect(compare(report(old), report(warm))).toContain('unlike: only B leaves the warm-up out');
  expect(compare(report(warm), report(old))).toContain('unlike: only A leaves the warm-up out');
  expect(compare(report(warm), report(warm))).not.toMatch(/unlike|unusable/);
});
