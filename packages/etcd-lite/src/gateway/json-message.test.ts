import fc from 'fast-check';
import protobuf from 'protobufjs';
import { expect, it } from 'vitest';
import etcd from '../../../../proto/etcd-v3.json' with { type: 'json' };
import type { SchemaNode } from '../wire/codec.ts';
import { JsonMessages, JsonMistake, parseJson } from './json-message.ts';

const messages = new JsonMessages(etcd as SchemaNode);
const root = protobuf.Root.fromJSON(etcd as unknown as protobuf.INamespace);

const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const count = fc.nat({ max: 2 ** 31 }).map(String);
const data = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const some = (shape: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> => fc.record(shape, { requiredKeys: [] });
const keyValue = some({ key: data, create_revision: count, mod_revision: count, version: count, value: data, lease: id });
const put = some({ key: data, value: data, lease: id, prev_kv: fc.boolean(), ignore_value: fc.boolean() });
const range = some({ key: data, range_end: data, limit: count, sort_order: fc.constantFrom('NONE', 'ASCEND', 'DESCEND'), sort_target: fc.constantFrom('KEY', 'VALUE'), serializable: fc.boolean() });
const compare = fc.tuple(some({ result: fc.constantFrom('EQUAL', 'LESS', 'NOT_EQUAL'), target: fc.constantFrom('MOD', 'LEASE'), key: data }), fc.oneof(count.map((version) => ({ version })), id.map((lease) => ({ lease })), data.map((value) => ({ value }))))
  .map(([head, target]) => ({ ...head, ...target }));
const op = fc.oneof(put.map((request_put) => ({ request_put })), range.map((request_range) => ({ request_range })));
const shapes: Readonly<Record<string, fc.Arbitrary<object>>> = {
  'etcdserverpb.TxnRequest': some({ compare: fc.array(compare, { maxLength: 3 }), success: fc.array(op, { maxLength: 3 }), failure: fc.array(op, { maxLength: 3 }) }),
  'etcdserverpb.RangeResponse': some({ kvs: fc.array(keyValue, { maxLength: 3 }), more: fc.boolean(), count }),
  'etcdserverpb.WatchCreateRequest': some({ key: data, start_revision: id, filters: fc.array(fc.constantFrom('NOPUT', 'NODELETE'), { maxLength: 3 }), watch_id: id }),
  'etcdserverpb.HashKVResponse': some({ hash: fc.nat({ max: 2 ** 32 - 1 }), compact_revision: id }),
  'etcdserverpb.StatusResponse': some({ version: fc.string(), leader: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String), errors: fc.array(fc.string(), { maxLength: 2 }) }),
};

function lowerCamel(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

/** The other kind of names that requests may have. */
function camelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, content]) => [lowerCamel(key), camelKeys(content)]));
}

for (const [name, arbitrary] of Object.entries(shapes)) {
  it(`${name}: our bytes of its JSON are what protobuf.js reads as that, and back`, () => {
    const type = root.lookupType(name);
    fc.assert(fc.property(arbitrary, fc.boolean(), (json, camel) => {
      const text = JSON.stringify(camel ? camelKeys(json) : json);
      const bytes = messages.fromJson(name, parseJson(text));
      const theirs = type.toObject(type.decode(bytes), { longs: String, enums: String, bytes: String, arrays: false, defaults: false });
      const expected = type.toObject(type.fromObject(json), { longs: String, enums: String, bytes: String, arrays: false, defaults: false });
      expect(theirs).toEqual(expected);
      // What protobuf.js writes leaves out what is zero, as ours of answers does; it comes back the same.
      const canonical = type.encode(type.fromObject(expected)).finish();
      expect(messages.toJson(name, canonical)).toEqual(type.toObject(type.decode(canonical), { longs: String, enums: String, bytes: String, arrays: false, defaults: false }));
    }), { seed: 10, numRuns: 150 });
  });
}

it('whatever is sent, it is a message or a mistake, never something else', () => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
    try {
      expect(messages.fromJson('etcdserverpb.TxnRequest', parseJson(text))).toBeInstanceOf(Uint8Array);
    } catch (error) {
      expect(error).toBeInstanceOf(JsonMistake);
    }
  }), { seed: 11 });
});

it('a number of hundreds of digits is a mistake: reading it would hold up everything else', () => {
  for (const digits of ['0'.repeat(500), `${'0'.repeat(500)}1`]) expect(() => messages.fromJson('etcdserverpb.RangeRequest', { limit: digits })).toThrow(JsonMistake);
  expect(messages.fromJson('etcdserverpb.RangeRequest', { limit: '0012' })).toEqual(messages.fromJson('etcdserverpb.RangeRequest', { limit: '12' }));
});
