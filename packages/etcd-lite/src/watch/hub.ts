import { append } from '@coxswain/host';
import type { Change, RevisionRecord } from '../mvcc/history.ts';
import { contains, type KeyRange } from '../mvcc/key-text.ts';
import type { MvccStore } from '../mvcc/store.ts';
import { valueLength } from '../mvcc/version.ts';
import type { EventMessage } from '../wire/messages.ts';

export interface WatcherOptions {
  readonly range: KeyRange;
  /** The first revision it wants; 0: those after now. */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  /** Called (once until `take` finds nothing more) when something waits; must not call back into the hub at once. */
  readonly wake: () => void;
}

/** Wanted events up to `revision` (none, if a stretch of history had none; `scanned` is how long it was), or the end of the watch. */
export type Taken =
  | { readonly kind: 'events'; readonly revision: number; readonly events: readonly EventMessage[]; readonly scanned: number }
  | { readonly kind: 'compacted'; readonly compactRevision: number }
  /** Nothing up to and including `revision` is left. */
  | { readonly kind: 'synced'; readonly revision: number };

/** What one watcher may have waiting before it is left behind and reads the history itself later. */
const maxPendingEvents = 1024;
const maxPendingBytes = 1024 * 1024;
/** How many revisions one `take` looks through, so that a long history does not hold up everything else. */
const maxScan = 2048;
const maxBatchEvents = 1024;
const maxBatchBytes = 1024 * 1024;

/**
 * One watch. Either it is synced: each new revision's events are put into `#pending` as they happen; or it is behind and
 * finds its events in the history. Whoever owns it pulls with `take`, so a slow reader costs no memory.
 */
export class Watcher {
  readonly options: WatcherOptions;
  #store: MvccStore;
  /** The first revision that has been neither delivered nor put into `#pending`. */
  #next: number;
  #synced = false;
  #pending: { readonly revision: number; readonly events: readonly EventMessage[] }[] = [];
  #pendingEvents = 0;
  #pendingBytes = 0;
  #awake = false;

  constructor(store: MvccStore, options: WatcherOptions) {
    this.#store = store;
    this.options = options;
    this.#next = options.startRevision > 0 ? options.startRevision : store.revision + 1;
  }

  /** Called for every revision, in order. */
  offer(record: RevisionRecord): void {
    if (!this.#synced || record.revision < this.#next) return;
    const events = wantedEvents(this.options, record.changes);
    if (events.length === 0) {
      this.#next = record.revision + 1;
      return;
    }
    const full = this.#pendingEvents + events.length > maxPendingEvents || this.#pendingBytes > maxPendingBytes;
    if (full && this.#pending.length > 0) this.#fallBehind();
    else this.#enqueue(record.revision, events);
    this.wake();
  }

  #enqueue(revision: number, events: readonly EventMessage[]): void {
    this.#pending.push({ revision, events });
    this.#pendingEvents += events.length;
    for (const { kv } of events) this.#pendingBytes += kv.value.length;
    this.#next = revision + 1;
  }

  #fallBehind(): void {
    this.#next = (this.#pending[0] as { readonly revision: number }).revision;
    this.#synced = false;
    this.#pending = [];
    this.#pendingEvents = 0;
    this.#pendingBytes = 0;
  }

  /** The state was replaced as a whole: what is missing is looked up in the new history. */
  replaceStore(store: MvccStore): void {
    this.#store = store;
    if (this.#pending.length > 0) this.#fallBehind();
    this.#synced = false;
    this.wake();
  }

  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.options.wake();
  }

