import { header, utf8, type HeaderMap, type HttpHandler, type HttpRequest, type HttpResponse } from '@coxswain/host';

export interface WebOptions {
  /** Origins that a browser's page may come from; `*` or nothing: all. */
  readonly cors: readonly string[];
  /** Names by which it may be called without TLS; `*` or nothing: all. */
  readonly hostWhitelist: readonly string[];
  /** `/v3/…`; undefined: there is none. */
  readonly gateway: HttpHandler | undefined;
  /** Everything else. */
  readonly side: HttpHandler;
}

function allows(list: readonly string[], value: string): boolean {
  return list.length === 0 || list.includes('*') || list.includes(value);
}

/** Without the port. */
function hostName(host: string): string {
  return /^(.*):\d+$/.exec(host)?.[1]?.replace(/^\[|\]$/g, '') ?? host;
}

function misdirected(host: string): HttpResponse {
  return {
    status: 421, headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: utf8(`\netcd received your request, but the Host header was unrecognized.\n\nEnable TLS, or allow the name with --host-whitelist ${JSON.stringify(host)}: this keeps pages of other sites out (DNS rebinding, CVE-2018-5702).\n`),
  };
}

function corsHeaders(options: WebOptions, request: HttpRequest): HeaderMap {
  const origin = header(request.headers, 'origin') ?? '';
  const allowed = allows(options.cors, '*') ? '*' : allows(options.cors, origin) ? origin : undefined;
  if (allowed === undefined || allowed === '') return {};
  return {
    'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE', 'access-control-allow-origin': allowed,
    'access-control-allow-headers': 'accept, content-type, authorization',
  };
}

/** What a client URL answers that is not gRPC. `secure`: over TLS. */
export function webHandler(options: WebOptions, secure: boolean): HttpHandler {
  return async (request) => {
    // HTTP/2 says :authority instead.
    const host = hostName(header(request.headers, 'host') ?? header(request.headers, ':authority') ?? '');
    if (!secure && host !== '' && !allows(options.hostWhitelist, host)) return misdirected(host);
    const cors = corsHeaders(options, request);
    if (request.method === 'OPTIONS') return { status: 200, headers: cors };
    const api = /^\/v3(?:beta)?\//.test(request.target);
    const answer = await (api && options.gateway !== undefined ? options.gateway : options.side)(request);
    return { ...answer, headers: { ...answer.headers, ...cors } };
  };
}

export const notFound: HttpHandler = () => Promise.resolve({ status: 404, headers: { 'content-type': 'text/plain' }, body: utf8('404 page not found\n') });
