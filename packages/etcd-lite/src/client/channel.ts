import { NetworkError, type AsyncQueue, type ClientTls, type Host, type NetworkErrorKind } from '@coxswain/host';
import { ByteReader } from '../wire/frames.ts';
import { errorOfTrailers, grpcContentType, grpcFrame, readGrpcFrame } from '../wire/grpc.ts';
import { EtcdError, etcdError, grpcCode, isEtcdError } from './errors.ts';

export interface ChannelOptions {
  readonly endpoints: readonly string[];
  readonly tls?: ClientTls;
  readonly requestTimeoutMs: number;
}

const maxMessageBytes = 1024 * 1024 * 1024;
const retryMs = 50;
/** Nothing of a request can have reached a server that failed in this way. */
const neverSent: ReadonlySet<NetworkErrorKind> = new Set(['refused', 'unreachable', 'name-not-found', 'tls']);

/** gRPC calls to whichever endpoint answers. Sticks to one until it fails. */
export class Channel {
  readonly #host: Host;
  readonly #options: ChannelOptions;
  readonly #closed = new AbortController();
  readonly #running = new Set<AbortController>();
  #current = 0;

  constructor(host: Host, options: ChannelOptions) {
    this.#host = host;
    this.#options = options;
  }

  get endpointCount(): number {
    return this.#options.endpoints.length;
  }

  /** Abandons an endpoint that has failed, unless another call did so already. */
  leave(endpoint: number): void {
    if (this.#current === endpoint) this.#current = (endpoint + 1) % this.endpointCount;
  }

  get current(): number {
    return this.#current;
  }

  /**
   * `repeatable`: may be sent again when its outcome is unknown (reads). Others are sent again only if they cannot have
   * been done; otherwise the rejection has `outcomeUnknown`.
   */
  async unary(path: string, request: Uint8Array, repeatable: boolean): Promise<Uint8Array> {
    const deadlineMs = this.#host.clock.monotonicMs() + this.#options.requestTimeoutMs;
    // A read shares its time between two endpoints at least, for one may be stuck.
    const attemptMs = repeatable && this.endpointCount > 1 ? this.#options.requestTimeoutMs / 2 : this.#options.requestTimeoutMs;
    for (;;) {
      const endpoint = this.#current;
      const leftMs = deadlineMs - this.#host.clock.monotonicMs();
      try {
        return await this.#attempt(endpoint, path, request, Math.min(attemptMs, leftMs));
      } catch (error) {
        const { failure, sent } = classify(error);
        const again = failure.code === grpcCode.unavailable || failure.code === grpcCode.deadlineExceeded;
        if (again) this.leave(endpoint);
        const pauseEndsMs = this.#host.clock.monotonicMs() + retryMs;
        if (again && (repeatable || !sent) && pauseEndsMs < deadlineMs && !this.#closed.signal.aborted) {
          await this.#host.timers.sleep(retryMs, this.#closed.signal);
          continue;
        }
        throw repeatable || !again || !sent ? failure : new EtcdError(failure.code, failure.message, { outcomeUnknown: true });
      }
    }
  }

  async #attempt(endpoint: number, path: string, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#closed.signal.aborted) throw etcdError('stopped');
    const abort = this.#abortable();
    let timedOut = false;
    const timer = this.#host.timers.after(Math.max(timeoutMs, 1), () => {
      timedOut = true;
      abort.abort();
    });
    try {
      const response = await this.#fetch(endpoint, path, grpcFrame(request), abort.signal);
      const reader = new ByteReader(response.body);
      const message = await readGrpcFrame(reader, maxMessageBytes);
      // The status comes behind the end of the body.
      while (await readGrpcFrame(reader, maxMessageBytes) !== undefined) continue;
      const failure = await outcome(response);
      if (failure !== undefined) throw failure;
      if (message === undefined) throw new EtcdError(grpcCode.internal, 'the answer has no message');
      return message;
    } catch (error) {
      throw timedOut ? new EtcdError(grpcCode.deadlineExceeded, 'context deadline exceeded') : error;
    } finally {
      timer.cancel();
      this.#running.delete(abort);
    }
  }

  #abortable(): AbortController {
    const abort = new AbortController();
    this.#running.add(abort);
    return abort;
  }

  #fetch(endpoint: number, path: string, body: Uint8Array | AsyncIterable<Uint8Array>, signal: AbortSignal): ReturnType<Host['network']['fetch']> {
    const { endpoints, tls } = this.#options;
    return this.#host.network.fetch({
      url: `${endpoints[endpoint] as string}${path}`, method: 'POST', body, signal, httpVersion: '2',
      headers: { 'content-type': grpcContentType, te: 'trailers', hasleader: 'true' }, ...(tls === undefined ? {} : { tls }),
    });
  }

  /** A stream to the current endpoint. Ends (or throws an EtcdError) with the server's status; `signal` ends it silently. */
  async *stream(path: string, requests: AsyncQueue<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#closed.signal.aborted) throw etcdError('stopped');
    const endpoint = this.#current;
    const abort = this.#abortable();
    const stop = (): void => { abort.abort(); };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      const response = await this.#fetch(endpoint, path, framed(requests), abort.signal);
      const reader = new ByteReader(response.body);
      for (let message = await readGrpcFrame(reader, maxMessageBytes); message !== undefined; message = await readGrpcFrame(reader, maxMessageBytes)) {
        if (signal.aborted) return;
        yield message;
      }
      const failure = await outcome(response);
      if (failure !== undefined) throw failure;
    } catch (error) {
      if (signal.aborted) return;
      this.leave(endpoint);
      throw this.#closed.signal.aborted ? etcdError('stopped') : classify(error).failure;
    } finally {
      signal.removeEventListener('abort', stop);
      requests.end();
      abort.abort();
      this.#running.delete(abort);
    }
  }

  close(): void {
    this.#closed.abort();
    for (const abort of this.#running) abort.abort();
  }
}

async function* framed(requests: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const request of requests) yield grpcFrame(request);
}

/** A call that failed at once has its status in the head. */
async function outcome(response: Awaited<ReturnType<Host['network']['fetch']>>): Promise<EtcdError | undefined> {
  if (response.status !== 200) return new EtcdError(grpcCode.unavailable, `unexpected HTTP status ${response.status}`);
  return errorOfTrailers(response.headers['grpc-status'] === undefined ? await response.trailers : response.headers);
}

/** `sent`: the server may have acted on it. */
function classify(error: unknown): { readonly failure: EtcdError; readonly sent: boolean } {
  if (error instanceof NetworkError) return { failure: new EtcdError(grpcCode.unavailable, error.message), sent: !neverSent.has(error.kind) };
  if (!(error instanceof EtcdError)) throw error;
  const refused = isEtcdError(error, 'noLeader') || isEtcdError(error, 'tooManyRequests');
  return { failure: error, sent: !refused };
}
