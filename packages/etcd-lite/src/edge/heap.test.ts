import { expect, test } from 'vitest';
import { growthPercent } from './heap.ts';

const mib = 1024 * 1024;

test('a small heap may grow by 48 MiB, a large one by a fifth', () => {
  expect(growthPercent(24 * mib)).toBe(200);
  expect(growthPercent(96 * mib)).toBe(50);
  expect(growthPercent(240 * mib)).toBe(20);
  expect(growthPercent(1000 * mib)).toBe(20);
  expect(growthPercent(4 * mib)).toBe(300);
});
