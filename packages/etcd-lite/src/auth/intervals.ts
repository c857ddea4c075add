import type { KeyRange } from '../mvcc/key-text.ts';

type Interval = Pick<KeyRange, 'start' | 'end'>;

/** A set of keys as the union of ranges; keys as text, see `mvcc/key-text.ts`. Never changed after it is made. */
export class IntervalSet {
  /** Disjoint, not even touching, in order. */
  readonly #merged: readonly Interval[];

  constructor(intervals: readonly Interval[]) {
    const merged: Interval[] = [];
    for (const next of intervals.toSorted((a, b) => (a.start < b.start ? -1 : Number(a.start > b.start)))) {
      if (next.end !== undefined && next.end <= next.start) continue;
      const last = merged.at(-1);
      if (last === undefined || (last.end !== undefined && last.end < next.start)) merged.push({ start: next.start, end: next.end });
      else if (last.end !== undefined) merged[merged.length - 1] = { start: last.start, end: later(last.end, next.end) };
    }
    this.#merged = merged;
  }

  /** Whether every key of the range is in the set. An empty range is where its start is: whoever asks for it must be allowed there. */
  covers(range: Interval): boolean {
    const at = this.#lastStartingAt(range.start);
    if (at === undefined || (at.end !== undefined && at.end <= range.start)) return false;
    return at.end === undefined || (range.end !== undefined && range.end <= at.end);
  }

  #lastStartingAt(start: string): Interval | undefined {
    let low = 0;
    let high = this.#merged.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#merged[middle] as Interval).start <= start) low = middle + 1;
      else high = middle;
    }
    return this.#merged[low - 1];
  }
}

function later(a: string, b: string | undefined): string | undefined {
  return b === undefined || b > a ? b : a;
}
