import { assert, DiskError, type Disk, type DiskFile, type Logger } from '@coxswain/host';
import type { Entry, HardState, SnapshotMeta } from '../raft/types.ts';
import { entryRecord, hardStateRecord, segmentRecord, snapshotRecord, type SegmentHeader } from './payload.ts';
import { recordSize, writeRecord, type WalRecord } from './record.ts';
import { recoverWal, type RecoveredWal, type SegmentFile } from './recover.ts';
import { batchAfter } from './scan.ts';
import { segmentName } from './segments.ts';

export interface WalOwner {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

export interface WalOptions extends WalOwner {
  readonly directory: string;
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

const zerosAheadBytes = 1024 * 1024;
/** A larger batch is written from memory of its own. */
const lentBytes = 2 * zerosAheadBytes;

/**
 * The write-ahead log: what this member has promised. `append` resolves when its batch and all before it are on disk; only
 * then may anything that depends on it leave the member. One append at a time.
 * A write is durable by itself (`O_DSYNC`), so a batch is one trip to the disk; the datasync spoken of here is the one within it.
 *
 * After a failed write or datasync nobody knows what is on disk, and asking the system to write the same pages again proves
 * nothing: it may have dropped them. So the log goes on in a new file, whose head says where the one before it surely ends. A
 * caller whose append failed appends the same again (more may follow it), until it succeeds: nothing else may come in between.
 * A new life begins a file in the same way, for what it has read may be in the system's cache only.
 */
export class Wal {
  readonly #disk: Disk;
  readonly #options: WalOptions;
  /** Of one write after the other: memory that comes and goes with each is what collecting garbage costs a member most for. */
  #lent: Uint8Array | undefined;
  #segments: SegmentFile[];
  #file: DiskFile | undefined;
  /** Of the current file: what surely is on disk, and what is surely its own (zeros behind the data). */
  #offset = 0;
  #allocated = 0;
  #previous: SegmentHeader['previous'];
  #crc: number;
  #batch: number;
  #hardState: HardState;
  #snapshot: SnapshotMeta;
  #lastIndex: number;
  #nextSequence: number;
  /** Read by this life, not known to be on disk. */
  #unsettled: readonly WalRecord[];
  #needsFile = true;
  #leftovers: readonly string[];
  #busy = false;

  private constructor(disk: Disk, options: WalOptions, recovered: RecoveredWal) {
    const { resume } = recovered;
    this.#disk = disk;
    this.#options = options;
    this.#segments = [...recovered.segments];
    this.#previous = resume.previous;
    this.#crc = resume.position.crc ?? 0;
    this.#batch = resume.position.batch;
    this.#hardState = recovered.hardState;
    this.#snapshot = recovered.snapshot;
    this.#lastIndex = recovered.entries[recovered.entries.length - 1]?.index ?? recovered.snapshot.index;
    this.#nextSequence = resume.nextSequence;
    this.#unsettled = resume.unsettled;
    this.#leftovers = resume.leftovers;
  }

  /** Reads what there is, or begins a new log. Rejects with WalCorruption, or if the log is another member's. */
  static async open(disk: Disk, options: WalOptions, log: Logger): Promise<{ readonly wal: Wal; readonly recovered: RecoveredWal }> {
    // A disk that is full now need not be so for ever: where there is a log already nothing is written here.
    if (!await disk.exists(options.directory)) await disk.makeDirectory(options.directory, { mode: 0o700 });
    const recovered = await recoverWal(disk, options.directory, log);
    checkOwner(recovered.header, options);
    return Wal.#begun(disk, options, recovered);
  }

  /** As `open`, of whoever's log it is; `owner` is asked only where there is none. */
  static async openAny(disk: Disk, place: Omit<WalOptions, keyof WalOwner>, owner: () => Promise<WalOwner>, log: Logger): Promise<{ readonly wal: Wal; readonly recovered: RecoveredWal }> {
    if (!await disk.exists(place.directory)) await disk.makeDirectory(place.directory, { mode: 0o700 });
    const recovered = await recoverWal(disk, place.directory, log);
    const { clusterId, memberId } = recovered.header ?? await owner();
    return Wal.#begun(disk, { ...place, clusterId, memberId }, recovered);
  }

