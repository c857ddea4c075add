import type { CacheEvent } from './event.ts';

export type WatcherItem =
  | { readonly kind: 'event'; readonly event: CacheEvent }
  /** Everything up to `revision` has been handed out. */
  | { readonly kind: 'bookmark'; readonly revision: number; readonly initialEventsEnd: boolean };

/**
 * One reader of a cache's events, with a bounded buffer. A reader that falls too far behind is dropped: its stream ends and it comes
 * back with its last resourceVersion, as upstream does it.
 */
export class Watcher {
  readonly #limit: number;
  readonly #onClose: (watcher: Watcher) => void;
  #items: WatcherItem[] = [];
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(limit: number, onClose: (watcher: Watcher) => void) {
    this.#limit = limit;
    this.#onClose = onClose;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** What was there when the watch began does not count against the limit. */
  preload(items: readonly WatcherItem[]): void {
    for (const item of items) this.#items.push(item);
  }

  push(item: WatcherItem): void {
    if (this.#closed) return;
    if (this.#items.length >= this.#limit) {
      this.close();
      return;
    }
    this.#items.push(item);
    this.#signal();
  }

  /** What is buffered is still handed out. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose(this);
    this.#signal();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** All that waits, at once; undefined when it is over. One reader. */
  async take(): Promise<readonly WatcherItem[] | undefined> {
    while (this.#items.length === 0) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    }
    const items = this.#items;
    this.#items = [];
    return items;
  }
}
