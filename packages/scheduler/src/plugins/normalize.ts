import { maxNodeScore } from '../framework/interface.ts';

/** Scales the first `count` scores so that the largest becomes 100; `reverse`: so that the smallest is the best. In place, whole numbers. */
export function scaleToMax(scores: Float64Array, count: number, reverse = false): void {
  let max = 0;
  for (let i = 0; i < count; i += 1) max = Math.max(max, scores[i] as number);
  if (max === 0) {
    if (reverse) scores.fill(maxNodeScore, 0, count);
    return;
  }
  for (let i = 0; i < count; i += 1) {
    const scaled = Math.floor((maxNodeScore * (scores[i] as number)) / max);
    scores[i] = reverse ? maxNodeScore - scaled : scaled;
  }
}
