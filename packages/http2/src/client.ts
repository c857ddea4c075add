import { NetworkError, type ByteChannel, type Clock, type TimerHandle, type Timers } from '@coxswain/host';
import { errorCode } from './frames.ts';
import { limits } from './server.ts';
import type { Headers, Http2Stream, StreamHandler } from './stream.ts';
import { Transport } from './transport.ts';

export interface ClientOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Called once when no new request can be sent on it: make another. */
  readonly onLeaving: () => void;
  /** No handler keeps what its `data` is given: it may be overwritten when that returns. */
  readonly briefReads?: boolean;
}

/** A connection on which streams run and nothing comes is asked after this long, and given up after as long again. */
const pingIntervalMs = 15_000;

/** A request that may still wait for its turn. */
export interface ClientRequest {
  /** Undefined while it waits. */
  readonly stream: Http2Stream | undefined;
  /** False: wait for `handler.drained`. */
  write(data: Uint8Array): boolean;
  end(): void;
  /** Silent: the handler hears nothing more. */
  cancel(): void;
}

class Request implements ClientRequest {
  readonly headers: Headers;
  readonly handler: StreamHandler;
  stream: Http2Stream | undefined;
  cancelled = false;
  ended = false;
  early: Uint8Array[] = [];

  constructor(headers: Headers, handler: StreamHandler) {
    this.headers = headers;
    this.handler = handler;
  }

  write(data: Uint8Array): boolean {
    if (this.stream !== undefined) return this.stream.write(data);
    this.early.push(data);
    return false;
  }

  end(): void {
    this.ended = true;
    this.stream?.end();
  }

  cancel(): void {
    this.cancelled = true;
    this.stream?.reset(errorCode.cancel);
  }
}

/** The client's side of one connection: any number of requests at once, as many on the wire as the server takes. */
export class Http2Client {
  readonly #transport: Transport;
  readonly #options: ClientOptions;
  #waiting: Request[] = [];
  #told = false;
  #timer: TimerHandle | undefined;
  #pinged = false;

  constructor(channel: ByteChannel, options: ClientOptions) {
    this.#options = options;
    this.#transport = new Transport(channel, { ...limits, role: 'client', maxConcurrentStreams: 0, nowMs: () => options.clock.monotonicMs(), briefReads: options.briefReads ?? false }, {
      stream: () => undefined,
      changed: () => { this.#changed(); },
      gone: () => undefined,
      ended: () => {
        this.#timer?.cancel();
        this.#leave();
      },
    });
  }

  /** New requests may be sent on it. */
  get open(): boolean {
    return this.#transport.connection.open;
  }

  /** One request with all of its body; `handler` gets its answer. */
  send(headers: Headers, body: Uint8Array, handler: StreamHandler): ClientRequest {
    const request = this.begin(headers, handler);
    if (request.stream === undefined) {
      (request as Request).early.push(body);
      (request as Request).ended = true;
    } else {
      request.stream.write(body, true);
    }
    return request;
  }

  begin(headers: Headers, handler: StreamHandler): ClientRequest {
    const request = new Request(headers, handler);
    if (!this.open) queueMicrotask(() => { if (!request.cancelled) handler.reset(errorCode.refusedStream); });
    else if (this.#waiting.length > 0 || !this.#start(request)) this.#waiting.push(request);
    this.#keepAliveLater();
    return request;
  }

  #start(request: Request): boolean {
    const { connection } = this.#transport;
    // Before its settings came we don't know how many it takes.
    if (!connection.settled || connection.streamCount >= connection.maxConcurrentStreams) return false;
    request.stream = connection.request(request.headers, request.handler, false);
    for (const data of request.early.splice(0)) request.stream.write(data);
    if (request.ended) request.stream.end();
    return true;
  }

  #changed(): void {
    if (!this.open) {
      this.#leave();
      return;
    }
    while (this.#waiting.length > 0) {
      const request = this.#waiting[0] as Request;
      if (!request.cancelled && !this.#start(request)) return;
      this.#waiting.shift();
    }
  }

  /** What still waits was never sent. */
  #leave(): void {
    if (this.#told) return;
    this.#told = true;
    for (const request of this.#waiting.splice(0)) if (!request.cancelled) request.handler.reset(errorCode.refusedStream);
    this.#options.onLeaving();
    this.#transport.connection.close();
  }

  #keepAliveLater(): void {
    this.#timer ??= this.#options.timers.after(pingIntervalMs, () => {
      this.#timer = undefined;
      const { connection, heard } = this.#transport;
      if (connection.dead || connection.streamCount === 0) return;
      this.#transport.heard = false;
      if (!heard && this.#pinged) {
        this.#transport.destroy();
        return;
      }
      this.#pinged = !heard;
      if (!heard) connection.ping();
      this.#keepAliveLater();
    });
  }

  /** At once; running requests are reset. */
  close(): void {
    this.#transport.destroy();
  }
}

/** What a reset of a request means to who asked. `refusedStream`: the server has not looked at it. */
export function resetError(code: number): NetworkError {
  return new NetworkError(code === errorCode.refusedStream ? 'refused' : 'reset', `the request was broken off (HTTP/2 error ${code})`);
}
