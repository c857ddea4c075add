import { assert, DiskError, type Disk, type DiskFile, type Logger } from '@coxswain/host';
import { crc32c } from '../wal/crc32c.ts';
import type { ValueFile } from '../mvcc/version.ts';
import { StoreCorruption } from './corruption.ts';
import { IndexCursor, indexCrc, readLengths, segmentHeaderBytes, segmentMagic, type SegmentEntry } from './segment-format.ts';
import { keyText } from '../mvcc/key-text.ts';

/** What the manifest says of a segment. */
export interface SegmentInfo {
  readonly id: number;
  readonly sizeBytes: number;
  readonly indexOffset: number;
  readonly indexCrc: number;
  readonly count: number;
}

const readBytes = 1024 * 1024;

/**
 * One immutable file of values, open for reading. It also knows which of them are still needed; that changes, but is written down
 * only with the next manifest. A segment whose name has been removed can be read until the last reader has released it.
 */
export class Segment implements ValueFile {
  readonly info: SegmentInfo;
  readonly path: string;
  readonly #disk: Disk;
  readonly #file: DiskFile;
  /** Where each value begins, and where the last one ends. */
  readonly #offsets: Uint32Array;
  /** A bit for each value: set while it is needed. */
  readonly #live: Uint8Array;
  #liveCount = 0;
  #valueBytes = 0;
  #users = 1;

  constructor(disk: Disk, path: string, file: DiskFile, info: SegmentInfo, offsets: Uint32Array, live: Uint8Array | undefined) {
    this.#disk = disk;
    this.path = path;
    this.#file = file;
    this.info = info;
    this.#offsets = offsets;
    this.#live = live ?? allSet(info.count);
    for (let ordinal = 0; ordinal < info.count; ordinal += 1) if (this.isLive(ordinal)) this.#count(ordinal, 1);
  }

