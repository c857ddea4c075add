import { assert, emptyBytes } from '@coxswain/host';
import { etcdError } from '../client/errors.ts';
import { Change, History, type RevisionRecord } from './history.ts';
import { KeyIndex } from './key-index.ts';
import type { KeyRange } from './key-text.ts';
import { ValueBlocks } from './value-blocks.ts';
import { contentHash, notStored, pruned, valueLength, versionAt, Version } from './version.ts';

export interface RangeRead {
  readonly versions: readonly Version[];
  /** Of all keys in the range, whatever the limit. */
  readonly count: number;
}

/**
 * Every version of every key since the last compaction. A main revision is one write (put, delete or transaction); within
 * it no key changes twice. Versions are never changed in place, so what is read stays valid. Values may be in files: who
 * needs one sees to it that it is in memory first (`Values`).
 */
export class MvccStore {
  readonly #index = new KeyIndex();
  readonly history = new History();
  /** etcd starts at 1: the first write makes revision 2. */
  #revision = 1;
  #compactRevision = 0;
  /** The revision up to which superseded versions have really been dropped; it follows `compactRevision`. */
  #prunedRevision = 0;
  #sizeBytes = 0;
  #writing: WriteTxn | undefined;
  /** Of all versions that are in the index. */
  #hashSum = 0;
  /** Versions in no file, in the order in which they were written. */
  #fresh: Version[] = [];
  /** So many of `#fresh`, or more, were pruned before they came into a file. */
  #freshPruned = 0;
  #freshBytes = 0;
  readonly #blocks = new ValueBlocks();

  get revision(): number {
    return this.#revision;
  }

  /** Reads below it are refused; 0: never compacted. */
  get compactRevision(): number {
    return this.#compactRevision;
  }

  /** Keys and values of all versions, with a flat amount for the index: what a quota is measured against. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get keyCount(): number {
    return this.#index.size;
  }

  /** Throws compacted or futureRevision as etcd does. */
  checkRevision(revision: number): void {
    if (revision > this.#revision) throw etcdError('futureRevision');
    if (revision > 0 && revision < this.#compactRevision) throw etcdError('compacted');
  }

  /** `revision` 0: the newest (within a transaction its own writes too). `limit` 0: all. */
  range(range: KeyRange, revision: number, limit: number, countOnly = false): RangeRead {
    this.checkRevision(revision);
    if (range.single) return this.#single(range.start, revision, countOnly);
    if (revision <= 0 || revision === this.#revision && this.#writing === undefined) return this.#current(range, limit, countOnly);
    return this.#past(range, revision, limit, countOnly);
  }

  /** The live version of one key, now. */
  live(key: string): Version | undefined {
    const head = this.#index.get(key);
    return head === undefined || head.version === 0 ? undefined : head;
  }

  #single(key: string, revision: number, countOnly: boolean): RangeRead {
    const head = this.#index.get(key);
    const version = head === undefined ? undefined : versionAt(head, revision <= 0 ? Number.MAX_SAFE_INTEGER : revision);
    if (version === undefined) return { versions: [], count: 0 };
    return { versions: countOnly ? [] : [version], count: 1 };
  }

  #current(range: KeyRange, limit: number, countOnly: boolean): RangeRead {
    const count = this.#index.countLive(range);
    const versions: Version[] = [];
    if (countOnly) return { versions, count };
    const wanted = limit > 0 ? Math.min(limit, count) : count;
    if (wanted === 0) return { versions, count };
    for (const head of this.#index.heads(range)) {
      if (head.version === 0) continue;
      versions.push(head);
      if (versions.length === wanted) break;
    }
    return { versions, count };
  }

  #past(range: KeyRange, revision: number, limit: number, countOnly: boolean): RangeRead {
    const versions: Version[] = [];
    let count = 0;
    for (const head of this.#index.heads(range)) {
      const version = versionAt(head, revision);
      if (version === undefined) continue;
      count += 1;
      if (!countOnly && (limit <= 0 || versions.length < limit)) versions.push(version);
    }
    return { versions, count };
  }

