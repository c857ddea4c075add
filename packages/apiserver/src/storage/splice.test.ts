import type { JsonObject } from '@coxswain/api';
import { fromUtf8, utf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { StoredObject, type StorageCodec } from './codec.ts';
import { placeOf } from './splice.ts';

test.each([
  [',"b":2', '{"a":1,"c":3}', '{"a":1,"b":2,"c":3}', 6],
  [',"uid":1', '{"a":1,"uid2":1}', '{"a":1,"uid":1,"uid2":1}', 6],
  ['x', '', 'x', 0],
  ['x', 'xx', 'xxx', 2],
  ['b', '{"a":1}', '{"a":1}', -1],
  [',"b":1', '{"a":1}', '{"a":2,"b":1}', -1],
  [',"b":2', '{"a":1}', '{"a":1,"b":1}', -1],
  ['y', 'axz', 'ayxw', -1],
])('%s within what %s becomes: %s', (piece, part, whole, at) => {
  expect(placeOf(utf8(piece), utf8(part), utf8(whole))).toBe(at);
});

/** As of custom resources: nothing is known of stored bytes before they have been read. */
function counting(defaults: JsonObject): { readonly codec: StorageCodec; readonly counts: { decoded: number } } {
  const counts = { decoded: 0 };
  const encode = (object: JsonObject): string => JSON.stringify(object);
  return { counts, codec: { encode, toStore: encode, decode: (value) => { counts.decoded += 1; return { ...defaults, ...(JSON.parse(fromUtf8(value)) as JsonObject) }; } } };
}

test('what is served as it is stored is parsed once', () => {
  const { codec, counts } = counting({});
  const stored = new StoredObject('/a', utf8('{"kind":"Foo","metadata":{"name":"a"}}'), 7, codec);
  const first = stored.text;
  expect(first).toBe('{"kind":"Foo","metadata":{"name":"a","resourceVersion":"7"}}');
  stored.forget();
  expect([stored.text, stored.as({ createRevision: 1, lease: 0n, stale: false }).text, counts.decoded]).toEqual([first, first, 1]);
  // Another revision is another text.
  expect(stored.at(12).text).toBe('{"kind":"Foo","metadata":{"name":"a","resourceVersion":"12"}}');
});

test('what has defaults is parsed each time', () => {
  const { codec, counts } = counting({ spec: { size: 3 } });
  const stored = new StoredObject('/a', utf8('{"kind":"Foo","metadata":{"name":"a"}}'), 7, codec);
  const first = stored.text;
  stored.forget();
  expect([JSON.parse(stored.text), stored.text, counts.decoded]).toEqual([{ spec: { size: 3 }, kind: 'Foo', metadata: { name: 'a', resourceVersion: '7' } }, first, 2]);
});
