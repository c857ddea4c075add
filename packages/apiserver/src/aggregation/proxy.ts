import { header, utf8, type HeaderMap, type Host, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { hostOf } from '../audit/sources.ts';
import { networkText } from '../callouts/failures.ts';
import { passThrough } from '../node-proxy/forward.ts';
import type { RequestNotes, UserInfo } from '../types.ts';
import { availableCondition, type ApiService } from './api-service.ts';
import { remoteUserHeaders, type Upstream } from './upstream.ts';
import { describeError } from '../transport/describe-error.ts';
import { traced } from '../tracing/request-trace.ts';

/** As Go's http.Error writes it. */
export function plainError(status: number, text: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, body: utf8(`${text}\n`) };
}

const discoveryTimeoutMs = 5000;
const redirectText = 'the backend attempted to redirect this request, which is not permitted';

/** What clients say of themselves there is ours to say. */
function withoutClaims(headers: HeaderMap): Record<string, string | readonly string[]> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-remote-')));
}

/** An abort of the client's, or our own for documents that should come fast. */
function limited(host: Pick<Host, 'timers'>, request: HttpRequest): { readonly signal: AbortSignal; readonly end: () => void } {
  const parts = request.target.split('?', 1)[0]?.split('/').filter((part) => part !== '') ?? [];
  if (parts.length !== 3) return { signal: request.signal, end: () => undefined };
  const stop = new AbortController();
  const abort = (): void => { stop.abort(); };
  const timer = host.timers.after(discoveryTimeoutMs, abort);
  request.signal.addEventListener('abort', abort, { once: true });
  return { signal: stop.signal, end: () => { timer.cancel(); } };
}

export interface ProxyParts {
  readonly host: Pick<Host, 'network' | 'timers' | 'log'>;
  readonly upstream: Upstream;
  readonly rejectRedirects: boolean;
}

async function send({ host, upstream, rejectRedirects }: ProxyParts, service: ApiService, request: HttpRequest, headers: HeaderMap): Promise<HttpResponse> {
  const origin = await upstream.origin(service).catch((error: unknown) => {
    host.log.warn('No server was found for an APIService', { name: service.metadata?.name ?? '', error: describeError(error) });
    return undefined;
  });
  if (origin === undefined) return plainError(503, 'service unavailable');
  const { signal, end } = limited(host, request);
  const { method, target, body, peer, httpVersion, upgradeRequested } = request;
  const outgoing: HttpRequest = { method, target, body, peer, httpVersion, upgradeRequested, signal, headers };
  try {
    const response = await passThrough(host, outgoing, { url: `${origin}${target}`, tls: upstream.tls(service) });
    const redirects = response.status >= 300 && response.status <= 399 && header(response.headers, 'location') !== undefined;
    return redirects && rejectRedirects ? { status: 502, headers: {}, body: utf8(redirectText) } : response;
  } catch (error) {
    const { hostname, port } = new URL(origin);
    return plainError(503, networkText(error, { hostname, port: Number(port === '' ? 443 : port) }));
  } finally {
    end();
  }
}

/**
 * What an URL would read otherwise than the authorizer has: dot segments (`namespaces/a/x/../../b`), backslashes, what it leaves out, and
 * what does not begin with a slash and would then belong to the address (`%2Fapis…@elsewhere`).
 */
function isAmbiguous(target: string): boolean {
  const path = target.split('?', 1)[0] ?? '';
  return !path.startsWith('/') || /[\p{Cc} \\#]/u.test(path) || path.split('/').some((part) => /^(?:\.|%2e){1,2}$/i.test(part));
}

/** Passes a request on in the name of its user, whom the server behind believes because of our certificate. */
export async function proxyToService(parts: ProxyParts, service: ApiService, request: HttpRequest, user: UserInfo, notes: RequestNotes): Promise<HttpResponse> {
  if (isAmbiguous(request.target)) return plainError(400, 'the path of the request is ambiguous');
  if (availableCondition(service)?.status !== 'True') return plainError(503, 'service unavailable');
  const client = hostOf(request.peer.address);
  const before = header(request.headers, 'x-forwarded-for');
  return traced(notes.trace, `asking ${service.metadata?.name ?? ''}`, (headers) => send(parts, service, request, {
    ...withoutClaims(request.headers), ...remoteUserHeaders(user), 'audit-id': notes.auditId, 'x-forwarded-for': before === undefined ? client : `${before}, ${client}`, ...headers,
  }));
}
