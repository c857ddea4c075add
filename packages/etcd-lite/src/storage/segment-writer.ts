import type { Disk, DiskFile } from '@coxswain/host';
import { Segment, type SegmentInfo } from './segment.ts';
import { IndexBuilder, indexCrc, readLengths, segmentHeader, segmentHeaderBytes, type SegmentEntry } from './segment-format.ts';

const bufferBytes = 256 * 1024;
/** So much is written between two datasyncs: one large one would hold up the log's. */
const syncBytes = 2 * 1024 * 1024;

/** Writes one segment. Nothing names the file until a manifest does. */
export class SegmentWriter {
  readonly #disk: Disk;
  readonly #file: DiskFile;
  readonly path: string;
  readonly #id: number;
  readonly #buffer = new Uint8Array(bufferBytes);
  #filled = 0;
  #written = 0;
  #unsynced = 0;
  readonly #index = new IndexBuilder();

  private constructor(disk: Disk, path: string, id: number, file: DiskFile) {
    this.#disk = disk;
    this.path = path;
    this.#id = id;
    this.#file = file;
    this.#buffer.set(segmentHeader());
    this.#filled = segmentHeaderBytes;
  }

  static async create(disk: Disk, path: string, id: number): Promise<SegmentWriter> {
    return new SegmentWriter(disk, path, id, await disk.open(path, 'create'));
  }

  get count(): number {
    return this.#index.count;
  }

  get sizeBytes(): number {
    return this.#written + this.#filled + this.#index.sizeBytes;
  }

  /** As `count` says before, that is the value's number. A promise only if a buffer has become full: nothing else until it resolves. */
  add(entry: SegmentEntry, value: Uint8Array): Promise<void> | undefined {
    this.#index.add(entry);
    if (this.#filled + value.length >= bufferBytes) return this.#put(value);
    this.#buffer.set(value, this.#filled);
    this.#filled += value.length;
    return undefined;
  }

  async #put(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length;) {
      const part = data.subarray(at, at + bufferBytes - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === bufferBytes) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    if (this.#filled === 0) return;
    await this.#file.write(this.#written, this.#buffer.subarray(0, this.#filled));
    this.#written += this.#filled;
    this.#unsynced += this.#filled;
    this.#filled = 0;
    if (this.#unsynced < syncBytes) return;
    this.#unsynced = 0;
    await this.#file.datasync();
  }

  /** Resolves when the file's content is on disk (its name is not yet). */
  async finish(): Promise<Segment> {
    const indexOffset = this.#written + this.#filled;
    const index = this.#index.bytes;
    await this.#put(index);
    await this.#flush();
    await this.#file.datasync();
    const info: SegmentInfo = { id: this.#id, sizeBytes: this.#written, indexOffset, indexCrc: indexCrc(index), count: this.#index.count };
    const offsets = new Uint32Array(info.count + 1);
    offsets[0] = segmentHeaderBytes;
    readLengths(index, (length, ordinal) => { offsets[ordinal + 1] = (offsets[ordinal] as number) + length; });
    return new Segment(this.#disk, this.path, this.#file, info, offsets, undefined);
  }

  /** Leaves nothing behind, if the disk lets it. */
  async abandon(): Promise<void> {
    await this.#file.close();
    await this.#disk.remove(this.path);
  }
}
