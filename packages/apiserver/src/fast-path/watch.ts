import { fastPathCodecs, type FastPathWatch } from '@coxswain/client/fast-path';
import { grpcMessage } from '@coxswain/etcd-lite/wire';
import { emptyBytes, type ByteSource, type HttpHandler, type HttpResponse } from '@coxswain/host';
import { bodyOf, grpcBody, InnerRequest, type Call } from './inner.ts';
import { watchRequestOf } from './items.ts';

/** Many senders, one reader: a sender goes on when the reader has taken what it gave, so that nothing piles up in here. */
class Merge {
  #given: { readonly data: Uint8Array; readonly taken: () => void }[] = [];
  #wake: (() => void) | undefined;
  #over = false;

  give(data: Uint8Array): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      this.#given.push({ data, taken: resolve });
      this.#tell();
    });
  }

  #tell(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Senders are not held up any more. */
  end(): void {
    this.#over = true;
    this.#tell();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        for (let next = this.#given.shift(); next !== undefined; next = this.#given.shift()) {
          yield next.data;
          next.taken();
        }
        if (this.#over) return;
        await new Promise<void>((resolve) => { this.#wake = resolve; });
      }
    } finally {
      this.#over = true;
      for (const { taken } of this.#given) taken();
    }
  }
}

/** Of one stream: each costs as much as one that comes by itself, and is made at once. */
export const maxWatches = 200;

/** Watches of several kinds on one stream, each a request of its own; the stream ends when all have ended. Throws RangeError if they are too many. */
export async function watchAll(handle: HttpHandler, call: Call, message: Uint8Array): Promise<HttpResponse> {
  const { watches } = fastPathCodecs.watchRequest.decode(message);
  if (watches.length > maxWatches) throw new RangeError(`a Watch has ${maxWatches} watches at most`);
  const merge = new Merge();
  const stop = (): void => { merge.end(); };
  call.http.signal.addEventListener('abort', stop, { once: true });
  if (call.http.signal.aborted) stop();
  void Promise.all(watches.map((watch) => watchOne(handle, call, watch, merge))).then(stop);
  return grpcBody(merge);
}

type Send = (code: number, body: Uint8Array, ended: boolean) => Promise<void>;

/** Never rejects: one that breaks off (another server's, behind an APIService) has ended. */
async function watchOne(handle: HttpHandler, call: Call, watch: FastPathWatch, merge: Merge): Promise<void> {
  const send: Send = (code, body, ended) => merge.give(grpcMessage(fastPathCodecs.watchResponse, { id: watch.id, code, body, ended }));
  try {
    await passOn(await handle(new InnerRequest(call, watchRequestOf(watch))), send);
  } catch {
    await send(0, emptyBytes, true);
  }
}

async function passOn(response: HttpResponse, send: Send): Promise<void> {
  if (response.status >= 300 || response.body === undefined || response.body instanceof Uint8Array) {
    await send(response.status, await bodyOf(response.body), true);
    return;
  }
  await send(response.status, emptyBytes, false);
  await pump(response.body, (frames) => send(0, frames, false));
  await send(0, emptyBytes, true);
}

async function pump(body: ByteSource, send: (frames: Uint8Array) => Promise<void>): Promise<void> {
  for await (const frames of body) await send(frames);
}
