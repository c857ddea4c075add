import { emptyBytes, NetworkError, type HeaderMap, type Host } from '@coxswain/host';
import { EtcdError } from '../../src/client/errors.ts';
import type { Codec } from '../../src/wire/codec.ts';
import { ByteReader } from '../../src/wire/frames.ts';
import { errorOfTrailers, grpcContentType, grpcFrame, readGrpcFrame } from '../../src/wire/grpc.ts';
import type { RangeRequest, TxnRequest, WatchCreateRequest } from '../../src/wire/messages.ts';

const maxBytes = 1 << 30;

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
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const one of requests) yield grpcFrame(request.encode(one));
  }
  const result = await host.network.fetch({ url: `${url}${path}`, method: 'POST', httpVersion: '2', body: body(), headers: { 'content-type': grpcContentType, te: 'trailers', ...headers }, ...(signal === undefined ? {} : { signal }) });
  const reader = new ByteReader(result.body);
  for (let frame = await readGrpcFrame(reader, maxBytes); frame !== undefined; frame = await readGrpcFrame(reader, maxBytes)) yield response.decode(frame);
  const failure = errorOfTrailers(result.headers['grpc-status'] === undefined ? await result.trailers : result.headers);
  if (failure !== undefined) throw failure;
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
