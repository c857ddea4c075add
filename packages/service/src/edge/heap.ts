import { getHeapStatistics, setFlagsFromString } from 'node:v8';

export interface HeapGrowth {
  /** Of a large heap. */
  readonly leastPercent: number;
  /** A small heap may grow by this much all the same: looking through it again after every few hundred writes costs more than these do. */
  readonly leastBytes: number;
}

/** What V8 itself would allow. */
const mostPercent = 300;
/** The growth that is allowed is taken from the last look when the heap is looked through: a program that reads thousands of objects at its start doubles it in a second. */
const lookEveryMs = 500;

/**
 * For programs most of whose memory stays, such as an index of all keys. V8 would let the heap grow to a multiple of that before it
 * looks for garbage.
 */
export function limitHeapGrowth(growth: HeapGrowth): void {
  let set = 0;
  const limit = (): void => {
    const percent = growthPercent(getHeapStatistics().used_heap_size, growth);
    if (percent !== set) setFlagsFromString(`--heap-growing-percent=${percent}`);
    set = percent;
  };
  limit();
  setInterval(limit, lookEveryMs).unref();
}

export function growthPercent(usedBytes: number, { leastPercent, leastBytes }: HeapGrowth): number {
  return Math.round(Math.min(mostPercent, Math.max(leastPercent, leastBytes * 100 / usedBytes)));
}
