import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Where a fifth more is enough. */
const leastPercent = 20;
/** A small heap may grow by this much all the same: looking through it again after every few hundred writes costs more than these do. */
const leastGrowthBytes = 48 * 1024 * 1024;
/** What V8 itself would allow. */
const mostPercent = 300;
const lookEveryMs = 5000;

/**
 * Most of what a member holds stays: an index of all keys. V8 would let the heap grow to a multiple of that before it looks for
 * garbage; a fifth more is enough where there are many keys, and the looking is done beside the program.
 */
export function limitHeapGrowth(): void {
  const limit = (): void => { setFlagsFromString(`--heap-growing-percent=${growthPercent(getHeapStatistics().used_heap_size)}`); };
  limit();
  setInterval(limit, lookEveryMs).unref();
}

export function growthPercent(usedBytes: number): number {
  return Math.round(Math.min(mostPercent, Math.max(leastPercent, leastGrowthBytes * 100 / usedBytes)));
}
