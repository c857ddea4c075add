import { expect, test } from 'vitest';
import { EncodedBudget, type Kept } from './parsed.ts';

test('of a list that is larger than what is kept much is still there when it is read again', () => {
  const budget = new EncodedBudget(1000);
  const list: (Kept | undefined)[] = Array.from({ length: 200 }, () => undefined);
  const read = (): number => {
    let known = 0;
    for (const [at, kept] of list.entries()) {
      if (kept?.bytes === undefined) list[at] = budget.keep(new Uint8Array(10));
      else known += 1;
    }
    return known;
  };
  expect(read()).toBe(0);
  for (let round = 0; round < 5; round += 1) expect(read()).toBeGreaterThan(20);
  expect(list.filter((kept) => kept?.bytes !== undefined).length).toBe(100);
});

test('what is kept can all be forgotten at once, and there is room for as much again', () => {
  const budget = new EncodedBudget(1000);
  const before = Array.from({ length: 100 }, () => budget.keep(new Uint8Array(10)));
  budget.forgetAll();
  expect(before.filter((kept) => kept.bytes !== undefined)).toEqual([]);
  const after = Array.from({ length: 100 }, () => budget.keep(new Uint8Array(10)));
  expect(after.filter((kept) => kept.bytes !== undefined)).toHaveLength(100);
});
