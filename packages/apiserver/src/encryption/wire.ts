import { concatBytes, utf8 } from '@coxswain/host';

/** As much of protobuf as the messages of key management need: numbers, bytes, texts and maps from text to bytes. */
class WireError extends Error {}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return new Uint8Array([...bytes, rest]);
}

/** Nothing for 0, as proto3 wants it. */
export function numberField(field: number, value: number): Uint8Array {
  return value === 0 ? new Uint8Array(0) : concatBytes([varint(field * 8), varint(value)]);
}

function present(field: number, value: Uint8Array): Uint8Array {
  return concatBytes([varint(field * 8 + 2), varint(value.length), value]);
}

export function bytesField(field: number, value: Uint8Array): Uint8Array {
  return value.length === 0 ? value : present(field, value);
}

export function textField(field: number, value: string): Uint8Array {
  return bytesField(field, utf8(value));
}

export type BytesMap = ReadonlyMap<string, Uint8Array>;

/** In order of keys. */
export function mapField(field: number, value: BytesMap): Uint8Array {
  return concatBytes([new Uint8Array(0), ...[...value.keys()].sort().map((key) => present(field, concatBytes([textField(1, key), bytesField(2, value.get(key) ?? new Uint8Array(0))])))]);
}

export interface WireFields {
  number(field: number): number;
  bytes(field: number): Uint8Array;
  /** Of a repeated field. */
  all(field: number): readonly Uint8Array[];
  text(field: number): string;
  map(field: number): BytesMap;
}

class Reader {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  get done(): boolean {
    return this.#at >= this.#data.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#data[this.#at];
      if (byte === undefined) throw new WireError('unexpected EOF');
      this.#at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new WireError('variable length integer is too long');
  }

  take(lengthBytes: number): Uint8Array {
    if (lengthBytes > this.#data.length - this.#at) throw new WireError('unexpected EOF');
    this.#at += lengthBytes;
    return this.#data.subarray(this.#at - lengthBytes, this.#at);
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function decoded(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new WireError('string field contains invalid UTF-8', { cause: error });
  }
}

/** Unknown fields are passed over; of a repeated one the last counts. Throws WireError. */
export function readFields(data: Uint8Array): WireFields {
  const numbers = new Map<number, number>();
  const lengths = new Map<number, Uint8Array[]>();
  const reader = new Reader(data);
  while (!reader.done) {
    const tag = reader.varint();
    const field = Math.floor(tag / 8);
    const type = tag % 8;
    if (type === 0) numbers.set(field, reader.varint());
    else if (type === 2) lengths.set(field, [...(lengths.get(field) ?? []), reader.take(reader.varint())]);
    else if (type === 1 || type === 5) reader.take(type === 1 ? 8 : 4);
    else throw new WireError('cannot parse invalid wire-format data');
  }
  const bytes = (field: number): Uint8Array => lengths.get(field)?.at(-1) ?? new Uint8Array(0);
  return {
    number: (field) => numbers.get(field) ?? 0, bytes, all: (field) => lengths.get(field) ?? [], text: (field) => decoded(bytes(field)),
    map: (field) => new Map((lengths.get(field) ?? []).map((entry) => {
      const parts = readFields(entry);
      return [parts.text(1), parts.bytes(2)];
    })),
  };
}