  /** One write at a time; `commit` ends it. `shared`: see `sharedMemory`. */
  begin(shared?: ArrayBufferLike): WriteTxn {
    assert(this.#writing === undefined, 'a write is under way already');
    this.#blocks.share(shared);
    const changed: Version[] = [];
    const txn: WriteTxn = {
      revision: this.#revision + 1,
      changed: () => changed.length > 0,
      put: (key, value, lease, crc) => { this.#put(txn, changed, key, value, lease, crc); },
      delete: (version) => { changed.push(this.#append(new Version(version.text, 0, txn.revision, 0, 0n, 0, emptyBytes))); },
      commit: () => this.#commit(txn, changed),
    };
    this.#writing = txn;
    return txn;
  }

  #put(txn: WriteTxn, changed: Version[], key: string, value: Uint8Array, lease: bigint, crc: number): void {
    const head = this.#index.get(key);
    const live = head?.version === 0 ? undefined : head;
    // One string for all versions of a key.
    const version = new Version(head?.text ?? key, live?.createRevision ?? txn.revision, txn.revision, (live?.version ?? 0) + 1, lease, crc, emptyBytes);
    this.#blocks.keep(version, value);
    changed.push(this.#append(version));
  }

  #append(version: Version): Version {
    this.#index.append(version);
    this.#account(version);
    this.#fresh.push(version);
    this.#freshBytes += storedSize(version);
    return version;
  }

  #account(version: Version): void {
    this.#sizeBytes += storedSize(version);
    this.#hashSum = (this.#hashSum + contentHash(version)) | 0;
  }

  #commit(txn: WriteTxn, changed: Version[]): RevisionRecord | undefined {
    assert(this.#writing === txn, 'this write is not the one under way');
    this.#writing = undefined;
    if (changed.length === 0) return undefined;
    this.#revision = txn.revision;
    this.history.append(txn.revision, changed);
    return { revision: txn.revision, changes: changed.map((version) => new Change(version)) };
  }

  /** From now on revisions below are refused. What they held is dropped by `prune`, little by little. */
  compact(revision: number): void {
    if (revision <= this.#compactRevision) throw etcdError('compacted');
    if (revision > this.#revision) throw etcdError('futureRevision');
    this.#compactRevision = revision;
  }

  get pruned(): boolean {
    return this.#prunedRevision === this.#compactRevision;
  }

  /**
   * Drops what old revisions superseded, of about `budget` changes; true when nothing is left to do. The record of the compaction
   * revision itself stays, so that a watch may start there without missing a delete.
   */
  prune(budget: number): boolean {
    this.#tidyFresh();
    for (let done = 0; done < budget;) {
      const versions = this.history.shiftBelow(this.#compactRevision);
      if (versions === undefined) {
        // Its record stays, but what it superseded does not: a store that may only delete has to get its space back from that.
        for (const version of this.history.versionsAt(this.#compactRevision)) this.#pruneKey(version.text);
        this.#prunedRevision = this.#compactRevision;
        return true;
      }
      for (const version of versions) this.#pruneKey(version.text);
      done += Math.max(versions.length, 1);
    }
    return false;
  }

  #pruneKey(text: string): void {
    const head = this.#index.get(text);
    if (head === undefined) return;
    const keeper = lastNeeded(head, this.#compactRevision);
    if (keeper === undefined) {
      this.#index.remove(head);
      this.#forget(head);
    } else {
      this.#forget(keeper.older);
      keeper.older = undefined;
    }
  }

  /** A version and all before it. */
  #forget(from: Version | undefined): void {
    for (let at = from; at !== undefined;) {
      const { older } = at;
      this.#sizeBytes -= storedSize(at);
      this.#hashSum = (this.#hashSum - contentHash(at)) | 0;
      // Those that are just being written into a file are no longer counted.
      if (at.file === undefined) {
        this.#freshBytes = Math.max(0, this.#freshBytes - storedSize(at));
        this.#freshPruned += 1;
      } else at.file.drop(at.ordinal);
      at.ordinal = pruned;
      at.older = undefined;
      at = older;
    }
  }

  /** A store that never writes files (in memory, in simulations) must forget what was pruned, too. */
  #tidyFresh(): void {
    if (this.#freshPruned < 1024 || this.#freshPruned * 2 < this.#fresh.length) return;
    this.#fresh = this.#fresh.filter((version) => version.ordinal !== pruned);
    this.#freshPruned = 0;
  }

  /** Bytes of versions that are in no file. */
  get freshBytes(): number {
    return this.#freshBytes;
  }

  /** The versions in no file, oldest first. The caller writes them to one and tells each where it is, or returns them. */
  takeFresh(): readonly Version[] {
    const fresh = this.#fresh.filter((version) => version.ordinal === notStored);
    this.#fresh = [];
    this.#freshBytes = 0;
    this.#freshPruned = 0;
    return fresh;
  }

  /** They could not be written. */
  returnFresh(versions: readonly Version[]): void {
    const back = versions.filter((version) => version.ordinal === notStored);
    for (const version of back) this.#freshBytes += storedSize(version);
    this.#fresh = [...back, ...this.#fresh];
  }

  /**
   * Fills an empty store: for each key its versions, newest first and linked by `older`, in order of keys. Versions that the
   * compaction revision makes superfluous are dropped.
   */
  load(revision: number, compactRevision: number, heads: readonly Version[], history: { readonly first: number; readonly slots: (Version | Version[] | undefined)[] }): void {
    assert(this.#index.size === 0, 'the store is not empty');
    this.#revision = revision;
    this.#compactRevision = compactRevision;
    this.#prunedRevision = compactRevision;
    this.#index.load(heads.filter((head) => this.#loadKey(head)));
    this.history.load(history.first, history.slots);
    const inHistory = history.slots.flat().filter((version) => version?.file === undefined && version?.ordinal === notStored) as Version[];
    if (this.#fresh.length > 0) this.#fresh = [...this.#fresh.filter((version) => version.modRevision < history.first), ...inHistory];
  }

  #loadKey(head: Version): boolean {
    for (let at: Version | undefined = head; at !== undefined; at = at.older) {
      this.#account(at);
      if (at.file === undefined) {
        this.#fresh.push(at);
        this.#freshBytes += storedSize(at);
      }
    }
    const keeper = lastNeeded(head, this.#compactRevision);
    this.#forget(keeper === undefined ? head : keeper.older);
    if (keeper !== undefined) keeper.older = undefined;
    return keeper !== undefined;
  }

  /** The version of a key that was made by `revision`. */
  find(key: string, revision: number): Version | undefined {
    let at = this.#index.get(key);
    while (at !== undefined && at.modRevision > revision) at = at.older;
    return at?.modRevision === revision ? at : undefined;
  }

  /** Newest versions in order of keys, tombstones too. The store must not change meanwhile. */
  heads(range: KeyRange): Iterable<Version> {
    return this.#index.heads(range);
  }

  /** Of all that is in the index; see `hashStore`. */
  get hashSum(): number {
    return this.#hashSum;
  }
}

export interface WriteTxn {
  /** What this write will be. */
  readonly revision: number;
  changed(): boolean;
  /** The key must not have been changed by this write before. `crc` is `valueCrc(value)`. */
  put(key: string, value: Uint8Array, lease: bigint, crc: number): void;
  /** `version` is the live version to delete. */
  delete(version: Version): void;
  /** Undefined if nothing was changed; the revision is not used then. */
  commit(): RevisionRecord | undefined;
}

/** The oldest version that a read at `compactRevision` or later can see, or a watch from it can be told of; undefined: none. */
function lastNeeded(newest: Version, compactRevision: number): Version | undefined {
  let needed: Version | undefined;
  for (let at: Version | undefined = newest; at !== undefined; at = at.older) {
    if (at.modRevision > compactRevision) {
      needed = at;
      continue;
    }
    return at.version === 0 && at.modRevision < compactRevision ? needed : at;
  }
  return needed;
}

const entryOverheadBytes = 64;

function storedSize(version: Version): number {
  return version.text.length + valueLength(version) + entryOverheadBytes;
}
