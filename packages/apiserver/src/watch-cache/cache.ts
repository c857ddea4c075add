import { StatusError } from '@coxswain/api';
import { utf8, type Host } from '@coxswain/host';
import type { WatchBatch, WatchEvent } from '@coxswain/etcd-lite/client';
import { holdStored, type StoredObject } from '../storage/codec.ts';
import { prefixEnd } from '../storage/keys.ts';
import type { ListPage, ResourceStore } from '../storage/store.ts';
import { cacheEvent, EventRing, type CacheEvent } from './event.ts';
import { readWhole } from './first-read.ts';
import { Freshness } from './freshness.ts';
import { noCacheMeters, type CacheMeters } from './meters.ts';
import { OwnWrites } from './own-writes.ts';
import { pageBefore } from './past.ts';
import { trustsProgress } from './progress.ts';
import { RevisionGate } from './revision-gate.ts';
import { SortedMap } from './sorted-map.ts';
import { Watcher } from './watcher.ts';
import { Watchers, type Trigger } from './watchers.ts';
import { describeError } from '../transport/describe-error.ts';

const defaultHistoryEvents = 10_000;
/** Of states as they are stored: objects may be of some megabytes each. */
const ringBytes = 64 * 1024 * 1024;
/** As much as is remembered anyway: who is further behind would keep states for itself alone. */
const watcherLimit = { events: 10_000, sizeBytes: ringBytes };
const retryDelayMs = 200;
/** More changes than that are not undone for each piece of a list. */
const maxUndone = 1000;

/** The ring does not reach back to the revision that a watch wants to go on from. */
export class TooOld extends Error {
  readonly asked: number;
  readonly oldest: number;
  constructor(asked: number, oldest: number) {
    super(`too old resource version: ${asked} (${oldest})`);
    this.name = 'TooOld';
    this.asked = asked;
    this.oldest = oldest;
  }
}

export interface WatchCacheOptions {
  readonly meters?: CacheMeters | undefined;
  /** How many events are remembered for who goes on from an old version. */
  readonly historyEvents?: number | undefined;
}

/**
 * All objects of one resource, kept by one watch of the store, for any number of readers.
 * Promised: states and events in order of revision without gap or repeat. Not promised: freshness, unless `atLeast` was awaited.
 * Begins with the first `start`; a lost watch goes on where it stopped, a compacted one starts anew and ends all watchers.
 */
export class WatchCache {
  readonly store: ResourceStore;
  readonly meters: CacheMeters;
  readonly #historyEvents: number;
  readonly #host: Host;
  readonly #entries = new SortedMap<StoredObject>();
  readonly #watchers = new Watchers();
  readonly #listeners = new Set<(event: CacheEvent) => void>();
  readonly #gate: RevisionGate;
  readonly #freshness: Freshness;
  readonly #stop = new AbortController();
  #ring: EventRing;
  /** What has the revision of the last full read: who goes on from there may have seen only some of it. */
  #sharedAtStart: readonly CacheEvent[] = [];
  #started: Promise<void> | undefined;
  #ready = false;
  /** Of the entries as they are stored. */
  #heldBytes = 0;
  #compacted = 0;
  readonly #own = new OwnWrites();
  readonly #unreadable = new Set<(error: StatusError) => void>();

  constructor(store: ResourceStore, host: Host, { meters = noCacheMeters, historyEvents = defaultHistoryEvents }: WatchCacheOptions = {}) {
    this.store = store;
    this.meters = meters;
    this.#historyEvents = historyEvents;
    this.#ring = new EventRing(historyEvents, ringBytes, 0);
    this.#host = host;
    this.#gate = new RevisionGate(host.timers);
    this.#freshness = new Freshness(this, this.#gate);
  }

