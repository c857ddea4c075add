import { expect, test } from 'vitest';
import { Gathering } from './gathering.ts';

/** Batches of `size`, all clients waiting each time. */
function used(size: number, unanswered = size): Gathering {
  const gathering = new Gathering();
  for (let at = 0; at < 20; at += 1) {
    gathering.arrived(at * 10);
    gathering.waitMs(size, unanswered, at * 10);
    gathering.submitted(size);
  }
  return gathering;
}

test('who writes alone, or with one other, never waits', () => {
  const gathering = new Gathering();
  for (let at = 0; at < 100; at += 1) {
    gathering.arrived(at);
    expect(gathering.waitMs(1, 2, at)).toBe(0);
    gathering.submitted(1);
  }
});

test('where many write at once they wait for each other, until nobody comes for a millisecond, and five at most', () => {
  const gathering = used(8, 20);
  gathering.arrived(1000);
  expect(gathering.waitMs(1, 10, 1000)).toBe(1);
  gathering.arrived(1000.75);
  expect(gathering.waitMs(2, 10, 1001)).toBe(0.75);
  expect(gathering.waitMs(2, 10, 1001.75)).toBe(0);
  gathering.arrived(1004.5);
  expect(gathering.waitMs(3, 10, 1004.5)).toBe(0.5);
  expect(gathering.waitMs(3, 10, 1005)).toBe(0);
});

test('enough is enough, and when all who write wait nobody else is expected', () => {
  const gathering = used(8);
  gathering.arrived(1000);
  expect(gathering.waitMs(7, 7, 1000)).toBe(1);
  expect(gathering.waitMs(8, 8, 1000)).toBe(0);
  const many = used(100, 200);
  many.arrived(1000);
  expect(many.waitMs(31, 200, 1000)).toBe(1);
  expect(many.waitMs(32, 200, 1000)).toBe(0);
});

test('after a crowd one who writes alone waits a few times at most', () => {
  const gathering = used(40, 64);
  let waits = 0;
  for (let at = 1000; at < 1100; at += 1) {
    gathering.arrived(at);
    if (gathering.waitMs(1, 1, at) > 0) waits += 1;
    gathering.submitted(1);
  }
  expect(waits).toBeLessThan(12);
});
