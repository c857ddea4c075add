import { assert } from '@coxswain/host';
import { ConfHistory, emptyConf, type ConfState } from './conf.ts';
import type { Entry, SnapshotMeta } from './types.ts';

/** What an entry costs in memory beside its data. */
export const entryOverheadBytes = 24;

/**
 * The entries after a snapshot, in memory, with marks: what was handed to the disk, what is on it, what is committed, what
 * was handed on for applying, what was applied.
 *
 * Always: snapshot.index <= applied <= applying <= committed, and stable <= handed <= last.
 */
export class RaftLog {
  #entries: Entry[] = [];
  /** Entries up to it are no longer here. */
  #snapshot: SnapshotMeta;
  #confs: ConfHistory;
  #sizeBytes = 0;
  #uncommittedBytes = 0;
  handed: number;
  stable: number;
  committed: number;
  applying: number;
  applied: number;

  /** `conf`: the configuration as of the snapshot. */
  constructor(snapshot: SnapshotMeta, entries: readonly Entry[] = [], conf: ConfState = emptyConf) {
    this.#snapshot = snapshot;
    this.#entries = [...entries];
    this.#confs = new ConfHistory(snapshot.index, conf);
    for (const entry of entries) this.#added(entry);
    assert(entries.every((entry, at) => entry.index === snapshot.index + 1 + at), 'entries must follow the snapshot', { snapshot: snapshot.index, first: entries[0]?.index });
    this.handed = this.lastIndex;
    this.stable = this.lastIndex;
    this.committed = snapshot.index;
    this.applying = snapshot.index;
    this.applied = snapshot.index;
  }