  /** Opens an existing file and reads its index; `onEntry` is called for what is live. Rejects with StoreCorruption. */
  static async open(disk: Disk, path: string, info: SegmentInfo, live: Uint8Array | undefined, onEntry: (entry: SegmentEntry, ordinal: number, segment: Segment) => void): Promise<Segment> {
    const file = await openFile(disk, path);
    try {
      const index = await readIndexBlock(file, path, info);
      const offsets = new Uint32Array(info.count + 1);
      offsets[0] = segmentHeaderBytes;
      const count = readLengths(index, (length, ordinal) => { offsets[ordinal + 1] = (offsets[ordinal] as number) + length; });
      if (count !== info.count || offsets[count] !== info.indexOffset) throw new StoreCorruption(path, info.indexOffset, 'the index does not describe the file');
      const segment = new Segment(disk, path, file, info, offsets, live);
      const cursor = new IndexCursor(index);
      for (let ordinal = 0; !cursor.ended; ordinal += 1) {
        if (segment.isLive(ordinal)) onEntry(cursor.read(), ordinal, segment);
        else cursor.skip();
      }
      return segment;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  #count(ordinal: number, sign: 1 | -1): void {
    this.#liveCount += sign;
    this.#valueBytes += sign * this.lengthOf(ordinal);
  }

  isLive(ordinal: number): boolean {
    return ((this.#live[ordinal >>> 3] as number) & (1 << (ordinal & 7))) !== 0;
  }

  lengthOf(ordinal: number): number {
    return (this.#offsets[ordinal + 1] as number) - (this.#offsets[ordinal] as number);
  }

  offsetOf(ordinal: number): number {
    return this.#offsets[ordinal] as number;
  }

  drop(ordinal: number): void {
    assert(this.isLive(ordinal), 'a value is dropped twice', { file: this.path, ordinal });
    this.#live[ordinal >>> 3] = (this.#live[ordinal >>> 3] as number) & ~(1 << (ordinal & 7));
    this.#count(ordinal, -1);
  }

  /** A copy of which values are needed; undefined: all. */
  liveBits(): Uint8Array | undefined {
    return this.#liveCount === this.info.count ? undefined : this.#live.slice();
  }

  get liveCount(): number {
    return this.#liveCount;
  }

  /** Of the file's bytes those that would be written if it were rewritten now. */
  get liveBytes(): number {
    const { count, sizeBytes, indexOffset } = this.info;
    return this.#valueBytes + (count === 0 ? 0 : Math.round((sizeBytes - indexOffset) * this.#liveCount / count));
  }

  /** Bytes from `ordinal` on, `lengthBytes` of them. Not checked: `check` does that for each value. */
  async read(offset: number, lengthBytes: number): Promise<Uint8Array> {
    const data = await this.#file.read(offset, lengthBytes);
    if (data.length < lengthBytes) throw new StoreCorruption(this.path, offset + data.length, 'the file is shorter than its manifest says');
    return data;
  }

  /** Throws StoreCorruption unless `value` is what was written. */
  check(ordinal: number, value: Uint8Array, crc: number): void {
    if (value.length > 0 && (crc32c(value) | 0) !== crc) throw new StoreCorruption(this.path, this.offsetOf(ordinal), `value ${ordinal} does not match its checksum`);
  }

  /** Of all values, needed or not, in their order. */
  async entries(): Promise<IndexCursor> {
    return new IndexCursor(await readIndexBlock(this.#file, this.path, this.info));
  }

  /** Reads and checks every value and the index. */
  async verify(): Promise<void> {
    const entries = await this.entries();
    const { count } = this.info;
    for (let from = 0; from < count;) {
      let to = from;
      while (to < count && (to === from || this.offsetOf(to + 1) - this.offsetOf(from) <= readBytes)) to += 1;
      const start = this.offsetOf(from);
      const data = await this.read(start, this.offsetOf(to) - start);
      for (; from < to; from += 1) this.check(from, data.subarray(this.offsetOf(from) - start, this.offsetOf(from + 1) - start), entries.read().crc);
    }
  }

  /** The file as it is, for a transfer. The caller must have retained it. */
  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let offset = 0; offset < this.info.sizeBytes; offset += readBytes) yield await this.read(offset, Math.min(readBytes, this.info.sizeBytes - offset));
  }

  retain(): void {
    assert(this.#users > 0, 'a closed segment is used', { file: this.path });
    this.#users += 1;
  }

  release(log: Logger): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#file.close().catch((error: unknown) => { log.warn('a file could not be closed', { file: this.path, error: (error as Error).message }); });
  }

  /** Takes the name away; who reads it goes on. */
  async remove(log: Logger): Promise<void> {
    try {
      await this.#disk.remove(this.path);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // It is found unnamed by any manifest at the next start.
      log.warn('an old file of the store could not be removed', { file: this.path, error: error.message });
    }
    this.release(log);
  }
}

function allSet(count: number): Uint8Array {
  const bits = new Uint8Array((count + 7) >>> 3).fill(0xff);
  if ((count & 7) !== 0) bits[bits.length - 1] = (1 << (count & 7)) - 1;
  return bits;
}

async function openFile(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, 'read');
  } catch (error) {
    if (error instanceof DiskError && error.kind === 'not-found') throw new StoreCorruption(path, 0, 'the file is missing');
    throw error;
  }
}

async function readIndexBlock(file: DiskFile, path: string, info: SegmentInfo): Promise<Uint8Array> {
  const header = await file.read(0, segmentHeaderBytes);
  if (header.length < segmentHeaderBytes || keyText(header.subarray(0, segmentMagic.length)) !== segmentMagic) throw new StoreCorruption(path, 0, 'this is no segment');
  const index = await file.read(info.indexOffset, info.sizeBytes - info.indexOffset);
  if (index.length !== info.sizeBytes - info.indexOffset) throw new StoreCorruption(path, info.indexOffset + index.length, 'the file is shorter than its manifest says');
  if (indexCrc(index) !== info.indexCrc) throw new StoreCorruption(path, info.indexOffset, 'the index does not match its checksum');
  return index;
}
