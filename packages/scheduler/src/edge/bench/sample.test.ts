import { expect, test } from 'vitest';
import { rateOf, warmUpOf } from './sample.ts';

test('a fifth of a queue is warm-up, of the smallest at least one pod, and one is always left', () => {
  expect([1, 2, 4, 5, 20, 10_000].map(warmUpOf)).toEqual([0, 1, 1, 1, 4, 2000]);
});

test('a rate is of what was bound after the warm-up, in whatever order it is told; beside it stands the rate with the warm-up', () => {
  // Two slow ones, then one every 100 ms, from the last slow one on.
  const boundMs = [3200, 1000, 2000, 3000, 3100];
  expect(rateOf(boundMs, 3000, 3)).toEqual({ seconds: 0.2, podsPerSecond: 10, bySecond: [2], warmUp: 3, coldPodsPerSecond: 5000 / 2200 });
  expect(rateOf(boundMs, 500, 0)).toEqual({ seconds: 2.7, podsPerSecond: 5 / 2.7, bySecond: [1, 1, 3] });
});
