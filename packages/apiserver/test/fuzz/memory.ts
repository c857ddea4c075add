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

const fewestWindows = 9;

/** Where memory may end that was at this level: a tenth of it, and as much as compiled code and caches of few entries take. */
export const allowedMb = (before: number): number => before * 1.1 + 8;

/**
 * What is wrong with how the heap went, from window to window; undefined: nothing. In the first third caches fill, which all have a bound; the
 * median of the last third may be little above that of the second.
 */
export function growth(windowsMb: readonly number[]): string | undefined {
  if (windowsMb.length < fewestWindows) return undefined;
  const third = Math.floor(windowsMb.length / 3);
  const [before, after] = [median(windowsMb.slice(third, 2 * third)), median(windowsMb.slice(2 * third))];
  return after <= allowedMb(before) ? undefined : `the heap grew from ${before.toFixed(1)} to ${after.toFixed(1)} MiB, more than ${allowedMb(before).toFixed(1)}`;
}
