import { silentLogger, type HttpResponse } from '@coxswain/host';
import { expect, test } from 'vitest';
import { serveHandler } from './handler.ts';
import type { Head } from './head.ts';
import type { Http2Stream } from './stream.ts';

test('a body that nobody will read is told so: its client left before there was an answer', async () => {
  const answered = Promise.withResolvers<HttpResponse>();
  const stream = { closed: false, handler: undefined, headers() {}, write: () => true, end() {}, reset() {}, consumed() {} } as unknown as Http2Stream;
  const head: Head = { method: 'GET', scheme: 'https', authority: 'a', path: '/', status: 0, headers: {}, contentLength: undefined };
  serveHandler(() => answered.promise, silentLogger)(stream, head, true, { address: 'x' });
  stream.handler?.reset(8);
  const told = Promise.withResolvers<string>();
  const never = new Promise<IteratorResult<Uint8Array>>(() => {});
  answered.resolve({ status: 200, headers: {}, body: { [Symbol.asyncIterator]: () => ({ next: () => never, return: () => { told.resolve('stopped'); return Promise.resolve({ done: true, value: undefined }); } }) } });
  expect(await Promise.race([told.promise, new Promise((resolve) => { setTimeout(() => { resolve('not told'); }, 500); })])).toBe('stopped');
});
