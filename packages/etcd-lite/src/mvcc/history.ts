import { assert } from '@coxswain/host';
import type { KeyValue } from '../client/types.ts';
import { eventType, type EventMessage } from '../wire/messages.ts';
import { keyValueOf, type Version } from './version.ts';

/** What watches are told of a change: one for all that want the same of it. */
export class ChangeEvent implements EventMessage {
  readonly type: number;
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;

  constructor(type: number, kv: KeyValue, prevKv: KeyValue | undefined) {
    this.type = type;
    this.kv = kv;
    this.prevKv = prevKv;
  }
}

/** One change of one key. `previous` is the version it replaced, if that was live and has not been dropped. */
export class Change {
  readonly source: Version;
  readonly #before: Version | undefined;
  #kv: KeyValue | undefined;
  #previous: KeyValue | undefined;
  #event: readonly [ChangeEvent] | undefined;
  #eventWithPrevious: readonly [ChangeEvent] | undefined;

  constructor(source: Version) {
    this.source = source;
    const { older } = source;
    this.#before = older !== undefined && older.version > 0 ? older : undefined;
  }

  /** `kv.key` as text. */
  get key(): string {
    return this.source.text;
  }

  get kv(): KeyValue {
    this.#kv ??= keyValueOf(this.source);
    return this.#kv;
  }

  get previous(): KeyValue | undefined {
    if (this.#before !== undefined) this.#previous ??= keyValueOf(this.#before);
    return this.#previous;
  }

  /** A list of one: the same for all who ask. */
  event(withPrevious: boolean): readonly [ChangeEvent] {
    if (withPrevious && this.#before !== undefined) return this.#eventWithPrevious ??= [new ChangeEvent(this.#type, this.kv, this.previous)];
    return this.#event ??= [new ChangeEvent(this.#type, this.kv, undefined)];
  }

  get #type(): number {
    return this.source.version === 0 ? eventType.delete : eventType.put;
  }
}

/** All changes of one revision, in the order of their sub-revisions. */
export interface RevisionRecord {
  readonly revision: number;
  readonly changes: readonly Change[];
}

type Slot = Version | Version[] | undefined;

/**
 * What happened, revision by revision, back to the last compaction. Nearly every revision changes one key, so that needs no list.
 * A revision without changes occurs only where a restored snapshot has skipped some.
 */
export class History {
  #slots: Slot[] = [];
  #head = 0;
  #first = 0;

  /** The oldest revision that is still here; undefined if none is. */
  get first(): number | undefined {
    return this.#head === this.#slots.length ? undefined : this.#first;
  }

  append(revision: number, versions: readonly Version[]): void {
    const { first } = this;
    if (first === undefined) this.#first = revision;
    else assert(first + this.#slots.length - this.#head === revision, 'revisions must follow each other', { first, next: revision });
    this.#slots.push(versions.length === 1 ? versions[0] : [...versions]);
  }

  /** Fills an empty history from `first` on. */
  load(first: number, slots: Slot[]): void {
    assert(this.first === undefined, 'the history is not empty');
    this.#slots = slots;
    this.#head = 0;
    this.#first = first;
  }

  /** Empty if it is too old, or has not happened yet. */
  versionsAt(revision: number): readonly Version[] {
    const { first } = this;
    if (first === undefined || revision < first) return [];
    const slot = this.#slots[this.#head + revision - first];
    if (slot === undefined) return [];
    return Array.isArray(slot) ? slot : [slot];
  }

  changesAt(revision: number): Change[] {
    return this.versionsAt(revision).map((version) => new Change(version));
  }

  /** Removes and returns the oldest revision's versions if it is below `revision`. */
  shiftBelow(revision: number): readonly Version[] | undefined {
    const { first } = this;
    if (first === undefined || first >= revision) return undefined;
    const versions = this.versionsAt(first);
    this.#slots[this.#head] = undefined;
    this.#head += 1;
    this.#first += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
    return versions;
  }
}
