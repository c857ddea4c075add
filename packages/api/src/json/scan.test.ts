import { describe, expect, test } from 'vitest';
import { scanJson } from './scan.ts';

describe('scanJson', () => {
  test('keeps large integers, and tells floats that are whole', () => {
    const { value, wholeFloats } = scanJson('{"n":9007199254740993,"list":[1.0,2],"e":1e3,"f":1.5,"z":-0}');
    expect(value).toEqual({ n: 9007199254740993n, list: [1, 2], e: 1000, f: 1.5, z: 0 });
    expect([...wholeFloats.values()].map((keys) => [...keys])).toEqual([[[0, '1.0']], [['e', '1e3']]]);
  });

  test('reports duplicate keys with their paths, the last value stands', () => {
    const { value, duplicates } = scanJson('{"a":1,"b":[{"c":1,"c":2}],"a":3}');
    expect(value).toEqual({ a: 3, b: [{ c: 2 }] });
    expect(duplicates.map((duplicate) => duplicate.path)).toEqual(['b[0].c', 'a']);
  });

  test('keys that every object inherits are plain data', () => {
    const { value, duplicates } = scanJson('{"__proto__":{"x":1},"constructor":2,"toString":3}');
    expect(JSON.stringify(value)).toBe('{"__proto__":{"x":1},"constructor":2,"toString":3}');
    expect(duplicates).toEqual([]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('strings with escapes', () => {
    expect(scanJson(String.raw`"a\"\\\/\b\f\n\r\t\u0041\ud83d\ude00\ud800x"`).value).toBe('a"\\/\b\f\n\r\tA😀\ufffdx');
  });

  /** The words of Go's encoding/json scanner. */
  test.each([
    ['', 'unexpected end of JSON input'],
    ['{"a"', 'unexpected end of JSON input'],
    ['{"a":}', "invalid character '}' looking for beginning of value"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['{}x', "invalid character 'x' after top-level value"],
    ["'a'", String.raw`invalid character '\'' looking for beginning of value`],
    ['tru}', "invalid character '}' in literal true (expecting 'e')"],
    ['"a\nb"', String.raw`invalid character '\n' in string literal`],
    [String.raw`"\x"`, "invalid character 'x' in string escape code"],
    [String.raw`"\u12g4"`, String.raw`invalid character 'g' in \u hexadecimal character escape`],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1ex', "invalid character 'x' in exponent of numeric literal"],
  ])('%s: %s', (text, message) => {
    expect(() => scanJson(text)).toThrow(message);
  });

  test('depth is bounded', () => {
    expect(() => scanJson('['.repeat(20_000))).toThrow('exceeded max depth');
  });
});
