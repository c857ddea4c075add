import type { EventMessage, KeyValue } from '../wire/messages.ts';

/** Events on the wire by hand, written straight to where they leave from: each change that is watched goes through here. */
const halves = new Uint32Array(2);
const unsignedWide = new BigUint64Array(halves.buffer);

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest /= 128) size += 1;
  return size;
}

/** Returns where it ends. */
export function putVarint(out: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) {
    out[at] = (rest % 128) | 0x80;
    at += 1;
  }
  for (; rest > 0x7f; rest >>>= 7) {
    out[at] = (rest & 0x7f) | 0x80;
    at += 1;
  }
  out[at] = rest;
  return at + 1;
}

/** Two's complement in 64 bits. */
function idSize(id: bigint): number {
  unsignedWide[0] = id;
  const high = halves[1] as number;
  const bits = high === 0 ? 32 - Math.clz32(halves[0] as number) : 64 - Math.clz32(high);
  return Math.max(1, Math.ceil(bits / 7));
}

function putId(out: Uint8Array, start: number, id: bigint): number {
  unsignedWide[0] = id;
  let low = halves[0] as number;
  let high = halves[1] as number;
  let at = start;
  for (; high !== 0 || low > 0x7f; high >>>= 7) {
    out[at] = (low & 0x7f) | 0x80;
    at += 1;
    low = ((low >>> 7) | (high << 25)) >>> 0;
  }
  out[at] = low;
  return at + 1;
}

const tags = { key: 1 * 8 + 2, createRevision: 2 * 8, modRevision: 3 * 8, version: 4 * 8, value: 5 * 8 + 2, lease: 6 * 8, type: 1 * 8, kv: 2 * 8 + 2, prevKv: 3 * 8 + 2 } as const;

const bytesSize = (data: Uint8Array): number => (data.length === 0 ? 0 : 1 + varintSize(data.length) + data.length);
const numberSize = (value: number): number => (value === 0 ? 0 : 1 + varintSize(value));

function putBytes(out: Uint8Array, start: number, tag: number, data: Uint8Array): number {
  if (data.length === 0) return start;
  out[start] = tag;
  const at = putVarint(out, start + 1, data.length);
  out.set(data, at);
  return at + data.length;
}

function putNumber(out: Uint8Array, start: number, tag: number, value: number): number {
  if (value === 0) return start;
  out[start] = tag;
  return putVarint(out, start + 1, value);
}

function keyValueSize({ key, createRevision, modRevision, version, value, lease }: KeyValue): number {
  return bytesSize(key) + numberSize(createRevision) + numberSize(modRevision) + numberSize(version) + bytesSize(value) + (lease === 0n ? 0 : 1 + idSize(lease));
}

function putKeyValue(out: Uint8Array, start: number, tag: number, kv: KeyValue): number {
  const { lease } = kv;
  out[start] = tag;
  let at = putVarint(out, start + 1, keyValueSize(kv));
  at = putBytes(out, at, tags.key, kv.key);
  at = putNumber(out, at, tags.createRevision, kv.createRevision);
  at = putNumber(out, at, tags.modRevision, kv.modRevision);
  at = putNumber(out, at, tags.version, kv.version);
  at = putBytes(out, at, tags.value, kv.value);
  if (lease === 0n) return at;
  out[at] = tags.lease;
  return putId(out, at + 1, lease);
}

function fieldSize(kv: KeyValue | undefined): number {
  if (kv === undefined) return 0;
  const size = keyValueSize(kv);
  return 1 + varintSize(size) + size;
}

export function eventSize({ type, kv, prevKv }: EventMessage): number {
  return numberSize(type) + fieldSize(kv) + fieldSize(prevKv);
}

/** Returns where it ends: `eventSize` behind `start`. */
export function putEvent(out: Uint8Array, start: number, { type, kv, prevKv }: EventMessage): number {
  const at = putKeyValue(out, putNumber(out, start, tags.type, type), tags.kv, kv);
  return prevKv === undefined ? at : putKeyValue(out, at, tags.prevKv, prevKv);
}
