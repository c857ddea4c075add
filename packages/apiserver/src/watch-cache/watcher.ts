import type { Wire } from '@coxswain/host';
import type { CacheEvent } from './event.ts';

export type WatcherItem =
  | { readonly kind: 'event'; readonly event: CacheEvent }
  /** Everything up to `revision` has been handed out. */
  | { readonly kind: 'bookmark'; readonly revision: number; readonly initialEventsEnd: boolean };

function revisionOf(item: WatcherItem): number {
  return item.kind === 'event' ? item.event.revision : item.revision;
}

function sizeOf(item: WatcherItem): number {
  return item.kind === 'event' ? item.event.object.value.length : 0;
}

/** What may wait for a reader. */
export interface WatcherLimit {
  readonly events: number;
  /** Of states as they are stored; a single event may be more. */
  readonly sizeBytes: number;
}

/** Told when a watcher that had nothing has something, or is over. Must not throw. */
export interface WatcherReader {
  /** Where it passes on what it reads. */
  readonly wire?: Wire | undefined;
  ready(): void;
}

/**
 * One reader of a cache's events, with a bounded buffer. A reader that falls too far behind is dropped: its stream ends and it comes
 * back with its last resourceVersion, as upstream does it.
 */
export class Watcher {
  readonly #limit: WatcherLimit;
  readonly #after: number;
  readonly #onClose: (watcher: Watcher) => void;
  /** Those that wait are from `#first` to before `#end`; the array is used again, for most events find nothing waiting. */
  #items: (WatcherItem | undefined)[] = [];
  #first = 0;
  #end = 0;
  /** So many of them were there when the watch began. */
  #preloaded = 0;
  /** Of those that have come since. */
  #sizeBytes = 0;
  #closed = false;
  /** For who tells many watchers at once. */
  willBeTold = false;
  #reader: WatcherReader | undefined;

  /** `after`: the reader knows everything up to this revision, even what the cache has yet to hear of. */
  constructor(limit: WatcherLimit, after: number, onClose: (watcher: Watcher) => void) {
    this.#limit = limit;
    this.#after = after;
    this.#onClose = onClose;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get wire(): Wire | undefined {
    return this.#reader?.wire;
  }

  /** What was there when the watch began does not count against the limit. */
  preload(items: readonly WatcherItem[]): void {
    for (const item of items) this.#items[this.#end++] = item;
    this.#preloaded += items.length;
  }

  push(item: WatcherItem): void {
    this.add(item);
    this.tell();
  }

  /** As `push`, but the reader is not told: `tell` is to be called when there is no more for now. */
  add(item: WatcherItem): void {
    if (this.#closed || revisionOf(item) < this.#after || (item.kind === 'event' && item.event.revision === this.#after && !item.event.shared)) return;
    if (this.#end - Math.max(this.#first, this.#preloaded) >= this.#limit.events || this.#sizeBytes >= this.#limit.sizeBytes) {
      this.close();
      return;
    }
    this.#items[this.#end++] = item;
    this.#sizeBytes += sizeOf(item);
  }

  tell(): void {
    if (this.#end > this.#first || this.#closed) this.#reader?.ready();
  }

  /** What is buffered is still handed out. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose(this);
    this.tell();
  }

  /** One reader; told at once if something waits. */
  read(reader: WatcherReader): void {
    this.#reader = reader;
    this.tell();
  }

  /** All that waits; undefined when it is over; nothing: `ready` will be called. */
  takeNow(): readonly WatcherItem[] | undefined {
    if (this.#end === this.#first) return this.#closed ? undefined : nothing;
    const items = this.#items.slice(this.#first, this.#end) as WatcherItem[];
    this.#items = [];
    this.#empty();
    return items;
  }

  /** The next that waits; undefined: it is over (`closed`), or `ready` will be called. */
  next(): WatcherItem | undefined {
    if (this.#end === this.#first) return undefined;
    const item = this.#items[this.#first] as WatcherItem;
    this.#items[this.#first] = undefined;
    if (this.#first >= this.#preloaded) this.#sizeBytes -= sizeOf(item);
    this.#first += 1;
    if (this.#first === this.#end) this.#empty();
    else if (this.#first % forgetEvery === 0) this.#forget();
    return item;
  }

  #empty(): void {
    if (this.#items.length > reusedItems) this.#items = [];
    this.#first = 0;
    this.#end = 0;
    this.#preloaded = 0;
    this.#sizeBytes = 0;
  }

  /** A reader that never catches up has not all that it ever got kept for it. */
  #forget(): void {
    this.#items = this.#items.slice(this.#first, this.#end);
    this.#end -= this.#first;
    this.#preloaded = Math.max(0, this.#preloaded - this.#first);
    this.#first = 0;
  }

  /** As `takeNow`, but waits. Instead of `read`. */
  async take(): Promise<readonly WatcherItem[] | undefined> {
    for (;;) {
      const items = this.takeNow();
      if (items === undefined || items.length > 0) return items;
      await new Promise<void>((resolve) => { this.read({ ready: resolve }); });
    }
  }
}

const nothing: readonly WatcherItem[] = [];
const forgetEvery = 4096;
/** A silent watcher holds no more room than for so many. */
const reusedItems = 64;