  /** The next events; `synced` when there are none, until `wake` is called again. */
  take(): Taken {
    if (this.#pending.length > 0) return this.#takePending();
    if (!this.#synced) return this.#takeHistory();
    this.#awake = false;
    return { kind: 'synced', revision: this.#store.revision };
  }

  #takePending(): Taken {
    const taken = this.#pending;
    this.#pending = [];
    this.#pendingEvents = 0;
    this.#pendingBytes = 0;
    const last = taken[taken.length - 1] as { readonly revision: number };
    return { kind: 'events', scanned: 0, revision: last.revision, events: taken.length === 1 ? (taken[0] as { readonly events: readonly EventMessage[] }).events : taken.flatMap((one) => one.events) };
  }

  #takeHistory(): Taken {
    if (this.#next < this.#store.compactRevision) return { kind: 'compacted', compactRevision: this.#store.compactRevision };
    const events: EventMessage[] = [];
    let revision = this.#next - 1;
    let [scanned, sizeBytes] = [0, 0];
    for (; scanned < maxScan && revision < this.#store.revision && events.length < maxBatchEvents && sizeBytes < maxBatchBytes; scanned += 1) {
      revision += 1;
      const changes = this.#store.history.changesAt(revision);
      const wanted = wantedEvents(this.options, changes);
      append(events, wanted);
      if (wanted.length > 0) for (const { source } of changes) sizeBytes += valueLength(source);
    }
    // A start in the future stays where it is.
    this.#next = Math.max(this.#next, revision + 1);
    if (revision >= this.#store.revision) this.#synced = true;
    return { kind: 'events', revision, events, scanned };
  }

  /** True: `take` would say `synced`, and `wake` will be called for what comes next. */
  rest(): boolean {
    if (this.caughtUp) this.#awake = false;
    return this.caughtUp;
  }

  /** True if nothing up to the store's revision is left to deliver. */
  get caughtUp(): boolean {
    return this.#synced && this.#pending.length === 0;
  }
}

function wants(options: WatcherOptions, change: Change): boolean {
  const deleted = change.source.version === 0;
  return !(deleted ? options.noDelete : options.noPut) && contains(options.range, change.key);
}

const none: readonly EventMessage[] = [];

/** Of a revision with one change, as nearly all have, the list is shared by all watchers. */
function wantedEvents(options: WatcherOptions, changes: readonly Change[]): readonly EventMessage[] {
  const [first] = changes;
  if (changes.length === 1 && first !== undefined) return wants(options, first) ? first.event(options.prevKv) : none;
  return changes.flatMap((change) => (wants(options, change) ? change.event(options.prevKv) : none));
}

/** All watches of one member. Those of one key are found by it, so that many of them cost a write nothing. */
export class WatchHub {
  #store: MvccStore;
  readonly #ranges = new Set<Watcher>();
  readonly #singles = new Map<string, Set<Watcher>>();

  constructor(store: MvccStore) {
    this.#store = store;
  }

  get size(): number {
    let count = this.#ranges.size;
    for (const watchers of this.#singles.values()) count += watchers.size;
    return count;
  }

  add(options: WatcherOptions): Watcher {
    const watcher = new Watcher(this.#store, options);
    const { single, start } = options.range;
    if (!single) this.#ranges.add(watcher);
    else if (this.#singles.get(start)?.add(watcher) === undefined) this.#singles.set(start, new Set([watcher]));
    watcher.wake();
    return watcher;
  }

  remove(watcher: Watcher): void {
    this.#ranges.delete(watcher);
    const { start } = watcher.options.range;
    const same = this.#singles.get(start);
    if (same?.delete(watcher) === true && same.size === 0) this.#singles.delete(start);
  }

  replaceStore(store: MvccStore): void {
    this.#store = store;
    for (const watcher of this.#ranges) watcher.replaceStore(store);
    for (const watchers of this.#singles.values()) for (const watcher of watchers) watcher.replaceStore(store);
  }

  /** After each committed write, in order. */
  publish(record: RevisionRecord): void {
    for (const watcher of this.#ranges) watcher.offer(record);
    if (this.#singles.size === 0) return;
    const concerned = new Set<Watcher>();
    for (const change of record.changes) this.#singles.get(change.key)?.forEach((watcher) => concerned.add(watcher));
    for (const watcher of concerned) watcher.offer(record);
  }
}
