import { utf8, type HttpResponse } from '@coxswain/host';

export function plain(status: number, text: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: utf8(text) };
}

export function json(value: unknown): HttpResponse {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify(value)) };
}
