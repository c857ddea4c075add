import { assert, type Disk, type DiskFile, type Logger } from '@coxswain/host';
import type { Entry, HardState, SnapshotMeta } from '../raft/types.ts';
import { entryRecord, hardStateRecord, segmentRecord, snapshotRecord, type SegmentHeader } from './payload.ts';
import { recordSize, writeRecord, type WalRecord } from './record.ts';
import { recoverWal, segmentName, type RecoveredWal, type SegmentFile } from './recover.ts';

export interface WalOptions {
  readonly directory: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** A new segment is begun when the current one is larger. */
  readonly segmentBytes: number;
}

export interface WalBatch {
  /** Of the own state: entries up to it are no longer needed for recovery. */
  readonly snapshot?: SnapshotMeta | undefined;
  /** Received from the leader: replaces the whole log. */
  readonly install?: SnapshotMeta | undefined;
  readonly hardState?: HardState | undefined;
  readonly entries: readonly Entry[];
}

/**
 * The write-ahead log: what this member has promised. `append` resolves when its batch and all before it are on disk; only
 * then may anything that depends on it leave the member. One append at a time.
 *
 * A failed write or datasync leaves unknown what is on disk, so the log refuses to go on after one.
 */
export class Wal {
  readonly #disk: Disk;
  readonly #options: WalOptions;
  readonly #segments: SegmentFile[];
  #file: DiskFile;
  #offset: number;
  #crc: number;
  #batch: number;
  #hardState: HardState;
  #snapshot: SnapshotMeta;
  #lastIndex: number;
  #busy = false;
  #broken: unknown;

  private constructor(disk: Disk, options: WalOptions, recovered: RecoveredWal, file: DiskFile) {
    this.#disk = disk;
    this.#options = options;
    this.#segments = [...recovered.segments];
    this.#file = file;
    this.#offset = recovered.offset;
    this.#crc = recovered.position.crc ?? 0;
    this.#batch = recovered.position.batch;
    this.#hardState = recovered.hardState;
    this.#snapshot = recovered.snapshot;
    this.#lastIndex = recovered.entries[recovered.entries.length - 1]?.index ?? recovered.snapshot.index;
  }

  /** Reads what there is, or begins a new log. Rejects with WalCorruption, or if the log is another member's. */
  static async open(disk: Disk, options: WalOptions, log: Logger): Promise<{ readonly wal: Wal; readonly recovered: RecoveredWal }> {
    await disk.makeDirectory(options.directory, { mode: 0o700 });
    const recovered = await recoverWal(disk, options.directory, log);
    checkOwner(recovered.header, options);
    const last = recovered.segments[recovered.segments.length - 1];
    const path = `${options.directory}/${last?.name ?? segmentName(0)}`;
    const wal = new Wal(disk, options, recovered, await disk.open(path, 'create'));
    if (recovered.header === undefined) await wal.#begin(0);
    else await wal.#settle();
    return { wal, recovered };
  }

  /**
   * What was read may still be only in the system's cache: the last life may have been killed between a write and its
   * datasync. It counts as promised from now on, so it must be on disk.
   */
  async #settle(): Promise<void> {
    await this.#file.datasync();
    await this.#disk.syncDirectory(this.#options.directory);
  }

  /**
   * Writes a segment's header into the (empty) current file. What must outlive the segments before it is repeated: they may be
   * purged, with the records that told of the hard state and the snapshot.
   */
  async #begin(sequence: number): Promise<void> {
    if (this.#segments.every((segment) => segment.sequence !== sequence)) {
      this.#segments.push({ name: segmentName(sequence), sequence, firstIndex: this.#lastIndex + 1 });
    }
    this.#offset = 0;
    const header = segmentRecord({ clusterId: this.#options.clusterId, memberId: this.#options.memberId, sequence });
    const snapshot = this.#snapshot.index > 0 ? [snapshotRecord('snapshot', this.#snapshot)] : [];
    await this.#write([header, ...snapshot, hardStateRecord(this.#hardState)]);
    await this.#disk.syncDirectory(this.#options.directory);
  }

  async append(batch: WalBatch): Promise<void> {
    assert(!this.#busy, 'appends to the log must not overlap');
    if (this.#broken !== undefined) throw this.#broken;
    this.#busy = true;
    try {
      const records: WalRecord[] = [];
      if (batch.install !== undefined) records.push(snapshotRecord('install', batch.install));
      for (const entry of batch.entries) records.push(entryRecord(entry));
      if (batch.snapshot !== undefined) records.push(snapshotRecord('snapshot', batch.snapshot));
      if (batch.hardState !== undefined) records.push(hardStateRecord(batch.hardState));
      if (records.length > 0) await this.#write(records);
      this.#remember(batch);
      if (this.#offset > this.#options.segmentBytes) await this.#cut();
    } catch (error) {
      this.#broken = error;
      throw error;
    } finally {
      this.#busy = false;
    }
  }

  #remember(batch: WalBatch): void {
    this.#hardState = batch.hardState ?? this.#hardState;
    if (batch.install !== undefined) this.#snapshot = batch.install;
    if (batch.snapshot !== undefined && batch.snapshot.index > this.#snapshot.index) this.#snapshot = batch.snapshot;
    this.#lastIndex = batch.entries[batch.entries.length - 1]?.index ?? batch.install?.index ?? this.#lastIndex;
  }

  async #write(records: readonly WalRecord[]): Promise<void> {
    let sizeBytes = 0;
    for (const record of records) sizeBytes += recordSize(record.payload);
    const data = new Uint8Array(sizeBytes);
    const batch = this.#batch + 1;
    let crc = this.#crc;
    let at = 0;
    for (const [index, record] of records.entries()) {
      crc = writeRecord(data, at, record, crc, batch, index === records.length - 1);
      at += recordSize(record.payload);
    }
    await this.#file.write(this.#offset, data);
    await this.#file.datasync();
    this.#offset += sizeBytes;
    this.#crc = crc;
    this.#batch = batch;
  }

  async #cut(): Promise<void> {
    const sequence = (this.#segments[this.#segments.length - 1] as SegmentFile).sequence + 1;
    const file = await this.#disk.open(`${this.#options.directory}/${segmentName(sequence)}`, 'create');
    await this.#file.close();
    this.#file = file;
    await this.#begin(sequence);
  }

  /** Removes segments that hold nothing after `index`, for which a durable snapshot must exist. */
  async purge(index: number): Promise<void> {
    let removed = false;
    while (this.#segments.length > 1 && (this.#segments[1] as SegmentFile).firstIndex <= index + 1) {
      const oldest = this.#segments.shift() as SegmentFile;
      await this.#disk.remove(`${this.#options.directory}/${oldest.name}`);
      removed = true;
    }
    if (removed) await this.#disk.syncDirectory(this.#options.directory);
  }

  get segmentCount(): number {
    return this.#segments.length;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function checkOwner(header: SegmentHeader | undefined, options: WalOptions): void {
  if (header === undefined) return;
  if (header.clusterId === options.clusterId && header.memberId === options.memberId) return;
  throw new Error(`${options.directory} belongs to member ${header.memberId.toString(16)} of cluster ${header.clusterId.toString(16)}, `
    + `not to member ${options.memberId.toString(16)} of cluster ${options.clusterId.toString(16)}: another data directory, or other --initial-cluster flags`);
}
