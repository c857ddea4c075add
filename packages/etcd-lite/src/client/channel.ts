import { NetworkError, type AsyncQueue, type ClientTls, type Host, type NetworkErrorKind } from '@coxswain/host';
import { FixedFields } from '@coxswain/http2';
import { grpcContentType, grpcFrame } from '../wire/grpc.ts';
import { Connections } from './connections.ts';
import { EtcdError, etcdError, grpcCode, isEtcdError } from './errors.ts';
import { StreamExchange, UnaryExchange } from './exchange.ts';

export interface ChannelOptions {
  readonly endpoints: readonly string[];
  readonly tls?: ClientTls;
  readonly requestTimeoutMs: number;
}

const retryMs = 50;
/** Nothing of a request can have reached a server that failed in this way. */
const neverSent: ReadonlySet<NetworkErrorKind> = new Set(['refused', 'unreachable', 'name-not-found', 'tls']);

/** gRPC calls to whichever endpoint answers, all over one connection. Sticks to one until it fails. */
export class Channel {
  readonly #host: Host;
  readonly #options: ChannelOptions;
  readonly #connections: Connections;
  /** How each is ended, and where it runs. */
  readonly #running = new Map<(error: EtcdError) => void, number>();
  /** The headers of calls, by endpoint and path. */
  readonly #heads = new Map<string, FixedFields>();
  readonly #closed = new AbortController();
  #current = 0;

  constructor(host: Host, options: ChannelOptions) {
    this.#host = host;
    this.#options = options;
    this.#connections = new Connections(host, options.tls);
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

  /** From now on `endpoint`, unless others have left `insteadOf` meanwhile. Streams stay where they are. */
  use(endpoint: number, insteadOf: number): void {
    if (this.#current === insteadOf) this.#current = endpoint;
  }

  /** All that runs there fails as if its connection had broken: the outcome of writes that were sent is unknown. The next call makes a new one. */
  abandon(endpoint: number): void {
    for (const [stop, where] of this.#running) if (where === endpoint) stop(etcdError('timeoutLeaderFailure'));
    this.#connections.drop(this.#options.endpoints[endpoint] as string);
  }

  /** One attempt at one endpoint, whichever is the current one. */
  async unaryAt(endpoint: number, path: string, frame: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    try {
      return await this.#attempt(endpoint, path, frame, timeoutMs);
    } catch (error) {
      throw classify(error).failure;
    }
  }

  /**
   * `frame`: of one message. `repeatable`: may be sent again when its outcome is unknown (reads). Others are sent again only if they cannot have
   * been done; otherwise the rejection has `outcomeUnknown`.
   */
  async unary(path: string, frame: Uint8Array, repeatable: boolean): Promise<Uint8Array> {
    const deadlineMs = this.#host.clock.monotonicMs() + this.#options.requestTimeoutMs;
    // A read shares its time between two endpoints at least, for one may be stuck.
    const attemptMs = repeatable && this.endpointCount > 1 ? this.#options.requestTimeoutMs / 2 : this.#options.requestTimeoutMs;
    for (;;) {
      const endpoint = this.#current;
      const leftMs = deadlineMs - this.#host.clock.monotonicMs();
      try {
        return await this.#attempt(endpoint, path, frame, Math.min(attemptMs, leftMs));
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

  #attempt(endpoint: number, path: string, frame: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#closed.signal.aborted) return Promise.reject(etcdError('stopped'));
    return new Promise((resolve, reject) => {
      const stop = (error: EtcdError): void => { exchange.cancel(error); };
      const timer = this.#host.timers.after(Math.max(timeoutMs, 1), () => { stop(new EtcdError(grpcCode.deadlineExceeded, 'context deadline exceeded')); });
      const exchange = new UnaryExchange((error, message) => {
        timer.cancel();
        this.#running.delete(stop);
        if (error === undefined) resolve(message as Uint8Array);
        else reject(error);
      });
      this.#running.set(stop, endpoint);
      this.#send(endpoint, path, frame, exchange);
    });
  }

  #send(endpoint: number, path: string, frame: Uint8Array, exchange: UnaryExchange): void {
    const connection = this.#connections.get(this.#options.endpoints[endpoint] as string);
    if (!(connection instanceof Promise)) {
      exchange.request = connection.send(this.#head(endpoint, path), frame, exchange);
      return;
    }
    connection.then((client) => {
      if (!exchange.over) exchange.request = client.send(this.#head(endpoint, path), frame, exchange);
    }, (error: unknown) => { exchange.finish(error as Error); });
  }

  #head(endpoint: number, path: string): FixedFields {
    const url = `${this.#options.endpoints[endpoint] as string}${path}`;
    let head = this.#heads.get(url);
    if (head === undefined) {
      const { protocol, host } = new URL(url);
      head = new FixedFields([
        [':method', 'POST'], [':scheme', protocol.slice(0, -1)], [':path', path], [':authority', host], ['content-type', grpcContentType], ['te', 'trailers'], ['hasleader', 'true'],
      ]);
      this.#heads.set(url, head);
    }
    return head;
  }

  /** A stream to the current endpoint. Ends (or throws an EtcdError) with the server's status; `signal` ends it silently. */
  async *stream(path: string, requests: AsyncQueue<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#closed.signal.aborted) throw etcdError('stopped');
    const endpoint = this.#current;
    const exchange = new StreamExchange();
    const stop = (error: Error): void => { exchange.fail(error); };
    const onAbort = (): void => { stop(new NetworkError('aborted', 'the stream was ended')); };
    this.#running.set(stop, endpoint);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    try {
      await Promise.race([this.#begin(endpoint, path, requests, exchange), exchange.failed]);
      for await (const received of exchange.messages) {
        exchange.taken(received);
        if (signal.aborted) return;
        yield received.message;
      }
    } catch (error) {
      if (signal.aborted) return;
      this.leave(endpoint);
      throw this.#closed.signal.aborted ? etcdError('stopped') : classify(error).failure;
    } finally {
      signal.removeEventListener('abort', onAbort);
      requests.end();
      exchange.over = true;
      exchange.request?.cancel();
      this.#running.delete(stop);
    }
  }

  async #begin(endpoint: number, path: string, requests: AsyncQueue<Uint8Array>, exchange: StreamExchange): Promise<void> {
    const client = await this.#connections.get(this.#options.endpoints[endpoint] as string);
    if (exchange.over) return;
    exchange.request = client.begin(this.#head(endpoint, path), exchange);
    void this.#sendAll(requests, exchange);
  }

  async #sendAll(requests: AsyncQueue<Uint8Array>, exchange: StreamExchange): Promise<void> {
    for await (const request of requests) exchange.request?.write(grpcFrame(request));
    exchange.request?.end();
  }

  close(): void {
    this.#closed.abort();
    for (const stop of this.#running.keys()) stop(etcdError('stopped'));
    this.#connections.close();
  }
}

/** `sent`: the server may have acted on it. */
function classify(error: unknown): { readonly failure: EtcdError; readonly sent: boolean } {
  if (error instanceof NetworkError) return { failure: new EtcdError(grpcCode.unavailable, error.message), sent: !neverSent.has(error.kind) };
  if (!(error instanceof EtcdError)) throw error;
  const refused = isEtcdError(error, 'noLeader') || isEtcdError(error, 'tooManyRequests');
  return { failure: error, sent: !refused };
}
