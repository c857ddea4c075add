import { header, type ByteSource, type HeaderMap, type HttpRequest, type HttpResponse } from '@coxswain/host';
import type { RequestInfo } from '../types.ts';

/** One gzip stream of a body. What it gives ends or breaks with the body, and a reader that stops early stops the body. */
export type Gzip = (body: Uint8Array | ByteSource) => ByteSource;

const thresholdBytes = 128 * 1024;
/** Documents that the original compresses whatever their size. */
const always = new Set(['/metrics', '/openapi/v2']);
/** What a kubelet or an application says goes through as it is. */
const passedOn = new Set(['proxy', 'log', 'exec', 'attach', 'portforward']);

/** By the word alone: upstream reads no weights. */
function takesGzip(request: HttpRequest): boolean {
  return (header(request.headers, 'accept-encoding') ?? '').split(',').some((coding) => coding.trim() === 'gzip');
}

/** Bodies in pieces are longer than one piece, which is the threshold. */
function isLarge(body: Uint8Array | ByteSource): boolean {
  return body instanceof Uint8Array ? body.length > thresholdBytes : true;
}

function varies(headers: HeaderMap): HeaderMap {
  const others = headers['vary'] ?? [];
  return { ...headers, 'content-encoding': 'gzip', vary: ['Accept-Encoding', ...(typeof others === 'string' ? [others] : others)] };
}

/** An answer of this server's own as the client takes it. Watches are never compressed. */
export function compressed(response: HttpResponse, request: HttpRequest, info: RequestInfo, gzip: Gzip): HttpResponse {
  const { body } = response;
  if (body === undefined || info.verb === 'watch' || passedOn.has(info.subresource) || !takesGzip(request)) return response;
  if (!always.has(info.path) && !isLarge(body)) return response;
  return { ...response, headers: varies(response.headers), body: gzip(body) };
}
