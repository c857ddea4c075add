import { getHeapStatistics, setFlagsFromString } from 'node:v8';

export interface HeapGrowth {
  /** Of a large heap. */
  readonly leastPercent: number;
  /** A small heap may grow by this much all the same: looking through it again after every few hundred writes costs more than these do. */
  readonly leastBytes: number;
}

/** What V8 itself would allow. */
const mostPercent = 300;
const lookEveryMs = 5000;

/**
 * For programs most of whose memory stays, such as an index of all keys. V8 would let the heap grow to a multiple of that before it
 * looks for garbage.
 */
export function limitHeapGrowth(growth: HeapGrowth): void {
  const limit = (): void => { setFlagsFromString(`--heap-growing-percent=${growthPercent(getHeapStatistics().used_heap_size, growth)}`); };
  limit();
  setInterval(limit, lookEveryMs).unref();
}

export function growthPercent(usedBytes: number, { leastPercent, leastBytes }: HeapGrowth): number {
  return Math.round(Math.min(mostPercent, Math.max(leastPercent, leastBytes * 100 / usedBytes)));
}
