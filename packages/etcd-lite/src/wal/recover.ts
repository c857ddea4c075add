import { assert, type Disk, type Logger } from '@coxswain/host';
import type { Entry, HardState, SnapshotMeta } from '../raft/types.ts';
import { readEntry, readHardState, readSegment, readSnapshot, type SegmentHeader } from './payload.ts';
import type { ParsedRecord } from './record.ts';
import { scanSegment, WalCorruption, type ChainPosition } from './scan.ts';

export interface SegmentFile {
  readonly name: string;
  readonly sequence: number;
  /** Entries before it need no look into this segment or later ones. */
  firstIndex: number;
}

export interface RecoveredWal {
  readonly header: SegmentHeader | undefined;
  readonly hardState: HardState;
  /** Contiguous, after `snapshot`. */
  readonly entries: readonly Entry[];
  /** The newest snapshot that the log knows of. */
  readonly snapshot: SnapshotMeta;
  readonly segments: readonly SegmentFile[];
  readonly position: ChainPosition;
  /** Where to go on writing in the last segment. */
  readonly offset: number;
}

export function segmentName(sequence: number): string {
  return `${sequence.toString(16).padStart(16, '0')}.wal`;
}

const namePattern = /^([0-9a-f]{16})\.wal$/;

/** Reads all segments in order. The last one's torn tail is cut off, on disk too. */
export async function recoverWal(disk: Disk, directory: string, log: Logger): Promise<RecoveredWal> {
  const names = (await disk.list(directory)).filter((name) => namePattern.test(name));
  const replay = new Replay();
  const segments: SegmentFile[] = [];
  let position: ChainPosition = { crc: undefined, batch: 0, lastOfBatch: true };
  let offset = 0;
  for (const [at, name] of names.entries()) {
    const path = `${directory}/${name}`;
    const data = await disk.readFile(path);
    const sequence = Number.parseInt(name.slice(0, 16), 16);
    const before = segments[segments.length - 1]?.sequence;
    if (before !== undefined && sequence !== before + 1) throw new WalCorruption(path, 0, `segment ${sequence} follows segment ${before}`);
    const scan = scanSegment(path, data, position, at === names.length - 1);
    if (scan.end < data.length) await cutTail(disk, path, scan.end, data.length, log);
    if (scan.records.length === 0 && at === 0 && sequence !== 0) throw new WalCorruption(path, 0, 'the only segment holds nothing');
    if (scan.records.length === 0 && at > 0) {
      // The power went while the segment was being made; nothing was promised in it.
      await disk.remove(path);
      await disk.syncDirectory(directory);
      break;
    }
    segments.push({ name, sequence, firstIndex: replay.lastIndex + 1 });
    replay.segment(path, scan.records, sequence);
    ({ position } = scan);
    offset = scan.end;
  }
  const last = segments[segments.length - 1];
  return { ...replay.finish(last === undefined ? directory : `${directory}/${last.name}`, offset), segments, position, offset };
}

async function cutTail(disk: Disk, path: string, end: number, sizeBytes: number, log: Logger): Promise<void> {
  log.warn('the tail of the write-ahead log was torn and is cut off', { file: path, offset: end, bytes: sizeBytes - end });
  const file = await disk.open(path, 'write');
  await file.truncate(end);
  await file.datasync();
  await file.close();
}

class Replay {
  #header: SegmentHeader | undefined;
  #hardState: HardState = { term: 0, vote: 0n, commit: 0 };
  #snapshot: SnapshotMeta = { index: 0, term: 0 };
  #entries: Entry[] = [];
  get lastIndex(): number {
    return this.#entries[this.#entries.length - 1]?.index ?? this.#snapshot.index;
  }

  segment(path: string, records: readonly ParsedRecord[], sequence: number): void {
    for (const record of records) this.#record(path, record, sequence);
  }

  #record(path: string, record: ParsedRecord, sequence: number): void {
    switch (record.kind) {
      case 'segment': {
        const header = readSegment(record.payload);
        if (header.sequence !== sequence) throw new WalCorruption(path, 0, `the file holds segment ${header.sequence}`);
        this.#header = header;
        return;
      }
      case 'hard-state': this.#hardState = readHardState(record.payload); return;
      case 'entry': this.#entry(path, readEntry(record.payload), record); return;
      case 'snapshot': this.#snapshotTaken(readSnapshot(record.payload)); return;
      case 'install': this.#install(readSnapshot(record.payload));
    }
  }

  /**
   * A later record of the same index replaces it and what came after it. It may replace all that is here, and more: what
   * came before the oldest segment was purged. Whether something is missing is known only at the end.
   */
  #entry(path: string, entry: Entry, record: ParsedRecord): void {
    const first = this.#entries[0]?.index ?? entry.index;
    if (this.#entries.length > 0 && entry.index > this.lastIndex + 1) {
      throw new WalCorruption(path, record.end - record.payload.length, `entry ${entry.index} follows entry ${this.lastIndex}`);
    }
    this.#entries.length = Math.max(0, entry.index - first);
    this.#entries.push(entry);
  }

  #snapshotTaken(snapshot: SnapshotMeta): void {
    if (snapshot.index > this.#snapshot.index) this.#snapshot = snapshot;
  }

  #install(snapshot: SnapshotMeta): void {
    this.#snapshot = snapshot;
    this.#entries = [];
  }

  finish(path: string, offset: number): Pick<RecoveredWal, 'header' | 'hardState' | 'entries' | 'snapshot'> {
    const entries = this.#entries.filter((entry) => entry.index > this.#snapshot.index);
    const first = entries[0];
    if (first !== undefined && first.index !== this.#snapshot.index + 1) {
      throw new WalCorruption(path, offset, `the log begins at entry ${first.index} but the snapshot ends at ${this.#snapshot.index}`);
    }
    const last = entries[entries.length - 1]?.index ?? this.#snapshot.index;
    if (this.#hardState.commit > last) throw new WalCorruption(path, offset, `entry ${this.#hardState.commit} was committed but the log ends at entry ${last}`);
    assert(entries.every((entry, at) => at === 0 || entry.index === (entries[at - 1] as Entry).index + 1), 'recovered entries must follow each other');
    return { header: this.#header, hardState: this.#hardState, entries, snapshot: this.#snapshot };
  }
}
