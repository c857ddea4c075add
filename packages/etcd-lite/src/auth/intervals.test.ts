import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalSet } from './intervals.ts';

type Interval = { readonly start: string; readonly end: string | undefined };

const key = fc.string({ unit: fc.constantFrom('\0', 'a', 'b', '\xff'), minLength: 1, maxLength: 3 });
const interval: fc.Arbitrary<Interval> = fc.oneof(
  key.map((start) => ({ start, end: `${start}\0` })),
  fc.record({ start: key, end: fc.option(key, { nil: undefined }) }),
);

const holds = ({ start, end }: Interval, point: string): boolean => point >= start && (end === undefined || point < end);

/** Between two neighbouring bounds nothing changes, so it is enough to look at the bounds themselves. */
function coversByLooking(intervals: readonly Interval[], asked: Interval): boolean {
  const bounds = [asked.start, ...intervals.flatMap(({ start, end }) => (end === undefined ? [start] : [start, end]))];
  const inside = bounds.filter((point) => holds(asked, point));
  if (inside.length === 0) return intervals.some((one) => holds(one, asked.start));
  // Beyond the last bound only an interval without end helps, and `inside` has that bound.
  return inside.every((point) => intervals.some((one) => holds(one, point)));
}

describe('a set of keys made of ranges', () => {
  it('covers what looking at every key would say', () => {
    fc.assert(fc.property(fc.array(interval, { maxLength: 8 }), interval, (intervals, asked) => {
      expect(new IntervalSet(intervals).covers(asked)).toBe(coversByLooking(intervals, asked));
    }), { seed: 12, numRuns: 5000 });
  });

  it('joins ranges that touch, and not those that don\'t', () => {
    const set = new IntervalSet([{ start: 'c', end: 'e' }, { start: 'a', end: 'c' }, { start: 'f', end: undefined }]);
    expect(set.covers({ start: 'a', end: 'e' })).toBe(true);
    expect(set.covers({ start: 'a', end: 'e\0' })).toBe(false);
    expect(set.covers({ start: 'a', end: undefined })).toBe(false);
    expect(set.covers({ start: 'g', end: undefined })).toBe(true);
    expect(new IntervalSet([{ start: '\0', end: undefined }]).covers({ start: '\0', end: undefined })).toBe(true);
    expect(new IntervalSet([]).covers({ start: 'a', end: 'a\0' })).toBe(false);
  });
});
