import type { RestRequest } from '@coxswain/client/fast-path';
import { grpcContentType } from '@coxswain/etcd-lite/wire';
import { emptyBytes, readAll, type ByteSource, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { headersFor } from './items.ts';

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (data.length > 0) yield data;
}

/** In the name of whoever made the call. */
export function innerRequest(call: HttpRequest, request: RestRequest): HttpRequest {
  return {
    method: request.method, target: request.target, headers: headersFor(call.headers, request), body: once(request.body), peer: call.peer, httpVersion: call.httpVersion, signal: call.signal,
    upgradeRequested: false,
  };
}

export async function bodyOf(body: Uint8Array | ByteSource | undefined): Promise<Uint8Array> {
  return body === undefined ? emptyBytes : body instanceof Uint8Array ? body : readAll(body);
}

export function grpcBody(body: Uint8Array | ByteSource): HttpResponse {
  return { status: 200, headers: { 'content-type': grpcContentType }, body, trailers: () => ({ 'grpc-status': '0' }) };
}
