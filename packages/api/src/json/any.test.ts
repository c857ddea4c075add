import { expect, test } from 'vitest';
import { stringifyAny } from './any.ts';

test.each<[unknown, string]>([
  [{ b: 1, a: ['x', null, true] }, '{"b":1,"a":["x",null,true]}'],
  [{ big: 9007199254740993n, nested: [{ a: 2n ** 63n }] }, '{"big":9007199254740993,"nested":[{"a":9223372036854775808}]}'],
  [{ html: '<&>', line: '\u2028' }, '{"html":"\\u003c\\u0026\\u003e","line":"\\u2028"}'],
  [{ half: '\ud800', looksLike: '\\ud800' }, '{"half":"\ufffd","looksLike":"\\\\ud800"}'],
  [{ '<': { absent: undefined, list: [undefined] } }, '{"\\u003c":{"list":[null]}}'],
])('%o is written as Go writes it', (value, json) => {
  expect(stringifyAny(value)).toBe(json);
});
