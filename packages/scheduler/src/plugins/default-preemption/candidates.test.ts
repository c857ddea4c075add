import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { podInfoOf, type PodInfo } from '../../cache/pod-info.ts';
import { candidateOf, pickCandidate, type Candidate } from './candidates.ts';

function victim(name: string, priority: number, startTime = '2026-01-01T00:00:00Z'): PodInfo {
  return podInfoOf({ metadata: { name, namespace: 'x', uid: name }, spec: { containers: [], priority }, status: { startTime } } as Pod);
}

const candidate = (nodeName: string, victims: readonly PodInfo[], violations = 0): Candidate => candidateOf(nodeName, victims, violations);

/** The order of reasons in "Pod Priority and Preemption" and its design. */
test.each<[string, Candidate[]]>([
  ['fewest budgets violated', [candidate('bad', [victim('a', 1)], 1), candidate('good', [victim('b', 9), victim('c', 9)])]],
  ['lowest highest priority', [candidate('bad', [victim('a', 5)]), candidate('good', [victim('b', 4), victim('c', 4)])]],
  ['least sum of priorities', [candidate('bad', [victim('a', 5), victim('b', 4)]), candidate('good', [victim('c', 5), victim('d', 3)])]],
  ['fewest victims, also of negative priority', [candidate('bad', [victim('a', -1), victim('b', -1)]), candidate('good', [victim('c', -1)])]],
  ['latest start of the most important', [candidate('bad', [victim('a', 1)]), candidate('good', [victim('b', 1, '2026-02-01T00:00:00Z')])]],
])('%s', (_rule, candidates) => {
  expect(pickCandidate(candidates)?.nodeName).toBe('good');
  expect(pickCandidate(candidates.toReversed())?.nodeName).toBe('good');
});
