import { emptyBytes, NetworkError, type HeaderMap, type Host } from '@coxswain/host';
import { Connections } from '../../src/client/connections.ts';
import { EtcdError } from '../../src/client/errors.ts';
import { StreamExchange } from '../../src/client/exchange.ts';
import type { Codec } from '../../src/wire/codec.ts';
import { grpcContentType, grpcFrame } from '../../src/wire/grpc.ts';
import type { RangeRequest, TxnRequest, WatchCreateRequest } from '../../src/wire/messages.ts';

/** One gRPC call with nothing between the test and the wire: no retries, no fail-over. Throws the server's EtcdError. */
export async function callRaw<Q extends object, R extends object>(host: Host, url: string, path: string, request: Codec<Q>, response: Codec<R>, value: Q, headers: HeaderMap = {}, signal?: AbortSignal): Promise<R> {
  const answers: R[] = [];
  for await (const answer of streamRaw(host, url, path, request, response, [value], headers, signal)) answers.push(answer);
  if (answers.length !== 1) throw new Error(`${answers.length} answers`);
  return answers[0] as R;
}

const connectionsOf = new WeakMap<Host, Connections>();

/** The answers of a stream; requests end when `requests` does. Throws NetworkError where the connection fails or `signal` aborts. */
export async function* streamRaw<Q extends object, R extends object>(
  host: Host, url: string, path: string, request: Codec<Q>, response: Codec<R>, requests: Iterable<Q> | AsyncIterable<Q>, headers: HeaderMap = {}, signal?: AbortSignal,
): AsyncGenerator<R, void, undefined> {
  const exchange = new StreamExchange();
  const stop = (): void => { exchange.fail(new NetworkError('aborted', 'the call was ended')); };
  signal?.addEventListener('abort', stop);
  try {
    const connections = connectionsOf.get(host) ?? new Connections(host, undefined);
    connectionsOf.set(host, connections);
    const client = await Promise.race([connections.get(url), exchange.failed]);
    const more = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
    exchange.request = client.begin([
      [':method', 'POST'], [':scheme', 'http'], [':path', path], [':authority', new URL(url).host], ['content-type', grpcContentType], ['te', 'trailers'], ...more,
    ], exchange);
    void sendAll(request, requests, exchange);
    for await (const received of exchange.messages) {
      exchange.taken(received);
      yield response.decode(received.message);
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    exchange.over = true;
    exchange.request?.cancel();
  }
}

async function sendAll<Q>(codec: Codec<Q>, requests: Iterable<Q> | AsyncIterable<Q>, exchange: StreamExchange): Promise<void> {
  for await (const one of requests) exchange.request?.write(grpcFrame(codec.encode(one)));
  exchange.request?.end();
}

/** `code message` of what a call was refused with. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof EtcdError) return `${error.code} ${error.message}`;
    if (error instanceof NetworkError) return error.message;
    throw error;
  }
  return 'accepted';
}

export function rangeRequest(over: Partial<RangeRequest> & { readonly key: Uint8Array }): RangeRequest {
  return {
    rangeEnd: emptyBytes, limit: 0, revision: 0, sortOrder: 0, sortTarget: 0, serializable: false, keysOnly: false, countOnly: false, minModRevision: 0, maxModRevision: 0,
    minCreateRevision: 0, maxCreateRevision: 0, ...over,
  };
}

export function watchCreate(over: Partial<WatchCreateRequest> & { readonly key: Uint8Array }): WatchCreateRequest {
  return { rangeEnd: emptyBytes, startRevision: 0, progressNotify: false, filters: [], prevKv: false, watchId: 0, fragment: false, ...over };
}

export const emptyTxn: TxnRequest = { compare: [], success: [], failure: [] };
