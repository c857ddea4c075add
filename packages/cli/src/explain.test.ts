import type { Explanation } from '@coxswain/scheduler';
import { expect, test } from 'vitest';
import { explanationText } from './explain.ts';

const common = { kind: 'PodExplanation', namespace: 'default', name: 'web', uid: 'u', scheduler: 'default-scheduler', attempt: 2, time: '2026-01-01T00:00:00Z', rejections: [], scores: [], changes: [] } as const;

test('a pod that was placed', () => {
  const told: Explanation = { ...common, outcome: 'placed', node: 'n1', message: '', nodes: { total: 5, evaluated: 2, feasible: 2 }, scores: [
    { node: 'n1', total: 250, plugins: [{ plugin: 'TaintToleration', weight: 3, raw: 0, normalized: 50 }, { plugin: 'NodeResourcesFit', weight: 1, raw: 100, normalized: 100 }, { plugin: 'ImageLocality', weight: 1, raw: 0, normalized: 0 }] }] };
  expect(explanationText(told).split('\n')).toEqual([
    'default/web went to n1 (try 2, 2026-01-01T00:00:00Z, by default-scheduler)',
    '  2 nodes of 5 looked at, 2 would do',
    '  best scores:',
    '    n1  250  = TaintToleration 3 x 50 + NodeResourcesFit 100',
  ]);
});

test('a pod that fits nowhere', () => {
  const told: Explanation = { ...common, outcome: 'unfit', message: '0/2 nodes are available: 2 Insufficient cpu.', nodes: { total: 2, evaluated: 2, feasible: 0 },
    rejections: [{ plugin: 'NodeResourcesFit', reasons: ['Insufficient cpu'], count: 2, examples: ['n1'] }],
    preemption: { message: 'x', candidates: [{ node: 'n1', victims: ['default/low'], budgetsViolated: 1, chosen: true }] },
    changes: [{ target: 'pod/web', change: 'request 1 of cpu instead of 2', nodes: 1, examples: ['n1'] }] };
  expect(explanationText(told).split('\n').slice(1)).toEqual([
    '  0/2 nodes are available: 2 Insufficient cpu.',
    '  2 nodes of 2 looked at, 0 would do',
    '  refused:',
    '    2 nodes by NodeResourcesFit: Insufficient cpu (n1, ...)',
    '  preemption:',
    '    n1 (chosen): without default/low, against 1 disruption budget',
    '  what alone would help, least first:',
    '    pod/web: request 1 of cpu instead of 2 (then 1 node would do: n1)',
  ]);
});
