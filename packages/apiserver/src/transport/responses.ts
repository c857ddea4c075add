import { stringifyAny } from '@coxswain/api';
import { utf8, type HttpResponse } from '@coxswain/host';

/** JSON as Go's encoder ends it: with a newline. */
export function jsonResponse(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: utf8(`${stringifyAny(value)}\n`) };
}

/** Documents that upstream writes for people to read. */
export function readableResponse(status: number, value: unknown): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify(value, undefined, 2)) };
}

export function textResponse(status: number, text: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers }, body: utf8(text) };
}

/** What Go's mux says of a path that nobody serves. */
export function pageNotFound(): HttpResponse {
  return textResponse(404, '404 page not found\n');
}

/** What is said where no Status can be. */
export function internalServerError(target: string, why: string): HttpResponse {
  return textResponse(500, `Internal Server Error: ${JSON.stringify(target)}: ${why}\n`);
}

export function tooManyRequests(retryAfterSeconds: number): HttpResponse {
  return textResponse(429, 'Too many requests, please try again later.\n', { 'retry-after': String(retryAfterSeconds) });
}
