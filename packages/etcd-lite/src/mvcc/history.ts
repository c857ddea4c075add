import { assert } from '@coxswain/host';
import type { KeyValue } from '../client/types.ts';

/** One change of one key. `previous` is the version it replaced, if that was live. */
export interface Change {
  /** `kv.key` as text. */
  readonly key: string;
  readonly kv: KeyValue;
  readonly previous: KeyValue | undefined;
}

/** All changes of one revision, in the order of their sub-revisions. */
export interface RevisionRecord {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** What happened, revision by revision without a hole, back to the last compaction. */
export class History {
  #records: RevisionRecord[] = [];
  #head = 0;

  /** The oldest revision that is still here; undefined if none is. */
  get first(): number | undefined {
    return this.#records[this.#head]?.revision;
  }

  append(record: RevisionRecord): void {
    const last = this.#records[this.#records.length - 1];
    assert(last === undefined || last.revision + 1 === record.revision, 'revisions must follow each other', { last: last?.revision, next: record.revision });
    this.#records.push(record);
  }

  /** Undefined if it is too old, or has not happened yet. */
  at(revision: number): RevisionRecord | undefined {
    const { first } = this;
    return first === undefined || revision < first ? undefined : this.#records[this.#head + revision - first];
  }

  /** Removes and returns the oldest record if it is below `revision`. */
  shiftBelow(revision: number): RevisionRecord | undefined {
    const record = this.#records[this.#head];
    if (record === undefined || record.revision >= revision) return undefined;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    return record;
  }
}
