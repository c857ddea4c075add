import { internalError, StatusError } from '@coxswain/api';
import { NetworkError, type ByteSource, type ClientTls, type HeaderMap, type HttpRequest, type HttpResponse, type Host, type IncomingResponse, type OutgoingRequest } from '@coxswain/host';
import { pipeStreams } from '@coxswain/streaming';
import { hostOf } from '../audit/sources.ts';
import { rewriteResponse, type PageCodecs } from './rewrite-response.ts';
import type { ProxiedPlace } from './rewrite-url.ts';

type HostPart = Pick<Host, 'network' | 'log'>;

/** Belong to one connection, or are said anew by the next one. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'host', 'http2-settings',
]);
/** The credentials of the asker are not for the one behind. */
const secret: ReadonlySet<string> = new Set(['authorization', 'impersonate-user', 'impersonate-group', 'impersonate-uid']);

function kept(headers: HeaderMap, drop: (name: string) => boolean): Record<string, string | readonly string[]> {
  const out: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) if (!name.startsWith(':') && !drop(name)) out[name] = value;
  return out;
}

function requestHeaders(request: HttpRequest): Record<string, string | readonly string[]> {
  const headers = kept(request.headers, (name) => hopByHop.has(name) || secret.has(name) || name.startsWith('impersonate-extra-'));
  const protocols = request.headers['sec-websocket-protocol'];
  if (protocols !== undefined) headers['sec-websocket-protocol'] = withoutToken(protocols);
  return request.upgradeRequested && request.headers['upgrade'] !== undefined ? { ...headers, upgrade: request.headers['upgrade'] } : headers;
}

/** Browsers carry their token as a subprotocol. */
function withoutToken(protocols: string | readonly string[]): string {
  return [protocols].flat().flatMap((one) => one.split(',')).map((one) => one.trim()).filter((one) => !one.startsWith('base64url.bearer.authorization.k8s.io.')).join(', ');
}

/** Of whom and for which path the one behind is asked. */
function forwardedHeaders(request: HttpRequest, target: Target, place: ProxiedPlace): Record<string, string> {
  const before = [request.headers['x-forwarded-for'] ?? []].flat();
  return {
    ...(place.askedHost === '' ? {} : { host: place.askedHost }),
    'x-forwarded-uri': `${place.prefix}${new URL(target.url).pathname}`,
    'x-forwarded-for': [...before, hostOf(request.peer.address)].join(', '),
  };
}

function responseHeaders(headers: HeaderMap): Record<string, string | readonly string[]> {
  return kept(headers, (name) => hopByHop.has(name));
}

export interface Target {
  readonly url: string;
  readonly tls?: ClientTls;
  readonly method?: string;
  /** Links and redirects in the answer lead back through it, and the one behind is told of the asker. */
  readonly place?: ProxiedPlace;
  /** Pages in other encodings pass as they are. */
  readonly pageCodecs?: PageCodecs;
}

/** Throws 503 where nobody answers. */
export async function reach(host: Pick<Host, 'network'>, target: Target, request: OutgoingRequest): Promise<IncomingResponse> {
  try {
    return await host.network.fetch(request);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new StatusError('ServiceUnavailable', `error trying to reach service: ${error.message}`, { causes: [{ message: target.url }] });
  }
}

/** Passes request and response through, bodies as they come. An upgrade becomes a tunnel of bytes. Throws 503 where nobody answers. */
export function forward(host: HostPart, request: HttpRequest, target: Target): Promise<HttpResponse> {
  return pass(host, request, target, (outgoing) => reach(host, target, outgoing));
}

/** The same, but throws NetworkError. */
export function passThrough(host: HostPart, request: HttpRequest, target: Target): Promise<HttpResponse> {
  return pass(host, request, target, (outgoing) => host.network.fetch(outgoing));
}

async function pass(host: HostPart, request: HttpRequest, target: Target, fetch: (outgoing: OutgoingRequest) => Promise<IncomingResponse>): Promise<HttpResponse> {
  const method = target.method ?? request.method;
  const hasBody = !request.upgradeRequested && !['GET', 'HEAD'].includes(method);
  const response = await fetch({
    url: target.url, method, signal: request.signal, httpVersion: '1.1',
    headers: { ...requestHeaders(request), ...(target.place === undefined ? {} : forwardedHeaders(request, target, target.place)) },
    ...(hasBody ? { body: request.body } : {}),
    ...(target.tls === undefined ? {} : { tls: target.tls }),
    ...(request.upgradeRequested ? { upgrade: true } : {}),
  });
  const back = response.upgraded;
  if (back === undefined) {
    const answer = { status: response.status, headers: responseHeaders(response.headers), body: response.body };
    return target.place === undefined ? answer : rewriteResponse(answer, target.place, target.pageCodecs ?? {});
  }
  return {
    status: 101,
    headers: { ...responseHeaders(response.headers), connection: 'Upgrade', upgrade: response.headers['upgrade'] ?? request.headers['upgrade'] ?? '' },
    // A peer that went away is how such connections end.
    upgrade: (stream) => { pipeStreams(stream, back).catch((error: unknown) => host.log.debug('tunnel broke off', { error: String(error) })); },
  };
}

const refusalLimitBytes = 32 * 1024;

async function text(body: ByteSource): Promise<string> {
  const decoder = new TextDecoder();
  let out = '';
  for await (const chunk of body) {
    out += decoder.decode(chunk, { stream: true });
    if (out.length >= refusalLimitBytes) break;
  }
  return out;
}

/** A refusal by the kubelet in the words of this API. */
export async function refusalOf(response: IncomingResponse): Promise<StatusError> {
  const message = await text(response.body);
  if (response.status === 400) return new StatusError('BadRequest', message);
  if (response.status === 500) return internalError(message);
  const reason = response.status === 404 ? 'NotFound' : response.status === 403 ? 'Forbidden' : response.status === 401 ? 'Unauthorized' : '';
  return new StatusError(reason, `the server responded with the status code ${response.status}: ${message}`, {}, response.status);
}
