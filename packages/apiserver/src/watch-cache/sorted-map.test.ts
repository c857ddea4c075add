import { describe, expect, test } from 'vitest';
import { SortedMap } from './sorted-map.ts';

/** Deterministic, and not in order. */
function* keys(count: number, step: number): Generator<string> {
  for (let at = 0; at < count; at += 1) yield `/${String((at * step) % count).padStart(6, '0')}`;
}

describe.each([['growing', 1], ['shrinking', 4998], ['shuffled', 1237]])('keys that come %s', (_how, step) => {
  test('lie in order, whatever was deleted in between', () => {
    const map = new SortedMap<string>();
    const model = new Set<string>();
    for (const key of keys(4999, step)) {
      map.set(key, key);
      model.add(key);
    }
    for (const key of keys(4999, 3)) {
      if (Number(key.slice(1)) % 3 === 0) continue;
      map.delete(key);
      model.delete(key);
    }
    expect(map.withPrefix('/')).toEqual([...model].toSorted());
    for (const prefix of ['/0', '/001', '/0049', '/9', '']) expect(map.withPrefix(prefix)).toEqual([...model].filter((key) => key.startsWith(prefix)).toSorted());
    expect(map.size).toBe(model.size);
    for (const [prefix, from] of [['/', '/'], ['/00', '/0031'], ['/00', '/00~'], ['/9', '/9'], ['/004', '/004998']] as const) {
      const expected = [...model].filter((key) => key.startsWith(prefix) && key >= from).toSorted();
      expect(map.count(prefix, from)).toBe(expected.length);
      for (const limit of [1, 100, 600]) expect(map.range(prefix, from, limit)).toEqual(expected.slice(0, limit));
    }
  });
});

test('a key that is set again keeps its place', () => {
  const map = new SortedMap<number>();
  for (const [key, value] of [['/b', 1], ['/a', 2], ['/b', 3]] as const) map.set(key, value);
  expect(map.withPrefix('/')).toEqual([2, 3]);
});
