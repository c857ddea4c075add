import { AsyncQueue, emptyBytes, type Host } from '@coxswain/host';
import { etcdError } from './errors.ts';
import { watchEvent } from './convert.ts';
import type { WatchBatch, WatchOptions } from './types.ts';
import { keyRange } from '../mvcc/key-text.ts';
import type { MvccStore } from '../mvcc/store.ts';
import type { WatchHub, Watcher } from '../watch/hub.ts';

/** How often an idle watch that asked for it is told the revision, as `--watch-progress-notify-interval` does. */
const progressIntervalMs = 5000;

/** Watches of a store in this process. */
export class LocalWatches {
  readonly #host: Host;
  readonly #hub: WatchHub;
  readonly #store: MvccStore;
  readonly #progress = new Set<() => void>();
  readonly #ends = new Set<(error?: Error) => void>();

  constructor(host: Host, store: MvccStore, hub: WatchHub) {
    this.#host = host;
    this.#store = store;
    this.#hub = hub;
  }

  requestProgress(): void {
    for (const notify of this.#progress) notify();
  }

  close(): void {
    for (const end of this.#ends) end(etcdError('stopped'));
  }

  async *watch(options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    if (options.key.length === 0) throw etcdError('emptyKey');
    const wakes = new AsyncQueue<'wake' | 'progress'>();
    const watcher = this.#hub.add({
      range: keyRange(options.key, options.rangeEnd ?? emptyBytes), startRevision: options.startRevision ?? 0, prevKv: options.prevKv ?? false,
      noPut: options.filters?.includes('no-put') ?? false, noDelete: options.filters?.includes('no-delete') ?? false,
      wake: () => { wakes.push('wake'); },
    });
    const notify = (): void => { wakes.push('progress'); };
    const end = (error?: Error): void => { if (error === undefined) wakes.end(); else wakes.fail(error); };
    const abort = (): void => { end(); };
    options.signal.addEventListener('abort', abort);
    if (options.signal.aborted) end();
    this.#progress.add(notify);
    this.#ends.add(end);
    const stopProgress = options.progressNotify === true ? this.#repeat(notify) : undefined;
    try {
      yield { revision: this.#store.revision, created: true, events: [] };
      yield* this.#batches(watcher, wakes, options.signal);
    } finally {
      stopProgress?.();
      options.signal.removeEventListener('abort', abort);
      this.#progress.delete(notify);
      this.#ends.delete(end);
      this.#hub.remove(watcher);
    }
  }

  #repeat(notify: () => void): () => void {
    const again = (): void => {
      notify();
      timer = this.#host.timers.after(progressIntervalMs, again);
    };
    let timer = this.#host.timers.after(progressIntervalMs, again);
    return () => { timer.cancel(); };
  }

  async *#batches(watcher: Watcher, wakes: AsyncIterable<'wake' | 'progress'>, signal: AbortSignal): AsyncGenerator<WatchBatch, void, undefined> {
    for await (const wake of wakes) {
      for (let taken = watcher.take(); taken.kind !== 'synced'; taken = watcher.take()) {
        if (taken.kind === 'compacted') {
          yield { revision: this.#store.revision, events: [], canceled: true, compactRevision: taken.compactRevision };
          return;
        }
        if (taken.events.length > 0) yield { revision: taken.revision, events: taken.events.map(watchEvent) };
        if (signal.aborted) return;
      }
      if (wake === 'progress') yield { revision: this.#store.revision, events: [], progressNotify: true };
    }
  }
}
