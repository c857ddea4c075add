import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../resource.ts';
import { stringifyAny } from './any.ts';
import { scanJson } from './scan.ts';

/** JSON.parse rounds what the scanner keeps, and keeps the sign of a zero that Go's integers do not have. */
function rounded(value: Json): Json {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rounded(member)]));
  return value;
}

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
