/**
 * A bound on what one evaluation does beyond what its cost counts: comparing or printing values that share their parts can be
 * exponentially more than their size. Evaluation is synchronous, so one counter serves: it is set when an evaluation begins.
 */
const maxWork = 20_000_000;

export class TooMuchWork extends Error {}

let left = maxWork;

export function beginWork(): void {
  left = maxWork;
}

export function work(units = 1): void {
  left -= units;
  if (left < 0) throw new TooMuchWork();
}
