import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../resource.ts';
import { stringifyAny } from './any.ts';
import { JsonTooWideError, scanJson, SlicedScan, type ScannedJson } from './scan.ts';

/** JSON.parse rounds what the scanner keeps, and keeps the sign of a zero that Go's integers do not have. */
function rounded(value: Json): Json {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rounded(member)]));
  return value;
}

/** Slice by slice, so that each may end at any character. */
function scanSliced(text: string, characters: number): ScannedJson & { readonly slices: number } {
  const scan = new SlicedScan(text);
  let slices = 1;
  while (!scan.slice(characters)) slices += 1;
  return { ...scan.result, slices };
}

function outcome(scan: () => ScannedJson): unknown {
  try {
    const { value, duplicates, wholeFloats } = scan();
    return { text: stringifyAny(value), duplicates: duplicates.map(({ path }) => path), floats: [...wholeFloats.values()].map((keys) => [...keys]).toSorted((a, b) => (String(a) < String(b) ? -1 : 1)) };
  } catch (error) {
    return (error as Error).message;
  }
}

describe('in slices', () => {
  test('what is read and what is refused is the same', () => {
    const part = fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"b":', '1', '1.0', '-2e3', '12345678901234567890', 'true', 'null', ' ', '"__proto__":', '{"a":1,"a":2}', '[[1.0],{}]', '"', 'x');
    fc.assert(fc.property(fc.oneof(fc.array(part, { maxLength: 14 }).map((parts) => parts.join('')), fc.json({ maxDepth: 5 })), fc.integer({ min: 1, max: 9 }), (text, characters) => {
      expect(outcome(() => scanSliced(text, characters)), text).toEqual(outcome(() => scanJson(text)));
    }), { numRuns: 4000, seed: 4 });
  });

  test('a long document takes as many slices as its length needs', () => {
    const text = JSON.stringify({ data: { a: Array.from({ length: 50_000 }, (_, at) => at) } });
    const { slices, value } = scanSliced(text, 10_000);
    expect(slices).toBeGreaterThanOrEqual(Math.floor(text.length / 10_020));
    expect(value).toEqual(JSON.parse(text));
  });

  test('what has too many members is refused, however they are spread; many numbers are not', () => {
    const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`k${at}`, 0]));
    const text = (times: number): string => JSON.stringify({ a: Array.from({ length: times }, () => wide) });
    expect(() => scanSliced(text(16), 100_000)).not.toThrow();
    expect(() => scanSliced(text(17), 100_000)).toThrow(JsonTooWideError);
    expect(() => scanSliced(`[${'{},'.repeat(70_000)}{}]`, 100_000)).toThrow(JsonTooWideError);
    expect(() => scanSliced(`[${'1,'.repeat(70_000)}1]`, 100_000)).not.toThrow();
  });
});

describe('scanner against JSON.parse', () => {
  test('reads every valid document as JSON.parse does', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 6 }), (text) => {
      expect(rounded(scanJson(text).value)).toEqual(JSON.parse(text, (_key, value: Json) => (value === 0 ? 0 : value)));
    }), { numRuns: 2000, seed: 1 });
  });

  test('refuses exactly what JSON.parse refuses', () => {
    const alphabet = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', 'a', 'u', '0', '1', '-', '.', 'e', '+', 't', 'true', 'null', 'false', ' ', '\n', '\u0001', '"a"', '"a":');
    const accepts = (parse: () => unknown): boolean => {
      try {
        parse();
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(fc.property(fc.array(alphabet, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      expect(accepts(() => scanJson(text)), text).toBe(accepts(() => JSON.parse(text)));
    }), { numRuns: 20_000, seed: 2 });
  });

  test('what is written is read again', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const normal = JSON.parse(JSON.stringify(value)) as unknown;
      expect(JSON.parse(stringifyAny(normal))).toEqual(normal);
      expect(stringifyAny(normal)).not.toMatch(/[<>&\u2028\u2029]/);
    }), { numRuns: 2000, seed: 3 });
  });
});
