import { EtcdError, grpcCode } from '../client/errors.ts';
import type { KeyRange } from '../mvcc/key-text.ts';
import type { Watcher, WatchHub } from '../watch/hub.ts';
import type { EventMessage } from '../wire/messages.ts';

export interface Batch {
  readonly revision: number;
  readonly events: readonly EventMessage[];
}

/** What happens in some ranges from a revision on, pulled by one consumer who must `close` it. */
export class Changes {
  readonly #hub: WatchHub;
  readonly #watchers: readonly Watcher[];
  #wake: (() => void) | undefined;

  constructor(hub: WatchHub, ranges: readonly KeyRange[], startRevision: number) {
    this.#hub = hub;
    const wake = (): void => { this.#wake?.(); };
    this.#watchers = ranges.map((range) => hub.add({ range, startRevision, prevKv: false, noPut: false, noDelete: false, wake }));
  }

  /** Undefined: compacted away, the state has to be looked at anew. Throws what `signal` was aborted with. */
  async next(signal: AbortSignal): Promise<Batch | undefined> {
    for (;;) {
      signal.throwIfAborted();
      let isQuiet = true;
      for (const watcher of this.#watchers) {
        const taken = watcher.take();
        if (taken.kind === 'compacted') return undefined;
        if (taken.kind === 'synced') continue;
        if (taken.events.length > 0) return taken;
        isQuiet = false;
      }
      if (isQuiet) await this.#woken(signal);
    }
  }

  async #woken(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const abort = (): void => { resolve(); };
    signal.addEventListener('abort', abort, { once: true });
    await promise;
    signal.removeEventListener('abort', abort);
    this.#wake = undefined;
  }

  close(): void {
    for (const watcher of this.#watchers) this.#hub.remove(watcher);
  }
}

/** One signal for "the client has gone" and "this member stops"; aborted with an EtcdError. */
export function waitingSignal(client: AbortSignal | undefined, stopped: AbortSignal): { readonly signal: AbortSignal; readonly forget: () => void } {
  const both = new AbortController();
  const gone = (): void => { both.abort(new EtcdError(grpcCode.cancelled, 'context canceled')); };
  const stop = (): void => { both.abort(stopped.reason); };
  client?.addEventListener('abort', gone);
  stopped.addEventListener('abort', stop);
  if (client?.aborted === true) gone();
  if (stopped.aborted) stop();
  return {
    signal: both.signal,
    forget: () => {
      client?.removeEventListener('abort', gone);
      stopped.removeEventListener('abort', stop);
    },
  };
}
