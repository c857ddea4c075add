import { assert, emptyBytes } from '@coxswain/host';
import { etcdError } from '../client/errors.ts';
import type { KeyValue } from '../client/types.ts';
import { History, type Change, type RevisionRecord } from './history.ts';
import { KeyIndex, newest, versionAt, type KeyEntry } from './key-index.ts';
import { keyText, type KeyRange } from './key-text.ts';

export interface RangeRead {
  readonly kvs: readonly KeyValue[];
  /** Of all keys in the range, whatever the limit. */
  readonly count: number;
}

/**
 * Every version of every key since the last compaction. A main revision is one write (put, delete or transaction); within
 * it no key changes twice. Values are never changed in place, so what is read stays valid.
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

  #single(key: string, revision: number, countOnly: boolean): RangeRead {
    const entry = this.#index.get(key);
    const kv = entry === undefined ? undefined : versionAt(entry, revision <= 0 ? Number.MAX_SAFE_INTEGER : revision);
    if (kv === undefined) return { kvs: [], count: 0 };
    return { kvs: countOnly ? [] : [kv], count: 1 };
  }

  #current(range: KeyRange, limit: number, countOnly: boolean): RangeRead {
    const count = this.#index.countLive(range);
    const kvs: KeyValue[] = [];
    if (countOnly) return { kvs, count };
    const wanted = limit > 0 ? Math.min(limit, count) : count;
    if (wanted === 0) return { kvs, count };
    for (const entry of this.#index.entries(range)) {
      const kv = newest(entry);
      if (kv.version === 0) continue;
      kvs.push(kv);
      if (kvs.length === wanted) break;
    }
    return { kvs, count };
  }

  #past(range: KeyRange, revision: number, limit: number, countOnly: boolean): RangeRead {
    const kvs: KeyValue[] = [];
    let count = 0;
    for (const entry of this.#index.entries(range)) {
      const kv = versionAt(entry, revision);
      if (kv === undefined) continue;
      count += 1;
      if (!countOnly && (limit <= 0 || kvs.length < limit)) kvs.push(kv);
    }
    return { kvs, count };
  }

  /** One write at a time; `commit` ends it. */
  begin(): WriteTxn {
    assert(this.#writing === undefined, 'a write is under way already');
    const changes: Change[] = [];
    const txn: WriteTxn = {
      revision: this.#revision + 1,
      changed: () => changes.length > 0,
      put: (key, value, lease) => this.#put(txn, changes, key, value, lease),
      delete: (kv) => { this.#append(changes, { key: kv.key, value: emptyBytes, createRevision: 0, modRevision: txn.revision, version: 0, lease: 0n }); },
      commit: () => this.#commit(txn, changes),
    };
    this.#writing = txn;
    return txn;
  }

  #put(txn: WriteTxn, changes: Change[], key: Uint8Array, value: Uint8Array, lease: bigint): void {
    const entry = this.#index.get(keyText(key));
    const before = entry === undefined ? undefined : newest(entry);
    const live = before !== undefined && before.version > 0 ? before : undefined;
    this.#append(changes, {
      key: before?.key ?? own(key), value: own(value), createRevision: live?.createRevision ?? txn.revision,
      modRevision: txn.revision, version: (live?.version ?? 0) + 1, lease,
    });
  }

  #append(changes: Change[], kv: KeyValue): void {
    const text = keyText(kv.key);
    const entry = this.#index.get(text);
    const before = entry === undefined ? undefined : newest(entry);
    changes.push({ key: text, kv, previous: before !== undefined && before.version > 0 ? before : undefined });
    this.#index.append(text, kv);
    this.#sizeBytes += storedSize(kv);
  }

  #commit(txn: WriteTxn, changes: Change[]): RevisionRecord | undefined {
    assert(this.#writing === txn, 'this write is not the one under way');
    this.#writing = undefined;
    if (changes.length === 0) return undefined;
    this.#revision = txn.revision;
    const record: RevisionRecord = { revision: txn.revision, changes };
    this.history.append(record);
    return record;
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
   * Drops what at most `budget` old revisions superseded; true when nothing is left to do. The record of the compaction
   * revision itself stays, so that a watch may start there without missing a delete.
   */
  prune(budget: number): boolean {
    for (let done = 0; done < budget; done += 1) {
      const record = this.history.shiftBelow(this.#compactRevision);
      if (record === undefined) {
        // Its record stays, but what it superseded does not: a store that may only delete has to get its space back from that.
        for (const change of this.history.at(this.#compactRevision)?.changes ?? []) this.#pruneKey(change.key);
        this.#prunedRevision = this.#compactRevision;
        return true;
      }
      for (const change of record.changes) this.#pruneKey(change.key);
    }
    return false;
  }

  #pruneKey(text: string): void {
    const entry = this.#index.get(text);
    if (entry === undefined) return;
    const keepFrom = firstNeeded(entry.versions, this.#compactRevision);
    for (let at = 0; at < keepFrom; at += 1) this.#sizeBytes -= storedSize(entry.versions[at] as KeyValue);
    if (keepFrom === entry.versions.length) this.#index.remove(entry);
    else if (keepFrom > 0) entry.versions = entry.versions.slice(keepFrom);
  }

  /** Fills an empty store: live keys as they stood before the oldest record of the history that `replay` then adds. */
  restoreKey(kv: KeyValue): void {
    this.#index.append(keyText(kv.key), kv);
    this.#sizeBytes += storedSize(kv);
  }

  restoreRecord(revision: number, kvs: readonly KeyValue[]): void {
    const changes: Change[] = [];
    for (const kv of kvs) this.#append(changes, kv);
    this.history.append({ revision, changes });
  }

  restoreRevisions(revision: number, compactRevision: number): void {
    this.#revision = revision;
    this.#compactRevision = compactRevision;
    this.#prunedRevision = compactRevision;
  }

  /** In order of keys. The store must not change meanwhile. */
  entries(range: KeyRange): Iterable<KeyEntry> {
    return this.#index.entries(range);
  }
}

export interface WriteTxn {
  /** What this write will be. */
  readonly revision: number;
  changed(): boolean;
  /** The key must not have been changed by this write before. */
  put(key: Uint8Array, value: Uint8Array, lease: bigint): void;
  /** `kv` is the live version to delete. */
  delete(kv: KeyValue): void;
  /** Undefined if nothing was changed; the revision is not used then. */
  commit(): RevisionRecord | undefined;
}

/** Index of the first version that a read at `compactRevision` or later can see, or a watch from it can be told of. */
function firstNeeded(versions: readonly KeyValue[], compactRevision: number): number {
  let at = versions.length - 1;
  while (at > 0 && (versions[at] as KeyValue).modRevision > compactRevision) at -= 1;
  const kv = versions[at] as KeyValue;
  return kv.version === 0 && kv.modRevision < compactRevision ? at + 1 : at;
}

/** Bytes that would keep a much larger buffer alive (a whole network frame) are copied. */
function own(data: Uint8Array): Uint8Array {
  return data.buffer.byteLength > data.length + 128 ? data.slice() : data;
}

const entryOverheadBytes = 64;

function storedSize(kv: KeyValue): number {
  return kv.key.length + kv.value.length + entryOverheadBytes;
}