  #added(entry: Entry): void {
    this.#confs.appended(entry);
    this.#sizeBytes += entry.data.length + entryOverheadBytes;
    this.#uncommittedBytes += entry.data.length + entryOverheadBytes;
  }

  /** The newest in the log, committed or not. */
  get conf(): ConfState {
    return this.#confs.latest;
  }

  get confIndex(): number {
    return this.#confs.latestIndex;
  }

  confAt(index: number): ConfState {
    return this.#confs.at(index);
  }

  /** Of the entries that are held in memory. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Of the entries that are not known to be committed. */
  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }

  /** The least index to forget up to, so that entries after it are at most `keepBytes`. */
  indexKeeping(keepBytes: number): number {
    let sizeBytes = 0;
    for (let at = this.#entries.length - 1; at >= 0; at -= 1) {
      sizeBytes += (this.#entries[at] as Entry).data.length + entryOverheadBytes;
      if (sizeBytes > keepBytes) return this.firstIndex + at;
    }
    return this.#snapshot.index;
  }

  get firstIndex(): number {
    return this.#snapshot.index + 1;
  }

  get lastIndex(): number {
    return this.#snapshot.index + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries[this.#entries.length - 1]?.term ?? this.#snapshot.term;
  }

  /** Undefined if the entry is not (or no longer) known. */
  term(index: number): number | undefined {
    return index === this.#snapshot.index ? this.#snapshot.term : this.#entries[index - this.firstIndex]?.term;
  }

  matches(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** Inclusive bounds, cut after `maxBytes` but never empty if there is one. */
  slice(from: number, to: number, maxBytes: number): Entry[] {
    assert(from >= this.firstIndex && to <= this.lastIndex, 'slice out of the log', { from, to, first: this.firstIndex, last: this.lastIndex });
    const out: Entry[] = [];
    let sizeBytes = 0;
    for (let index = from; index <= to; index += 1) {
      const entry = this.#entries[index - this.firstIndex] as Entry;
      sizeBytes += entry.data.length + entryOverheadBytes;
      if (out.length > 0 && sizeBytes > maxBytes) break;
      out.push(entry);
    }
    return out;
  }

  /** A leader's own. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, 'entries must be appended in order', { index: entry.index, last: this.lastIndex });
      this.#entries.push(entry);
      this.#added(entry);
    }
  }

  /** A leader's entries after (index, logTerm), which must match. What differs is replaced. Returns the last index they cover. */
  merge(index: number, entries: readonly Entry[]): number {
    const fresh = entries.findIndex((entry) => !this.matches(entry.index, entry.term));
    if (fresh >= 0) {
      const first = (entries[fresh] as Entry).index;
      this.#truncate(first);
      this.append(entries.slice(fresh));
    }
    return index + entries.length;
  }

  #bytesBetween(from: number, to: number): number {
    let sizeBytes = 0;
    for (let index = from; index <= to; index += 1) sizeBytes += (this.#entries[index - this.firstIndex] as Entry).data.length + entryOverheadBytes;
    return sizeBytes;
  }

  #truncate(from: number): void {
    assert(from > this.committed, 'committed entries must not be replaced', { from, committed: this.committed });
    if (from > this.lastIndex) return;
    const goneBytes = this.#bytesBetween(from, this.lastIndex);
    this.#sizeBytes -= goneBytes;
    this.#uncommittedBytes -= goneBytes;
    this.#entries.length = from - this.firstIndex;
    this.#confs.truncated(from);
    this.handed = Math.min(this.handed, from - 1);
    this.stable = Math.min(this.stable, from - 1);
  }

  commitTo(index: number): void {
    if (index <= this.committed) return;
    assert(index <= this.lastIndex, 'commit beyond the log', { index, last: this.lastIndex });
    this.#uncommittedBytes -= this.#bytesBetween(this.committed + 1, index);
    this.committed = index;
  }

  /** (index, term) is on disk, unless it was replaced meanwhile. */
  stableTo(index: number, term: number): void {
    if (index > this.stable && this.matches(index, term)) this.stable = index;
  }

  appliedTo(index: number): void {
    assert(index <= this.applying, 'applied what was not handed out', { index, applying: this.applying });
    this.applied = Math.max(this.applied, index);
  }

  /** Entries not yet handed to the disk. */
  takeUnstable(): Entry[] {
    if (this.handed === this.lastIndex) return [];
    const entries = this.slice(this.handed + 1, this.lastIndex, Number.POSITIVE_INFINITY);
    this.handed = this.lastIndex;
    return entries;
  }

  /** Committed entries that are on this disk and were not handed out before. */
  takeCommitted(maxBytes: number): Entry[] {
    const to = Math.min(this.committed, this.stable);
    if (to <= this.applying) return [];
    const entries = this.slice(this.applying + 1, to, maxBytes);
    this.applying += entries.length;
    return entries;
  }

  /** The greatest index not above `index` whose term is not above `term`: where two logs may begin to agree. */
  findConflictByTerm(index: number, term: number): { readonly index: number; readonly term: number } {
    for (let at = index; at >= this.#snapshot.index; at -= 1) {
      const own = this.term(at);
      if (own !== undefined && own <= term) return { index: at, term: own };
    }
    return { index: Math.max(0, this.#snapshot.index - 1), term: 0 };
  }

  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /** Forgets entries up to `index`, which must have been applied. */
  compact(index: number): void {
    if (index <= this.#snapshot.index) return;
    assert(index <= this.applied, 'compaction beyond what was applied', { index, applied: this.applied });
    const term = this.term(index) as number;
    const kept = this.#entries.slice(index - this.#snapshot.index);
    this.#confs.compacted(index);
    this.#sizeBytes = kept.reduce((sum, entry) => sum + entry.data.length + entryOverheadBytes, 0);
    this.#entries = kept;
    this.#snapshot = { index, term };
  }

  /** Everything is replaced by a snapshot. */
  restore(snapshot: SnapshotMeta, conf: ConfState): void {
    this.#entries = [];
    this.#confs = new ConfHistory(snapshot.index, conf);
    this.#sizeBytes = 0;
    this.#uncommittedBytes = 0;
    this.#snapshot = snapshot;
    this.handed = snapshot.index;
    this.stable = snapshot.index;
    this.committed = snapshot.index;
    this.applying = snapshot.index;
    this.applied = snapshot.index;
  }
}
