import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fromUtf8, utf8 } from '../bytes.ts';
import { silentLogger } from '../log.ts';
import type { IncomingResponse, Listener } from '../network.ts';
import { HttpClient } from './http-client.ts';
import { createRealNetwork } from './network.ts';
import { Pool } from './pool.ts';

const network = createRealNetwork(silentLogger);
const open: Listener[] = [];
beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }); });
afterEach(async () => {
  vi.useRealTimers();
  for (const listener of open.splice(0)) await listener.close();
});

interface Thing { destroyed: boolean; destroy(): void }

function thing(): Thing {
  const made: Thing = { destroyed: false, destroy: () => { made.destroyed = true; } };
  return made;
}

test('the least recently used of too many goes; what is in use stays, and goes when it has rested long enough', () => {
  const pool = new Pool<Thing>({ maxIdle: 2, idleMs: 1000 });
  const used = pool.hold('used', thing);
  const [a, b, c] = ['a', 'b', 'c'].map((key) => pool.hold(key, thing));
  for (const one of [a, b, c]) one?.release();
  expect([used, a, b, c].map((one) => one?.value.destroyed)).toEqual([false, true, false, false]);
  // One release too many is none.
  a?.release();
  expect(pool.hold('b', thing).value).toBe(b?.value);
  vi.advanceTimersByTime(2000);
  expect([used, b, c].map((one) => one?.value.destroyed)).toEqual([false, false, true]);
  used.release();
  vi.advanceTimersByTime(2000);
  expect([used.value.destroyed, pool.size]).toEqual([true, 1]);
});

/** `go`: ends what `/long` answers. */
async function serve(httpVersion: '1.1' | '2'): Promise<{ readonly url: string; readonly go: (text: string) => void }> {
  let go: (text: string) => void = () => {};
  const listener = await network.serveHttp({ address: '127.0.0.1', port: 0 }, (request) => {
    if (request.target === '/short') return Promise.resolve({ status: 200, headers: { 'x-version': httpVersion }, body: utf8('short') });
    return Promise.resolve({ status: 200, headers: {}, body: (async function* () {
      yield utf8('begin');
      yield utf8(await new Promise<string>((resolve) => { go = resolve; }));
    })() });
  });
  open.push(listener);
  return { url: `http://127.0.0.1:${listener.port}`, go: (text) => go(text) };
}

async function textOf(response: IncomingResponse): Promise<string> {
  let text = '';
  for await (const chunk of response.body) text += fromUtf8(chunk);
  return text;
}

for (const httpVersion of ['1.1', '2'] as const) {
  test(`HTTP/${httpVersion}: an origin is forgotten when it has rested, not while something still comes from it`, async () => {
    vi.useRealTimers();
    const client = new HttpClient({ maxIdle: 1, idleMs: 20 });
    const [long, one, two] = [await serve(httpVersion), await serve(httpVersion), await serve(httpVersion)];
    const running = await client.fetch({ url: `${long.url}/long`, method: 'GET', httpVersion });
    for (const { url } of [one, two, one, two]) expect(await textOf(await client.fetch({ url: `${url}/short`, method: 'GET', httpVersion }))).toBe('short');
    await expect.poll(() => client.origins).toBe(1);
    long.go(' end');
    expect(await textOf(running)).toBe('begin end');
    await expect.poll(() => client.origins).toBe(0);
    // Who is forgotten is asked anew.
    expect(await textOf(await client.fetch({ url: `${one.url}/short`, method: 'GET', httpVersion }))).toBe('short');
  });
}

test('a request that fails, or is given up while its connection is made, holds nothing', async () => {
  vi.useRealTimers();
  const client = new HttpClient({ maxIdle: 1, idleMs: 20 });
  for (const httpVersion of ['1.1', '2'] as const) await expect(client.fetch({ url: 'http://127.0.0.1:1/', method: 'GET', httpVersion })).rejects.toThrow();
  await expect(client.fetch({ url: 'http://127.0.0.1:1/', method: 'GET', httpVersion: '2', signal: AbortSignal.abort() })).rejects.toThrow();
  await expect.poll(() => client.origins).toBe(0);
});
