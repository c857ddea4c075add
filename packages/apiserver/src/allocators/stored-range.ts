import { isProtobuf, openProtobuf } from '@coxswain/api';
import { assert, fromUtf8, utf8 } from '@coxswain/host';

/** What is stored of a range: which one, and its bitmap as the bytes of one big number. */
export interface StoredRange {
  readonly range: string;
  readonly wire: Uint8Array;
}

const rangeField = 2;
const dataField = 3;

/** Fields of a message that has only texts, bytes and messages. */
function fieldsOf(message: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const fields = new Map<number, Uint8Array>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at];
      assert(byte !== undefined && factor < 2 ** 35, 'a stored range allocation ends too early', { at });
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    assert(tag % 8 === 2, 'a stored range allocation has a field that is no text', { tag });
    const length = varint();
    fields.set(Math.floor(tag / 8), message.subarray(at, at + length));
    at += length;
  }
  return fields;
}

/** Of either make: kube-apiserver writes protobuf. No type of the API, and so in no description. */
export function decodeStoredRange(value: Uint8Array): StoredRange {
  if (isProtobuf(value)) {
    const fields = fieldsOf(openProtobuf(value).raw);
    return { range: fromUtf8(fields.get(rangeField) ?? new Uint8Array()), wire: fields.get(dataField) ?? new Uint8Array() };
  }
  const object = JSON.parse(fromUtf8(value)) as { readonly range: string; readonly data: string };
  return { range: object.range, wire: Uint8Array.fromBase64(object.data) };
}

export function encodeStoredRange({ range, wire }: StoredRange): Uint8Array {
  return utf8(JSON.stringify({ apiVersion: 'v1', kind: 'RangeAllocation', metadata: {}, range, data: wire.toBase64() }));
}
