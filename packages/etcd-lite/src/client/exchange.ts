import { AsyncQueue, header, type HeaderMap } from '@coxswain/host';
import { resetError, type Head, type StreamHandler } from '@coxswain/http2';
import { errorOfTrailers, GrpcCutter } from '../wire/grpc.ts';
import type { ClientRequest } from './connections.ts';
import { EtcdError, grpcCode } from './errors.ts';

const maxMessageBytes = 1024 * 1024 * 1024;

/** What a response's end says; `head` is the response's own if there was nothing else. */
function outcome(head: Head | undefined, trailers: HeaderMap): EtcdError | undefined {
  if (head !== undefined && head.status !== 200) return new EtcdError(grpcCode.unavailable, `unexpected HTTP status ${head.status}`);
  return errorOfTrailers(header(trailers, 'grpc-status') === undefined && head !== undefined ? head.headers : trailers);
}

function failureOf(error: unknown): Error {
  return error instanceof Error ? error : new EtcdError(grpcCode.internal, String(error));
}

/** One request, one answer. */
export class UnaryExchange implements StreamHandler {
  readonly #done: (error: Error | undefined, message: Uint8Array | undefined) => void;
  readonly #cutter = new GrpcCutter(maxMessageBytes);
  #head: Head | undefined;
  #message: Uint8Array | undefined;
  over = false;
  request: ClientRequest | undefined;

  /** `done` is called exactly once. */
  constructor(done: (error: Error | undefined, message: Uint8Array | undefined) => void) {
    this.#done = done;
  }

  finish(error: Error | undefined): void {
    if (this.over) return;
    this.over = true;
    this.#done(error, this.#message);
  }

  /** From outside: time is up, or nobody wants it any more. */
  cancel(error: Error): void {
    if (this.over) return;
    this.request?.cancel();
    this.finish(error);
  }

  head(head: Head, ended: boolean): void {
    this.#head = head;
    if (ended) this.trailers(head.headers);
  }

  data(data: Uint8Array, ended: boolean): void {
    if (this.over) return;
    try {
      this.#cutter.push(data);
      this.#message ??= this.#cutter.next();
    } catch (error) {
      this.cancel(failureOf(error));
      return;
    }
    this.request?.stream?.consumed(data.length);
    if (ended) this.trailers({});
  }

  trailers(headers: HeaderMap): void {
    this.finish(outcome(this.#head, headers) ?? (this.#message === undefined ? new EtcdError(grpcCode.internal, 'the answer has no message') : undefined));
  }

  reset(code: number): void {
    this.finish(resetError(code));
  }

  drained(): void {}
}

interface Received {
  readonly message: Uint8Array;
  /** Of the bytes of its frame, those that the server may already have sent again. */
  readonly early: number;
}

/** A stream of answers; read no faster than its owner takes them. */
export class StreamExchange implements StreamHandler {
  readonly messages = new AsyncQueue<Received>();
  readonly #cutter = new GrpcCutter(maxMessageBytes);
  #head: Head | undefined;
  #early = 0;
  readonly #failed = Promise.withResolvers<never>();
  /** Nobody listens any more. */
  over = false;
  request: ClientRequest | undefined;

  constructor() {
    this.failed.catch(() => undefined);
  }

  /** Rejects when `fail` is called. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  head(head: Head, ended: boolean): void {
    this.#head = head;
    if (ended) this.trailers(head.headers);
  }

  data(data: Uint8Array, ended: boolean): void {
    try {
      this.#cutter.push(data);
      for (let message = this.#cutter.next(); message !== undefined; message = this.#cutter.next()) {
        this.messages.push({ message, early: this.#early });
        this.#early = 0;
      }
      const more = Math.min(data.length, this.#cutter.sizeBytes);
      this.#early += more;
      if (more > 0) this.request?.stream?.credit(more);
    } catch (error) {
      this.messages.fail(failureOf(error));
    }
    if (ended) this.trailers({});
  }

  /** To be told when a message has been dealt with. */
  taken({ message, early }: Received): void {
    this.request?.stream?.consumed(message.length + 5, early);
  }

  trailers(headers: HeaderMap): void {
    const failure = outcome(this.#head, headers);
    if (failure === undefined) this.messages.end();
    else this.messages.fail(failure);
  }

  reset(code: number): void {
    this.messages.fail(resetError(code));
  }

  fail(error: Error): void {
    this.#failed.reject(error);
    this.messages.fail(error);
  }

  drained(): void {}
}
