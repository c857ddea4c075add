import { emptyBytes, NetworkError, type HeaderMap, type Host } from '@coxswain/host';
import { FixedFields } from '@coxswain/http2';
import { Connections } from '../../src/client/connections.ts';
import { EtcdError } from '../../src/client/errors.ts';
import { StreamExchange } from '../../src/client/exchange.ts';
import type { Codec } from '../../src/wire/codec.ts';
import { grpcContentType, grpcFrame } from '../../src/wire/grpc.ts';
import type { RangeRequest, TxnRequest, WatchCreateRequest } from '../../src/wire/messages.ts';

/** One a machine that calls. */
const connectionsOf = new WeakMap<Host, Connections>();

/** One gRPC call with nothing between the test and the wire: no retries, no fail-over. Throws the server's EtcdError. */
export async function callRaw<Q extends object, R extends object>(host: Host, url: string, path: string, request: Codec<Q>, response: Codec<R>, value: Q, headers: HeaderMap = {}, signal?: AbortSignal): Promise<R> {
  const answers: R[] = [];
  for await (const answer of streamRaw(host, url, path, request, response, [value], headers, signal)) answers.push(answer);
  if (answers.length !== 1) throw new Error(`${answers.length} answers`);
  return answers[0] as R;
}

/** The answers of a stream; requests end when `requests` does. */
export async function* streamRaw<Q extends object, R extends object>(
  host: Host, url: string, path: string, request: Codec<Q>, response: Codec<R>, requests: Iterable<Q> | AsyncIterable<Q>, headers: HeaderMap = {}, signal?: AbortSignal,
): AsyncGenerator<R, void, undefined> {
  const connections = connectionsOf.get(host) ?? new Connections(host, undefined);
  connectionsOf.set(host, connections);
  const exchange = new StreamExchange();
  const client = await connections.get(url);
  const call = client.begin(new FixedFields([
    [':method', 'POST'], [':scheme', 'http'], [':path', path], [':authority', new URL(url).host], ['content-type', grpcContentType], ['te', 'trailers'], ...Object.entries(headers) as [string, string][],
  ]), exchange);
  exchange.request = call;
  const sendAll = async (): Promise<void> => {
    for await (const one of requests) call.write(grpcFrame(request.encode(one)));
    call.end();
  };
  void sendAll();
  try {
    for await (const received of exchange.messages) {
      exchange.taken(received);
      yield response.decode(received.message);
    }
  } finally {
    exchange.over = true;
    call.cancel();
  }
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