  /** Up to and including this revision everything is here. */
  get revision(): number {
    return this.#gate.revision;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Objects. */
  get size(): number {
    return this.#entries.size;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  watchers(): readonly Watcher[] {
    return this.#watchers.all();
  }

  /** Resolves after the first full read. Idempotent. */
  start(): Promise<void> {
    this.#started ??= new Promise((resolve) => { void this.#run(resolve); });
    return this.#started;
  }

  /** As `start`, but rejects where what the store has cannot be read (a key is lost): no request waits for what only an administrator mends. */
  startReadable(): Promise<void> {
    const started = this.start();
    if (this.#ready) return started;
    return new Promise((resolve, reject) => {
      this.#unreadable.add(reject);
      void started.then(() => {
        this.#unreadable.delete(reject);
        resolve();
      });
    });
  }

  stop(): void {
    this.#hold(-this.#heldBytes);
    this.#stop.abort();
    this.#watchers.closeAll();
  }

  get(key: string): StoredObject | undefined {
    return this.#entries.get(key);
  }

  /** As `get`, or what this server has written since. Others may have written more: for who compares revisions when writing. */
  latest(key: string): StoredObject | undefined {
    return this.#own.after(this.revision, key) ?? this.#entries.get(key);
  }

  list(prefix: string): StoredObject[] {
    return this.#entries.withPrefix(prefix);
  }

  /**
   * What stood there at a revision that may have gone by: the present with what has changed since undone. undefined: not known
   * here, because it is yet to come, too much has changed, or it has been compacted, after which nobody may read it.
   */
  pageAt(revision: number, page: { readonly prefix: string; readonly from: string; readonly limit: number }): ListPage | undefined {
    const since = this.#ready && revision <= this.revision && revision >= this.#compacted ? this.#ring.after(revision) : undefined;
    if (since === undefined || since.length > maxUndone) return undefined;
    return pageBefore(this.#entries, since.filter((event) => event.revision > revision), { revision, ...page });
  }

  /** The store has no states before this revision any more. */
  compacted(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
  }

  /** What this server has just written. */
  wrote(object: StoredObject): void {
    if (object.revision <= this.revision || !this.#ready) return;
    this.#own.add(object);
  }

  /** Synchronous; called in order of revision, before any watcher's reader runs. */
  onEvent(listener: (event: CacheEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once the cache has all that the store had when this was called. Rejects after 3 s. */
  fresh(): Promise<void> {
    return this.#freshness.fresh();
  }

  /** Whether the cache has all that the store had when this was called; it is not waited for. Calls that come together share one question. */
  isFresh(): Promise<boolean> {
    return this.#freshness.isFresh();
  }

  /** False: not reached within 3 s. */
  reached(revision: number): Promise<boolean> {
    return this.#freshness.reached(revision);
  }

  /** Rejects with NotReached after 3 s. */
  atLeast(revision: number): Promise<void> {
    return this.#freshness.atLeast(revision);
  }

  /** Events after `revision`, then live ones. Throws TooOld. */
  watchAfter(revision: number, trigger?: Trigger): Watcher {
    const missed = this.#ring.after(revision);
    if (missed === undefined) throw new TooOld(revision, this.#ring.completeAbove);
    const watcher = this.#add(revision, trigger);
    if (this.#sharedAtStart[0]?.revision === revision) watcher.preload(this.#sharedAtStart.map((event) => ({ kind: 'event', event })));
    watcher.preload(missed.map((event) => ({ kind: 'event', event })));
    return watcher;
  }

  /** The present state as ADDED events, in order of keys, then (if asked) the mark of their end, then live ones. */
  watchFromState(prefix: string, options: { readonly markEnd: boolean; readonly trigger?: Trigger | undefined }): Watcher {
    const watcher = this.#add(this.revision, options.trigger);
    watcher.preload(this.list(prefix).map((object) => ({ kind: 'event', event: cacheEvent('ADDED', object, undefined) })));
    if (options.markEnd) watcher.preload([{ kind: 'bookmark', revision: this.revision, initialEventsEnd: true }]);
    return watcher;
  }

  #add(after: number, trigger: Trigger | undefined): Watcher {
    const watcher = new Watcher(watcherLimit, after, (closed) => this.#watchers.delete(closed));
    this.#watchers.add(watcher, trigger);
    return watcher;
  }

  async #run(onReady: () => void): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#readAll();
        onReady();
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof StatusError) this.#refuse(error);
        this.#host.log.warn('The watch cache reads anew', { prefix: this.store.prefix, error: describeError(error) });
        await this.#host.timers.sleep(retryDelayMs, signal);
      }
    }
  }

  #refuse(error: StatusError): void {
    const waiting = [...this.#unreadable];
    this.#unreadable.clear();
    for (const reject of waiting) reject(error);
  }

  async #readAll(): Promise<void> {
    const { revision, items, shared } = await readWhole(this.store);
    if (this.#ready) this.#restart();
    const before = new Map(this.#entries.withPrefix('').map((object) => [object.key, object]));
    this.#entries.clear();
    this.#hold(-this.#heldBytes);
    this.#ring = new EventRing(this.#historyEvents, ringBytes, revision);
    this.#sharedAtStart = shared;
    for (const object of items) {
      this.#entries.set(object.key, object);
      this.#hold(object.value.length);
      const old = before.get(object.key);
      before.delete(object.key);
      if (old?.revision !== object.revision) this.#tell(cacheEvent(old === undefined ? 'ADDED' : 'MODIFIED', object, old));
    }
    for (const gone of before.values()) this.#tell(cacheEvent('DELETED', gone.at(revision), gone));
    this.#gate.advance(revision);
    this.#ready = true;
    this.meters.initialized(this.#historyEvents);
    this.meters.reached(revision);
  }

  /** History has a hole: watchers must list again. */
  #restart(): void {
    this.#watchers.closeAll();
  }

  #hold(changeBytes: number): void {
    if (this.#stop.signal.aborted) return;
    this.#heldBytes += changeBytes;
    holdStored(changeBytes);
  }

  #tell(event: CacheEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Returns when the store has compacted what we need; throws only when stopped. */
  async #follow(signal: AbortSignal): Promise<void> {
    const key = utf8(this.store.prefix);
    while (!signal.aborted) {
      try {
        this.#freshness.trusted = await trustsProgress(this.store.client);
        for await (const batch of this.store.client.watch({ key, rangeEnd: prefixEnd(key), startRevision: this.revision + 1, progressNotify: true, signal })) {
          if (batch.canceled === true) return;
          this.#take(batch);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#host.log.debug('The watch of the store broke and goes on', { prefix: this.store.prefix, error: describeError(error) });
      }
      await this.#host.timers.sleep(retryDelayMs, signal);
    }
  }

  #take(batch: WatchBatch): void {
    const { events } = batch;
    const known = this.revision;
    for (const [at, event] of events.entries()) {
      const { modRevision } = event.kv;
      // All events of a revision come in one batch.
      const shared = events[at - 1]?.kv.modRevision === modRevision || events[at + 1]?.kv.modRevision === modRevision;
      if (modRevision > known) this.#apply(event, shared);
    }
    this.#watchers.tell();
    // A batch of a watch that catches up is answered at the store's revision though more events are to come.
    const reached = events.at(-1)?.kv.modRevision ?? (batch.created !== true && batch.progressNotify === true && this.#freshness.trusted ? batch.revision : 0);
    this.#gate.advance(reached);
    this.meters.reached(this.#gate.revision);
  }

  #apply(change: WatchEvent, shared: boolean): void {
    this.meters.received();
    const event = this.#eventOf(change, shared);
    if (event === undefined) return;
    if (event.type === 'DELETED') this.#entries.delete(event.object.key);
    else this.#entries.set(event.object.key, event.object);
    this.#hold((event.type === 'DELETED' ? 0 : event.object.value.length) - (event.previous?.value.length ?? 0));
    this.#ring.push(event);
    this.#tell(event);
    this.#watchers.push(event);
  }

  #eventOf(change: WatchEvent, shared: boolean): CacheEvent | undefined {
    const object = this.#own.take(change.kv) ?? this.store.kept(change.kv);
    const previous = this.#entries.get(object.key);
    if (change.type === 'PUT') return cacheEvent(previous === undefined ? 'ADDED' : 'MODIFIED', object, previous, shared);
    return previous === undefined ? undefined : cacheEvent('DELETED', previous.at(change.kv.modRevision), previous, shared);
  }
}
