import type { HeaderMap, Wire } from '@coxswain/host';
import type { Head } from './head.ts';
import type { Field } from './header-table.ts';
import type { FixedFields } from './hpack-encoder.ts';

/** What a stream tells its owner. Called from within `receive`; must not throw. After `ended` was true, `trailers` or `reset` nothing more comes. */
export interface StreamHandler {
  /** A client's: the final response. */
  head(head: Head, ended: boolean): void;
  /** `data` is a view of what came from the transport: keep a copy if it is kept for long. Tell `consumed` when it is done with. */
  data(data: Uint8Array, ended: boolean): void;
  /** The end, with trailers. */
  trailers(headers: HeaderMap): void;
  /** The other side or the connection broke it off; both directions are over. */
  reset(code: number): void;
  /** All that `write` took has gone to the transport. */
  drained(): void;
}

/** Headers of a block: fields, or the same ones for many streams. */
export type Headers = readonly Field[] | FixedFields;

/** The connection's side of a stream. */
export interface StreamPort {
  sendHeaders(stream: Http2Stream, headers: Headers, end: boolean): void;
  /** Something waits in the queue. */
  send(stream: Http2Stream): void;
  /** True if it went out at once. */
  sendNow(stream: Http2Stream, data: Uint8Array, end: boolean): boolean;
  reset(stream: Http2Stream, code: number): void;
  consumed(stream: Http2Stream, heldBytes: number, creditBytes: number): void;
  /** The connection takes no new streams. */
  close(): void;
  /** What waits for the end of the turn leaves now. */
  flush(): void;
}

const noHandler: StreamHandler = { head() {}, data() {}, trailers() {}, reset() {}, drained() {} };

/** One request and its response. Everything may be called at any time; what comes too late is ignored. */
export class Http2Stream {
  readonly id: number;
  readonly #port: StreamPort;
  handler: StreamHandler = noHandler;
  /** May be below 0 after the peer has made its windows smaller. */
  sendWindow: number;
  receiveWindow: number;
  /** Consumed, but the peer has not been told. */
  uncredited = 0;
  /** Received and not consumed. */
  heldBytes = 0;
  queue: Uint8Array[] = [];
  queuedBytes = 0;
  endQueued = false;
  trailersQueued: Headers | undefined;
  /** We have sent END_STREAM. */
  localEnded = false;
  remoteEnded = false;
  headReceived = false;
  closed = false;
  /** Of the content that was announced; undefined if it was not. */
  contentLeft: number | undefined;

  constructor(id: number, port: StreamPort, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.#port = port;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  /** The same for all streams of a connection. */
  get wire(): Wire {
    return this.#port;
  }

  /** This connection is to end with the requests that run: its client is to take another one. */
  leave(): void {
    this.#port.close();
  }

  get #over(): boolean {
    return this.closed || this.localEnded || this.endQueued || this.trailersQueued !== undefined;
  }

  headers(headers: Headers, end = false): void {
    if (!this.#over) this.#port.sendHeaders(this, headers, end);
  }

  /** False: it waits for windows or the transport; `drained` tells when it has gone. `data` must not change until then; after true it may. */
  write(data: Uint8Array, end = false): boolean {
    if (this.#over) return true;
    if (data.length === 0 && !end) return this.queue.length === 0;
    if (this.queue.length === 0 && this.#port.sendNow(this, data, end)) return true;
    this.queue.push(data);
    this.queuedBytes += data.length;
    this.endQueued = end;
    this.#port.send(this);
    return this.queue.length === 0;
  }

  end(): void {
    this.write(new Uint8Array(0), true);
  }

  /** Ends the stream, behind what was written. */
  trailers(headers: Headers): void {
    if (this.#over) return;
    if (this.queue.length === 0) this.#port.sendHeaders(this, headers, true);
    else this.trailersQueued = headers;
  }

  /** Breaks it off, without a call of `handler.reset`. */
  reset(code: number): void {
    if (!this.closed) this.#port.reset(this, code);
  }

  /** The owner has done with so much of what `data` gave it: the peer may send as much again, but for what was told it before by `credit`. */
  consumed(sizeBytes: number, credited = 0): void {
    this.#port.consumed(this, sizeBytes, sizeBytes - credited);
  }

  /** The peer may send as much more, although it is still held: something larger than the window is being gathered. */
  credit(sizeBytes: number): void {
    this.#port.consumed(this, 0, sizeBytes);
  }
}
