import { AsyncQueue, isPushSource, NetworkError, type ByteSource, type HeaderMap, type HttpHandler, type HttpRequest, type HttpResponse, type Logger, type Peer, type PushSource } from '@coxswain/host';
import { errorCode } from './frames.ts';
import type { Head } from './head.ts';
import type { Field } from './header-table.ts';
import type { Http2Stream, StreamHandler } from './stream.ts';

/** One for all: thousands of watches may end with a connection, and where an error was made takes longer to tell than all the rest. */
const gone = new NetworkError('reset', 'the client has gone');

/** An exchange with a handler that knows requests and responses as values. */
class Exchange implements StreamHandler {
  readonly body = new AsyncQueue<Uint8Array>();
  #abort: AbortController | undefined;
  #isReset = false;
  #drained: (() => void) | undefined;
  /** Of a body that pushes. */
  source: PushSource | undefined;

  head(): void {}

  data(data: Uint8Array, ended: boolean): void {
    if (data.length > 0) this.body.push(data);
    if (ended) this.body.end();
  }

  trailers(): void {
    this.body.end();
  }

  reset(): void {
    this.body.fail(gone);
    this.#isReset = true;
    this.#abort?.abort(gone);
    this.source?.stop();
    this.source = undefined;
    this.drained();
  }

  /** Made when it is asked for: most answers are made without. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isReset) this.#abort.abort(gone);
    return this.#abort.signal;
  }

  drained(): void {
    this.source?.drained();
    const resolve = this.#drained;
    this.#drained = undefined;
    resolve?.();
  }

  wait(): Promise<void> {
    return new Promise((resolve) => { this.#drained = resolve; });
  }
}

/** What `onStream` of a server calls to let an HttpHandler answer. */
export function serveHandler(handler: HttpHandler, log: Logger): (stream: Http2Stream, head: Head, ended: boolean, peer: Peer) => void {
  return (stream, head, ended, peer) => {
    const exchange = new Exchange();
    stream.handler = exchange;
    if (ended) exchange.body.end();
    const request = new Request(head, peer, stream, exchange);
    answer(handler, request, stream, exchange).catch((error: unknown) => {
      log.error('request handler failed', { method: head.method, target: head.path, error: String((error as Error).stack ?? error) });
      stream.reset(errorCode.internalError);
    });
  };
}

/** A class, so that what most requests are never asked for costs them nothing. */
class Request implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderMap;
  readonly peer: Peer;
  readonly httpVersion = '2';
  readonly upgradeRequested = false;
  readonly #stream: Http2Stream;
  readonly #exchange: Exchange;
  #body: ByteSource | undefined;

  constructor(head: Head, peer: Peer, stream: Http2Stream, exchange: Exchange) {
    this.method = head.method;
    this.target = head.path;
    this.headers = head.headers['host'] === undefined ? withHost(head) : head.headers;
    this.peer = peer;
    this.#stream = stream;
    this.#exchange = exchange;
  }

  get body(): ByteSource {
    return (this.#body ??= consuming(this.#stream, this.#exchange.body));
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }
}

/** Put where it is missing rather than into a copy, which takes long of an object without prototype. A block that comes again has the same. */
function withHost({ headers, authority }: Head): HeaderMap {
  (headers as Record<string, string>)['host'] = authority;
  return headers;
}

async function* consuming(stream: Http2Stream, body: AsyncQueue<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of body) {
    stream.consumed(chunk.length);
    yield chunk;
  }
}

async function answer(handler: HttpHandler, request: HttpRequest, stream: Http2Stream, exchange: Exchange): Promise<void> {
  const response: HttpResponse = await handler(request);
  const { body, trailers, headers } = response;
  // What ends a connection of HTTP/1.1 is no header here.
  if (headers['connection'] === 'close') stream.leave();
  const fields: Field[] = [[':status', String(response.status)]];
  addFields(fields, headers, 'connection');
  if (body === undefined || body instanceof Uint8Array) {
    const empty = body === undefined || body.length === 0;
    stream.headers(fields, empty && trailers === undefined);
    if (!empty) stream.write(body, trailers === undefined);
  } else if (isPushSource(body) && trailers === undefined) {
    stream.headers(fields);
    push(stream, exchange, body);
  } else {
    stream.headers(fields);
    await send(stream, exchange, body);
    if (trailers === undefined) stream.end();
  }
  if (trailers !== undefined) stream.trailers(fieldsOf(trailers()));
}

function push(stream: Http2Stream, exchange: Exchange, source: PushSource): void {
  if (stream.closed) {
    source.stop();
    return;
  }
  exchange.source = source;
  source.start({
    wire: stream.wire,
    write: (data) => stream.write(data),
    end: () => {
      exchange.source = undefined;
      stream.end();
    },
  });
}

/** The client going away also ends a producer that waits. */
async function send(stream: Http2Stream, exchange: Exchange, body: ByteSource): Promise<void> {
  const iterator = body[Symbol.asyncIterator]();
  const stop = (): void => { iterator.return?.()?.catch?.(() => undefined); };
  const { signal } = exchange;
  if (signal.aborted) {
    stop();
    return;
  }
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (let next = await iterator.next(); next.done !== true && !signal.aborted; next = await iterator.next()) {
      if (next.value.length > 0 && !stream.write(next.value)) await exchange.wait();
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

export function fieldsOf(headers: HeaderMap): Field[] {
  const fields: Field[] = [];
  addFields(fields, headers);
  return fields;
}

function addFields(fields: Field[], headers: HeaderMap, without = ''): void {
  for (const name of Object.keys(headers)) {
    if (name === without) continue;
    const value = headers[name] as string | readonly string[];
    if (typeof value === 'string') fields.push([name.toLowerCase(), value]);
    else for (const single of value) fields.push([name.toLowerCase(), single]);
  }
}
