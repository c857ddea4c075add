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

test('what extenders said', () => {
  const told: Explanation = { ...common, outcome: 'placed', node: 'n2', message: '', nodes: { total: 3, evaluated: 3, feasible: 2 },
    rejections: [{ plugin: 'extender http://extender:9000/say/', reasons: ['too loud'], count: 1, examples: ['n1'] }],
    scores: [{ node: 'n2', total: 150, plugins: [{ plugin: 'NodeResourcesFit', weight: 1, raw: 100, normalized: 100 }, { plugin: 'extenders', weight: 1, raw: 50, normalized: 50 }] }],
    verdicts: [{ node: 'n2', feasible: true, plugin: '', reasons: [] }, { node: 'n1', feasible: false, plugin: 'extender http://extender:9000/say/', reasons: ['too loud'] }] };
  expect(explanationText(told).split('\n').slice(2)).toEqual([
    '  refused:',
    '    1 node by extender http://extender:9000/say/: too loud (n1)',
    '  best scores:',
    '    n2  150  = NodeResourcesFit 100 + extenders 50',
    '  every node looked at:',
    '    n2: would do',
    '    n1: extender http://extender:9000/say/: too loud',
  ]);
});

const gang = { group: 'default/train', minMember: 3, placed: 0, members: 3 };
const alone = { total: 2, evaluated: 2, feasible: 1 };

test.each<[string, Partial<Explanation>, readonly string[]]>([
  ['waits for members', { outcome: 'held', attempt: 0, message: 'cannot find enough sibling pods, current pods number: 2, minMember of group: 3', gang: { ...gang, members: 2 } },
    ['default/web is not to be tried yet (2026-01-01T00:00:00Z, by default-scheduler)', '  cannot find enough sibling pods, current pods number: 2, minMember of group: 3', '  gang default/train waits for 1 of 3 members']],
  ['waits for its group', { outcome: 'held', attempt: 0, message: 'waiting for PodGroup default/train', gang: { ...gang, minMember: undefined } },
    ['default/web is not to be tried yet (2026-01-01T00:00:00Z, by default-scheduler)', '  waiting for PodGroup default/train', '  gang default/train waits for its PodGroup']],
  ['is given back with another', { outcome: 'gang', node: 'n1', message: 'PodGroup default/train gets rejected', nodes: alone, gang: { ...gang, culprit: 'default/train-2' } },
    ['default/web waits for its gang, alone it would have gone to n1 (try 2, 2026-01-01T00:00:00Z, by default-scheduler)', '  PodGroup default/train gets rejected', '  gang default/train: 0 of 3 members placed, no room for default/train-2',
      '  2 nodes of 2 looked at, 1 would do']],
  ['is not bound', { outcome: 'unbound', node: 'n1', message: 'node "n1" is gone', nodes: alone },
    ['default/web was to go to n1 and was not bound (try 2, 2026-01-01T00:00:00Z, by default-scheduler)', '  node "n1" is gone', '  2 nodes of 2 looked at, 1 would do']],
])('a pod that %s', (_title, more, expected) => {
  expect(explanationText({ ...common, message: '', nodes: { total: 2, evaluated: 0, feasible: 0 }, outcome: 'held', ...more }).split('\n')).toEqual(expected);
});
