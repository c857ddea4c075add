import { expect, test } from 'vitest';
import { growthPercent } from './heap.ts';

const mib = 1024 * 1024;
const growth = { leastPercent: 20, leastBytes: 48 * mib };

test('a small heap may grow by 48 MiB, a large one by a fifth', () => {
  expect(growthPercent(24 * mib, growth)).toBe(200);
  expect(growthPercent(96 * mib, growth)).toBe(50);
  expect(growthPercent(240 * mib, growth)).toBe(20);
  expect(growthPercent(1000 * mib, growth)).toBe(20);
  expect(growthPercent(4 * mib, growth)).toBe(300);
});
