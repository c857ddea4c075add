import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What lives after everything that does not has been collected. */
export function liveHeapMb(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

const fewestWindows = 16;

/** Where memory may end that was at this level: little above it, for compiled code and caches of few entries. */
export const allowedMb = (before: number): number => before * 1.03 + 1;

/**
 * What is wrong with how the heap went, from window to window; undefined: nothing. In the first half caches fill, which all have a bound; the
 * median of the last quarter may be little above that of the third.
 */
export function growth(windowsMb: readonly number[]): string | undefined {
  if (windowsMb.length < fewestWindows) return undefined;
  const quarter = Math.floor(windowsMb.length / 4);
  const [before, after] = [median(windowsMb.slice(2 * quarter, 3 * quarter)), median(windowsMb.slice(3 * quarter))];
  return after <= allowedMb(before) ? undefined : `the heap grew from ${before.toFixed(1)} to ${after.toFixed(1)} MiB, more than ${allowedMb(before).toFixed(1)}`;
}
