import { maxNodeScore } from '../framework/interface.ts';

/** Scales scores so that the largest becomes 100; `reverse`: so that the smallest is the best. In place, whole numbers. */
export function scaleToMax(scores: Float64Array, reverse = false): void {
  let max = 0;
  for (const score of scores) max = Math.max(max, score);
  if (max === 0) {
    if (reverse) scores.fill(maxNodeScore);
    return;
  }
  for (let i = 0; i < scores.length; i += 1) {
    const scaled = Math.floor((maxNodeScore * (scores[i] as number)) / max);
    scores[i] = reverse ? maxNodeScore - scaled : scaled;
  }
}
