import type { Call, Connection } from '@coxswain/apiserver/bench';
import type { ClientRequest, Head, StreamHandler } from '@coxswain/http2';
import type { HeaderMap } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';

const newline = 10;

/** The lines of one watch, as objects. */
class Lines implements StreamHandler {
  request: ClientRequest | undefined;
  readonly #opened: () => void;
  readonly #told: (event: WatchEvent) => void;
  readonly #ended: (error: Error) => void;
  #rest: Uint8Array[] = [];

  constructor(opened: () => void, told: (event: WatchEvent) => void, ended: (error: Error) => void) {
    this.#opened = opened;
    this.#told = told;
    this.#ended = ended;
  }

  head(head: Head, ended: boolean): void {
    if (head.status === 200 && !ended) this.#opened();
    else this.#ended(new Error(`the watch of pods was answered with ${head.status}`));
  }

  data(data: Uint8Array, ended: boolean): void {
    let from = 0;
    for (let at = data.indexOf(newline); at >= 0; at = data.indexOf(newline, from)) {
      this.#told(JSON.parse(Buffer.concat([...this.#rest, data.subarray(from, at)]).toString()) as WatchEvent);
      this.#rest = [];
      from = at + 1;
    }
    if (from < data.length) this.#rest.push(data.slice(from));
    if (ended) this.#ended(new Error('the watch of pods ended'));
    else this.request?.stream?.consumed(data.length);
  }

  trailers(_headers: HeaderMap): void {
    this.#ended(new Error('the watch of pods ended'));
  }

  reset(code: number): void {
    this.#ended(new Error(`the watch of pods was broken off (HTTP/2 error ${code})`));
  }

  drained(): void {}
}

export interface WatchEvent {
  readonly type: string;
  readonly object: Pod & { readonly metadata: { readonly name: string; readonly namespace: string } };
}

/** Resolves once the watch is open; `ended` is called when it ends. */
export function openWatch(connection: Connection, call: Call, told: (event: WatchEvent) => void, ended: (error: Error) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const handler = new Lines(resolve, told, (error) => { reject(error); ended(error); });
    handler.request = connection.start(call, handler);
  });
}
