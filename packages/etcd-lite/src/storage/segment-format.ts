import { crc32c } from '../wal/crc32c.ts';
import { keyBytes, keyText } from '../mvcc/key-text.ts';

/**
 * A segment file: header (16 bytes: magic, zeros), the values one after another, then the index: for each value in the same order
 * one entry that says whose it is. Sizes and the index's CRC stand in the manifest that names the file; each value's CRC stands in
 * its entry. A segment does not know its own name, so that it can be sent to another member as it is.
 */
export const segmentMagic = 'COXSEG01';
export const segmentHeaderBytes = 16;
/** Of an entry without its key: numbers are little-endian. */
const fixedBytes = 44;

export interface SegmentEntry {
  readonly text: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Place among the changes of its revision. */
  readonly sub: number;
  readonly version: number;
  readonly lease: bigint;
  readonly crc: number;
  readonly length: number;
}

export function segmentHeader(): Uint8Array {
  const header = new Uint8Array(segmentHeaderBytes);
  header.set(keyBytes(segmentMagic));
  return header;
}

/** A segment's index as it grows: entries as objects would be many, and die between what stays. */
export class IndexBuilder {
  #data = new Uint8Array(64 * 1024);
  #view = new DataView(this.#data.buffer);
  #filled = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get sizeBytes(): number {
    return this.#filled;
  }

  get bytes(): Uint8Array {
    return this.#data.subarray(0, this.#filled);
  }

  add(entry: SegmentEntry): void {
    const { text } = entry;
    let at = this.#filled;
    this.#filled += fixedBytes + text.length;
    this.#count += 1;
    if (this.#filled > this.#data.length) this.#grow();
    const [data, view] = [this.#data, this.#view];
    view.setUint32(at, text.length, true);
    view.setFloat64(at + 4, entry.createRevision, true);
    view.setFloat64(at + 12, entry.modRevision, true);
    view.setUint32(at + 20, entry.sub, true);
    view.setUint32(at + 24, entry.version, true);
    view.setBigInt64(at + 28, entry.lease, true);
    view.setUint32(at + 36, entry.length, true);
    view.setInt32(at + 40, entry.crc, true);
    at += fixedBytes;
    for (let index = 0; index < text.length; index += 1) data[at + index] = text.charCodeAt(index);
  }

  #grow(): void {
    const data = new Uint8Array(Math.max(this.#data.length * 2, this.#filled));
    data.set(this.#data);
    this.#data = data;
    this.#view = new DataView(data.buffer);
  }
}

export function indexCrc(data: Uint8Array): number {
  return crc32c(data);
}

/** Only the lengths of the values, which is all that is needed to find them. As `readIndex`. */
export function readLengths(data: Uint8Array, onLength: (length: number, ordinal: number) => void): number {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  let at = 0;
  let ordinal = 0;
  while (at + fixedBytes <= data.length) {
    onLength(view.getUint32(at + 36, true), ordinal);
    at += fixedBytes + view.getUint32(at, true);
    ordinal += 1;
  }
  return at === data.length ? ordinal : -1;
}

/** Goes through an index entry by entry. One that does not keep the bounds ends it. */
export class IndexCursor {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.length);
  }

  get ended(): boolean {
    return this.#at + fixedBytes > this.#data.length || this.#next() > this.#data.length;
  }

  /** Where the entry behind this one begins. */
  #next(): number {
    return this.#at + fixedBytes + this.#view.getUint32(this.#at, true);
  }

  skip(): void {
    this.#at = this.#next();
  }

  read(): SegmentEntry {
    const view = this.#view;
    const at = this.#at;
    this.#at = this.#next();
    const noLease = view.getInt32(at + 28, true) === 0 && view.getInt32(at + 32, true) === 0;
    return {
      text: keyText(this.#data.subarray(at + fixedBytes, this.#at)), createRevision: view.getFloat64(at + 4, true), modRevision: view.getFloat64(at + 12, true), sub: view.getUint32(at + 20, true),
      version: view.getUint32(at + 24, true), lease: noLease ? 0n : view.getBigInt64(at + 28, true), length: view.getUint32(at + 36, true), crc: view.getInt32(at + 40, true),
    };
  }
}
