import { header, type Host, type HttpHandler, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { throttled } from './throttle.ts';
import { textResponse } from '../transport/responses.ts';

/** What every answer has in common, whatever was asked. */
export interface HttpPolicy {
  /** --strict-transport-security-directives */
  readonly strictTransportSecurity: readonly string[];
  /** --cors-allowed-origins */
  isOriginAllowed(origin: string): boolean;
  /** --goaway-chance: how often a client on HTTP/2 is told to take another connection (and so perhaps another server). */
  readonly goawayChance: number;
  /** --shutdown-send-retry-after */
  readonly sendRetryAfter: boolean;
  /** --max-connection-bytes-per-sec: of upgraded connections, each way; 0: no limit. */
  readonly connectionBytesPerSecond?: number;
}

const corsHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE, PATCH',
  'access-control-allow-headers': 'Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since',
  'access-control-expose-headers': 'Date', 'access-control-allow-credentials': 'true',
};

const probes = ['/readyz', '/livez', '/healthz', '/metrics'];

function withHeaders(response: HttpResponse, headers: Readonly<Record<string, string>>): HttpResponse {
  return { ...response, headers: { ...headers, ...response.headers } };
}

function shuttingDown(request: HttpRequest): HttpResponse | undefined {
  if (probes.some((path) => request.target.startsWith(path))) return undefined;
  return textResponse(429, 'The apiserver is shutting down, please try again later.\n', { connection: 'close', 'retry-after': '5' });
}

/** `isClosing`: the delay after the signal to stop is over. `isOwn`: the server's own requests, which always pass. */
export function withPolicy(handler: HttpHandler, policy: HttpPolicy, host: Host, isClosing: () => boolean, isOwn: (request: HttpRequest) => boolean): HttpHandler {
  const security = policy.strictTransportSecurity.join('; ');
  const always: Readonly<Record<string, string>> = security === '' ? {} : { 'strict-transport-security': security };
  const { connectionBytesPerSecond: rate = 0 } = policy;
  const limited = (response: HttpResponse): HttpResponse => {
    const { upgrade } = response;
    return rate === 0 || upgrade === undefined ? response : { ...response, upgrade: (stream) => upgrade(throttled(stream, rate, host)) };
  };
  const leaves = (request: HttpRequest): boolean => policy.goawayChance > 0 && request.httpVersion === '2' && host.random.float() < policy.goawayChance;
  return async (request) => {
    if (isOwn(request)) return handler(request);
    const origin = header(request.headers, 'origin') ?? '';
    const cors: Readonly<Record<string, string>> | undefined = origin !== '' && policy.isOriginAllowed(origin) ? { 'access-control-allow-origin': origin, ...corsHeaders } : undefined;
    if (cors !== undefined && request.method === 'OPTIONS') return { status: 204, headers: { ...always, ...cors } };
    const refused = policy.sendRetryAfter && isClosing() ? shuttingDown(request) : undefined;
    const response = limited(refused ?? await handler(request));
    const leaving = leaves(request);
    if (security === '' && cors === undefined && !leaving) return response;
    return withHeaders(response, { ...always, ...cors, ...(leaving ? { connection: 'close' } : {}) });
  };
}
