import { expect, test } from 'vitest';
import { EncodedBudget, type Kept } from './encoded.ts';

const slabBytes = 64 * 1024;
/** Four of them fill a slab. */
const quarter = (fill: number): Uint8Array => new Uint8Array(slabBytes / 4).fill(fill);

function reader(budget: EncodedBudget, items: number): () => number {
  const list: (Kept | undefined)[] = Array.from({ length: items }, () => undefined);
  return () => {
    let known = 0;
    for (const [at, kept] of list.entries()) {
      if (kept?.isThere === true) known += 1;
      else list[at] = budget.keep(quarter(at));
    }
    return known;
  };
}

function bytesOf(kept: Kept): Uint8Array | undefined {
  const { part } = kept;
  return part?.bytes.slice(part.from, part.to);
}

test('of a list that is larger than what is kept much is still there when it is read again', () => {
  const read = reader(new EncodedBudget({ leastBytes: 50 * slabBytes, share: 1 }), 400);
  expect(read()).toBe(0);
  for (let round = 0; round < 5; round += 1) expect(read()).toBeGreaterThan(40);
});

test('a list of what is held fits, however large it is, and gives way when it is held no longer', () => {
  const budget = new EncodedBudget({ leastBytes: 50 * slabBytes, share: 1 });
  const read = reader(budget, 400);
  budget.hold(100 * slabBytes);
  expect(read()).toBe(0);
  expect(read()).toBe(400);
  budget.hold(-100 * slabBytes);
  expect(read()).toBeLessThanOrEqual(200);
});

test('what is kept is what was given, or nothing, whatever had to go', () => {
  const budget = new EncodedBudget({ leastBytes: 3 * slabBytes, share: 1 });
  const kept = Array.from({ length: 200 }, (_, at) => {
    const sizeBytes = at % 10 === 0 ? 2 * slabBytes : 1 + ((at * 7919) % 20_000);
    return { at, sizeBytes, item: budget.keep(new Uint8Array(sizeBytes).fill(at)) };
  });
  const there = kept.filter(({ item }) => item.isThere);
  expect(there.length).toBeGreaterThan(0);
  expect(kept.slice(0, 100).some(({ item }) => !item.isThere)).toBe(true);
  for (const { at, sizeBytes, item } of there) expect(bytesOf(item)).toEqual(new Uint8Array(sizeBytes).fill(at));
});

test('what is kept can all be forgotten at once, and there is room for as much again', () => {
  const budget = new EncodedBudget({ leastBytes: 10 * slabBytes, share: 1 });
  const fill = (): Kept[] => Array.from({ length: 40 }, (_, at) => budget.keep(quarter(at)));
  const before = fill();
  budget.forgetAll();
  expect(before.filter((kept) => kept.isThere)).toEqual([]);
  expect(fill().filter((kept) => kept.isThere)).toHaveLength(40);
});
