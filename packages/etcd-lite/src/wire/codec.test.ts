import fc from 'fast-check';
import Long from 'long';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import etcd from '../../../../proto/etcd-v3.json' with { type: 'json' };
import { codecs } from './schema.ts';
import { grpcMessage } from './grpc.ts';
import { MalformedMessage } from './reader.ts';

/** The oracle: protobuf.js on the same description. */
const root = protobuf.Root.fromJSON(etcd);
const idFields = new Set(['ID', 'lease', 'clusterId', 'memberId', 'memberID', 'leader']);

/** The description has its names as in the .proto file. */
function snakeCase(name: string): string {
  return name.replace(/[a-z][A-Z]/g, (pair) => `${pair[0] as string}_${(pair[1] as string).toLowerCase()}`);
}

function toOracle(value: unknown): unknown {
  if (typeof value === 'bigint') return Long.fromString(value.toString(), false);
  if (value instanceof Uint8Array || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(toOracle);
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined).map(([name, one]) => [snakeCase(name), toOracle(one)]));
}

const bytes = fc.uint8Array({ maxLength: 300 });
const count = fc.maxSafeNat();
const lease = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const kv = fc.record({ key: bytes, createRevision: count, modRevision: count, version: count, value: bytes, lease });
const range = fc.record({
  key: bytes, rangeEnd: bytes, limit: count, revision: count, sortOrder: fc.nat(2), sortTarget: fc.nat(4), serializable: fc.boolean(), keysOnly: fc.boolean(),
  countOnly: fc.boolean(), minModRevision: count, maxModRevision: count, minCreateRevision: count, maxCreateRevision: count,
});
const put = fc.record({ key: bytes, value: bytes, lease, prevKv: fc.boolean(), ignoreValue: fc.boolean(), ignoreLease: fc.boolean() });
const compare = fc.oneof(
  fc.record({ result: fc.nat(3), target: fc.constant(2), key: bytes, rangeEnd: bytes, modRevision: count }),
  fc.record({ result: fc.nat(3), target: fc.constant(3), key: bytes, rangeEnd: bytes, value: bytes }),
);
const op = fc.oneof(range.map((requestRange) => ({ requestRange })), put.map((requestPut) => ({ requestPut })));
const txn = fc.record({ compare: fc.array(compare, { maxLength: 4 }), success: fc.array(op, { maxLength: 4 }), failure: fc.array(op, { maxLength: 4 }) });
const watch = fc.record({ watchId: count, created: fc.boolean(), events: fc.array(fc.record({ type: fc.nat(1), kv, prevKv: fc.option(kv, { nil: undefined }) }), { maxLength: 4 }) });

const cases = [
  ['mvccpb.KeyValue', codecs.keyValue, kv], ['etcdserverpb.RangeRequest', codecs.rangeRequest, range], ['etcdserverpb.PutRequest', codecs.putRequest, put],
  ['etcdserverpb.TxnRequest', codecs.txnRequest, txn], ['etcdserverpb.WatchResponse', codecs.watchResponse, watch],
] as const;

describe('the codec agrees with protobuf.js', () => {
  for (const [name, codec, arbitrary] of cases) {
    const oracle = root.lookupType(name);
    it(name, () => {
      fc.assert(fc.property(arbitrary as fc.Arbitrary<object>, (value) => {
        const ours = (codec as { encode(value: object): Uint8Array }).encode(value);
        const theirs = Uint8Array.from(oracle.encode(oracle.fromObject(toOracle(value) as object)).finish());
        expect(oracle.toObject(oracle.decode(ours), { longs: String, bytes: String })).toEqual(oracle.toObject(oracle.decode(theirs), { longs: String, bytes: String }));
        expect((codec as { decode(data: Uint8Array): object }).decode(theirs)).toMatchObject(value);
      }), { seed: 17, numRuns: 200 });
    });
  }
});

it('reads negative numbers, unpacked lists and unknown fields', () => {
  const type = root.lookupType('etcdserverpb.WatchCreateRequest');
  const data = type.encode(type.fromObject({ key: new Uint8Array([1]), start_revision: -1, filters: [0, 1] })).finish();
  const unknown = Uint8Array.of(0xf8, 0x07, 0x05);
  const create = codecs.watchRequest.decode(Uint8Array.from([0x0a, data.length + 3, ...data, ...unknown])).createRequest;
  expect(create).toMatchObject({ startRevision: -1, filters: [0, 1] });
  expect(codecs.rangeRequest.decode(Uint8Array.of(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)).limit).toBe(-1);
});

it('refuses what is cut off or longer than its message', () => {
  const data = codecs.keyValue.encode({ key: new Uint8Array(40), value: new Uint8Array(40), createRevision: 1, modRevision: 1, version: 1, lease: 1n });
  for (let size = 1; size < 42; size += 1) expect(() => codecs.keyValue.decode(data.subarray(0, size))).toThrow(MalformedMessage);
});

it('knows which fields are ids', () => {
  expect(Object.keys(codecs.statusResponse.decode(new Uint8Array(0))).filter((name) => idFields.has(name))).toEqual(['leader']);
});

it('a message in its frame: a flag of 0, its length in four bytes, itself; whatever was encoded before', () => {
  for (const size of [10, 200_000, 3_000_000, 70_000, 5]) {
    const put = { key: new Uint8Array([1]), value: new Uint8Array(size).fill(size & 0xff), lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
    const frame = grpcMessage(codecs.putRequest, put);
    expect(frame[0]).toBe(0);
    expect(new DataView(frame.buffer, frame.byteOffset).getUint32(1)).toBe(frame.length - 5);
    expect(codecs.putRequest.decode(frame.subarray(5))).toEqual({ ...put, value: new Uint8Array(size).fill(size & 0xff) });
  }
});
