import { assert, type Disk, type Logger } from '@coxswain/host';
import type { Entry, HardState, SnapshotMeta } from '../raft/types.ts';
import { readEntry, readHardState, readSegment, readSnapshot, type SegmentHeader } from './payload.ts';
import type { ParsedRecord, WalRecord } from './record.ts';
import { scanSegment, WalCorruption, type ChainPosition, type SegmentScan } from './scan.ts';
import { planSegments, readSegmentFile } from './segments.ts';

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
  readonly resume: LogResume;
}

/** How the next life goes on writing. */
export interface LogResume {
  /** Where what is surely on disk ends: before the last batch. */
  readonly previous: SegmentHeader['previous'];
  readonly position: ChainPosition;
  /** The last batch. It may have been read from the system's cache only, and counts as promised from now on. */
  readonly unsettled: readonly WalRecord[];
  readonly nextSequence: number;
  readonly leftovers: readonly string[];
}

/** Reads all segments in order. Changes nothing on disk: a torn tail is cut by the segment that the next life begins. */
export async function recoverWal(disk: Disk, directory: string, log: Logger): Promise<RecoveredWal> {
  const plan = await planSegments(disk, directory);
  const replay = new Replay();
  const segments: SegmentFile[] = [];
  let position: ChainPosition = { crc: undefined, batch: 0, lastOfBatch: true };
  let before: SegmentHeader['previous'];
  let resume: LogResume = { previous: undefined, position, unsettled: [], nextSequence: plan.nextSequence, leftovers: plan.leftovers };
  for (const [at, { name, sequence, endsAt, header }] of plan.segments.entries()) {
    const path = `${directory}/${name}`;
    const isLast = at === plan.segments.length - 1;
    const scan = scanWhole(path, await readSegmentFile(disk, path), position, endsAt, isLast);
    if (isLast && scan.records.length === 0) {
      if (sequence > 0) throw new WalCorruption(path, 0, 'the only segment holds nothing');
      // The power went while the very first one was being made. The next one says that nothing in it counts.
      return { ...replay.finish(path, 0), segments, resume: { ...resume, previous: { sequence, end: 0 }, leftovers: [...resume.leftovers, name] } };
    }
    if (scan.tornBytes > 0) log.warn('the tail of the write-ahead log was torn and is cut off', { file: path, offset: scan.whole.end, bytes: scan.tornBytes });
    segments.push({ name, sequence, firstIndex: replay.lastIndex + 1 });
    for (const record of scan.records) replay.record(path, record);
    ({ position } = scan.whole);
    if (!isLast) {
      before = { sequence, end: scan.whole.end };
      continue;
    }
    const { count, end, position: settled } = scan.beforeLast;
    // A segment's head is written anew in any case.
    const unsettled = scan.records.slice(count).filter((record) => record.kind !== 'segment');
    resume = { ...resume, previous: end > 0 ? { sequence, end } : header?.previous ?? before ?? { sequence, end: 0 }, position: settled, unsettled };
    return { ...replay.finish(path, scan.whole.end), segments, resume };
  }
  return { ...replay.finish(directory, 0), segments, resume };
}

/** A log of the time before segments named their predecessors says nothing of where the ones before its last end. */
function scanWhole(path: string, data: Uint8Array, from: ChainPosition, endsAt: number | undefined, isLast: boolean): SegmentScan {
  const scan = scanSegment(path, data, from, endsAt);
  if (!isLast && scan.tornBytes > 0) throw new WalCorruption(path, scan.whole.end, 'a record is damaged or missing, and a later segment exists');
  return scan;
}

class Replay {
  #header: SegmentHeader | undefined;
  #hardState: HardState = { term: 0, vote: 0n, commit: 0 };
  #snapshot: SnapshotMeta = { index: 0, term: 0 };
  #entries: Entry[] = [];

  get lastIndex(): number {
    return this.#entries[this.#entries.length - 1]?.index ?? this.#snapshot.index;
  }

  record(path: string, record: ParsedRecord): void {
    switch (record.kind) {
      case 'segment': this.#header = readSegment(record.payload); return;
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