  static async #begun(disk: Disk, options: WalOptions, recovered: RecoveredWal): Promise<{ readonly wal: Wal; readonly recovered: RecoveredWal }> {
    const wal = new Wal(disk, options, recovered);
    if (recovered.header === undefined) await wal.#beginFile([]);
    return { wal, recovered };
  }

  /** Something that was read must be made durable (`append`, even of nothing) before anything may depend on it. */
  get settled(): boolean {
    return !this.#needsFile;
  }

  async append(batch: WalBatch): Promise<void> {
    assert(!this.#busy, 'appends to the log must not overlap');
    this.#busy = true;
    try {
      const records = recordsOf(batch);
      if (this.#needsFile) await this.#beginFile(records);
      else if (records.length > 0) await this.#write(records);
      this.#remember(batch);
      if (this.#offset > this.#options.segmentBytes) await this.#cut();
    } finally {
      this.#busy = false;
    }
  }

  /** What was appended is on disk, whether this comes through or not; the next append tries again, and says so. */
  async #cut(): Promise<void> {
    try {
      await this.#beginFile([]);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  #remember(batch: WalBatch): void {
    this.#hardState = batch.hardState ?? this.#hardState;
    if (batch.install !== undefined) this.#snapshot = batch.install;
    if (batch.snapshot !== undefined && batch.snapshot.index > this.#snapshot.index) this.#snapshot = batch.snapshot;
    this.#lastIndex = batch.entries[batch.entries.length - 1]?.index ?? batch.install?.index ?? this.#lastIndex;
  }

  /**
   * A new segment with what must outlive the ones before it (they may be purged, with the records that told of the hard state
   * and the snapshot), what is not surely on disk, and `records`: one batch. Until it is durable the old state stands.
   */
  async #beginFile(records: readonly WalRecord[]): Promise<void> {
    const { directory, clusterId, memberId } = this.#options;
    const current = this.#segments[this.#segments.length - 1];
    const previous = this.#file !== undefined && this.#offset > 0 && current !== undefined ? { sequence: current.sequence, end: this.#offset } : this.#previous;
    const sequence = this.#nextSequence;
    this.#nextSequence += 1;
    this.#needsFile = true;
    const name = segmentName(sequence);
    const file = await this.#disk.open(`${directory}/${name}`, 'create', { durableWrites: true });
    const before = { file: this.#file, offset: this.#offset, allocated: this.#allocated, crc: this.#crc, batch: this.#batch };
    [this.#file, this.#offset, this.#allocated] = [file, 0, 0];
    try {
      const snapshot = this.#snapshot.index > 0 ? [snapshotRecord('snapshot', this.#snapshot)] : [];
      await this.#write([segmentRecord({ clusterId, memberId, sequence, previous }), ...snapshot, hardStateRecord(this.#hardState), ...this.#unsettled, ...records]);
      await this.#disk.syncDirectory(directory);
    } catch (error) {
      [this.#file, this.#offset, this.#allocated, this.#crc, this.#batch] = [before.file, before.offset, before.allocated, before.crc, before.batch];
      this.#needsFile = true;
      await closeUsed(file);
      // A full disk is tried again and again: the attempts must not pile up.
      if (!await this.#removed(name)) this.#leftovers = [...this.#leftovers, name];
      throw error;
    }
    const dropped = this.#segments.filter((segment) => segment.sequence > (previous?.sequence ?? -1)).map((segment) => segment.name);
    this.#segments = [...this.#segments.filter((segment) => !dropped.includes(segment.name)), { name, sequence, firstIndex: this.#lastIndex + 1 }];
    this.#leftovers = [...this.#leftovers, ...dropped];
    this.#previous = previous;
    this.#unsettled = [];
    this.#needsFile = false;
    if (before.file !== undefined) await closeUsed(before.file);
  }

  async #removed(name: string): Promise<boolean> {
    try {
      await this.#disk.remove(`${this.#options.directory}/${name}`);
      return true;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return false;
    }
  }

  async #write(records: readonly WalRecord[]): Promise<void> {
    let sizeBytes = 0;
    for (const record of records) sizeBytes += recordSize(record);
    const end = this.#offset + sizeBytes;
    const allocated = end <= this.#allocated ? this.#allocated : this.#roundUp(end);
    const data = this.#room(sizeBytes, end <= this.#allocated ? sizeBytes : allocated - this.#offset);
    const batch = batchAfter(this.#batch);
    let crc = this.#crc;
    let at = 0;
    for (const [index, record] of records.entries()) {
      crc = writeRecord(data, at, record, crc, batch, index === records.length - 1);
      at += recordSize(record);
    }
    try {
      await (this.#file as DiskFile).write(this.#offset, data);
    } catch (error) {
      this.#needsFile = true;
      throw error;
    }
    this.#offset = end;
    this.#allocated = allocated;
    this.#crc = crc;
    this.#batch = batch;
  }

  /** For so many bytes of records, and zeros behind them. Nothing reads it any more when the next write begins. */
  #room(sizeBytes: number, withZerosBytes: number): Uint8Array {
    if (withZerosBytes > lentBytes) return new Uint8Array(withZerosBytes);
    if (this.#lent === undefined || this.#lent.length < withZerosBytes) this.#lent = new Uint8Array(Math.min(lentBytes, withZerosBytes * 2));
    const data = this.#lent.subarray(0, withZerosBytes);
    data.fill(0, sizeBytes);
    return data;
  }

  /** Zeros are written ahead, so that most datasyncs need not touch the file's metadata. */
  #roundUp(end: number): number {
    const step = Math.max(1, Math.min(zerosAheadBytes, Math.floor(this.#options.segmentBytes / 4)));
    return Math.ceil(end / step) * step;
  }

  /** Removes segments that hold nothing after `index`, for which a durable snapshot must exist, and what failed attempts left. */
  async purge(index: number): Promise<void> {
    const { directory } = this.#options;
    if (this.#needsFile) return;
    let removed = this.#leftovers.length > 0;
    for (const name of this.#leftovers) await this.#disk.remove(`${directory}/${name}`);
    this.#leftovers = [];
    while (this.#segments.length > 1 && (this.#segments[1] as SegmentFile).firstIndex <= index + 1) {
      await this.#disk.remove(`${directory}/${(this.#segments[0] as SegmentFile).name}`);
      this.#segments.shift();
      removed = true;
    }
    if (removed) await this.#disk.syncDirectory(directory);
  }

  get segmentCount(): number {
    return this.#segments.length;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

/** All that counts is on disk, or known not to be: what a close still finds to complain of changes nothing. */
async function closeUsed(file: DiskFile): Promise<void> {
  try {
    await file.close();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

function recordsOf(batch: WalBatch): WalRecord[] {
  const records: WalRecord[] = [];
  if (batch.install !== undefined) records.push(snapshotRecord('install', batch.install));
  for (const entry of batch.entries) records.push(entryRecord(entry));
  if (batch.snapshot !== undefined) records.push(snapshotRecord('snapshot', batch.snapshot));
  if (batch.hardState !== undefined) records.push(hardStateRecord(batch.hardState));
  return records;
}

function checkOwner(header: SegmentHeader | undefined, options: WalOptions): void {
  if (header === undefined) return;
  if (header.clusterId === options.clusterId && header.memberId === options.memberId) return;
  throw new Error(`${options.directory} belongs to member ${header.memberId.toString(16)} of cluster ${header.clusterId.toString(16)}, `
    + `not to member ${options.memberId.toString(16)} of cluster ${options.clusterId.toString(16)}: another data directory, or other --initial-cluster flags`);
}
