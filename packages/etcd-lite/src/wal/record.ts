import { crc32c } from './crc32c.ts';

/**
 * A record: length of the payload (4), CRC of the record before (4), batch (4), kind and flags (1), payload, CRC-32C of all
 * that (4); little-endian. The stored predecessor makes each record checkable by itself and the chain checkable as a whole.
 * A batch is what one datasync makes durable; its last record says so.
 */
const recordKinds = ['segment', 'hard-state', 'entry', 'snapshot', 'install'] as const;
export type RecordKind = (typeof recordKinds)[number];

export interface WalRecord {
  readonly kind: RecordKind;
  readonly payload: Uint8Array;
  /** What the payload goes on with: of an entry about to be written, whose data is not copied before that. */
  readonly rest?: Uint8Array;
}

export const headerBytes = 13;
const trailerBytes = 4;
const lastOfBatch = 0x80;
/** No record is larger; a greater length is garbage. */
const maxPayloadBytes = 256 * 1024 * 1024;

export function recordSize({ payload, rest }: WalRecord): number {
  return headerBytes + payload.length + (rest?.length ?? 0) + trailerBytes;
}

/** Writes at `offset`; returns the record's CRC. */
export function writeRecord(target: Uint8Array, offset: number, record: WalRecord, previousCrc: number, batch: number, last: boolean): number {
  const { payload, rest } = record;
  const lengthBytes = payload.length + (rest?.length ?? 0);
  const view = new DataView(target.buffer, target.byteOffset + offset);
  view.setUint32(0, lengthBytes, true);
  view.setUint32(4, previousCrc, true);
  view.setUint32(8, batch, true);
  view.setUint8(12, recordKinds.indexOf(record.kind) | (last ? lastOfBatch : 0));
  target.set(payload, offset + headerBytes);
  if (rest !== undefined) target.set(rest, offset + headerBytes + payload.length);
  const crc = crc32c(target.subarray(offset, offset + headerBytes + lengthBytes));
  view.setUint32(headerBytes + lengthBytes, crc, true);
  return crc;
}

export interface ParsedRecord extends WalRecord {
  readonly previousCrc: number;
  readonly crc: number;
  readonly batch: number;
  readonly last: boolean;
  /** Offset of what follows. */
  readonly end: number;
}

/** Undefined if no whole, undamaged record begins at `offset`. Does not look at the chain. */
export function parseRecord(data: Uint8Array, offset: number): ParsedRecord | undefined {
  if (offset + headerBytes + trailerBytes > data.length) return undefined;
  const view = new DataView(data.buffer, data.byteOffset + offset, data.length - offset);
  const length = view.getUint32(0, true);
  const flags = view.getUint8(12);
  const kind = recordKinds[flags & 0x7f];
  if (kind === undefined || length > maxPayloadBytes || offset + headerBytes + length + trailerBytes > data.length) return undefined;
  const crc = view.getUint32(headerBytes + length, true);
  if (crc32c(data.subarray(offset, offset + headerBytes + length)) !== crc) return undefined;
  return {
    kind, payload: data.slice(offset + headerBytes, offset + headerBytes + length), previousCrc: view.getUint32(4, true), crc, batch: view.getUint32(8, true),
    last: (flags & lastOfBatch) !== 0, end: offset + headerBytes + length + trailerBytes,
  };
}
