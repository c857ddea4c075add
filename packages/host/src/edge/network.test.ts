import { afterEach, expect, test } from 'vitest';
import { fromUtf8, readAll, utf8 } from '../bytes.ts';
import { silentLogger } from '../log.ts';
import type { HttpHandler, HttpResponse, Listener } from '../network.ts';
import { createRealNetwork } from './network.ts';

const network = createRealNetwork(silentLogger);
const open: Listener[] = [];
afterEach(async () => { for (const listener of open.splice(0)) await listener.close(); });

async function serve(handler: HttpHandler): Promise<string> {
  const listener = await network.serveHttp({ address: '127.0.0.1', port: 0 }, handler);
  open.push(listener);
  return `http://127.0.0.1:${listener.port}`;
}

const echo: HttpHandler = async (request) => ({
  status: 201, headers: { 'x-target': request.target, 'x-version': request.httpVersion }, body: await readAll(request.body), trailers: () => ({ 'grpc-status': '0' }),
});

for (const httpVersion of ['1.1', '2'] as const) {
  test(`HTTP/${httpVersion} carries target, body and status`, async () => {
    const url = await serve(echo);
    const response = await network.fetch({ url: `${url}/a%2Fb?c=d`, method: 'POST', body: utf8('hello'), httpVersion });
    expect([response.status, response.headers['x-target'], response.headers['x-version']]).toEqual([201, '/a%2Fb?c=d', httpVersion]);
    expect(fromUtf8(await readAll(response.body))).toBe('hello');
    if (httpVersion === '2') expect(await response.trailers).toMatchObject({ 'grpc-status': '0' });
  });

  test(`HTTP/${httpVersion}: a header that was sent several times is a list, one with a comma is not`, async () => {
    let headers: unknown;
    const url = await serve((request) => { headers = request.headers; return Promise.resolve({ status: 200, headers: {} }); });
    await network.fetch({ url, method: 'GET', httpVersion, headers: { 'impersonate-group': ['a', 'CN=b, OU=c'], accept: 'text/plain, text/html' } });
    expect(headers).toMatchObject({ 'impersonate-group': ['a', 'CN=b, OU=c'], accept: 'text/plain, text/html' });
  });

  test(`HTTP/${httpVersion}: chunks arrive as they are sent, and stopping early tells the producer`, async () => {
    const stopped = Promise.withResolvers<string>();
    const url = await serve(async (request) => ({ status: 200, headers: {}, body: (async function* () {
      request.signal.addEventListener('abort', () => stopped.resolve('aborted'));
      yield utf8('one');
      await new Promise((resolve) => { request.signal.addEventListener('abort', resolve); });
    })() }));
    const response = await network.fetch({ url, method: 'GET', httpVersion });
    for await (const chunk of response.body) { expect(fromUtf8(chunk)).toBe('one'); break; }
    expect(await stopped.promise).toBe('aborted');
  });
}

test('an upgrade hands over the raw connection in both directions', async () => {
  const url = await serve(async (request) => ({ status: request.upgradeRequested ? 101 : 400, headers: { connection: 'Upgrade', upgrade: 'test' }, upgrade: (stream) => {
    void (async () => { for await (const chunk of stream.readable) await stream.write(chunk); await stream.end(); })();
  } }));
  const response = await network.fetch({ url, method: 'POST', headers: { upgrade: 'test' }, upgrade: true });
  const stream = response.upgraded;
  if (stream === undefined) throw new Error(`no upgrade, status ${response.status}`);
  await stream.write(utf8('ping'));
  await stream.end();
  expect(fromUtf8(await readAll(stream.readable))).toBe('ping');
});

test('a refused upgrade is an ordinary response', async () => {
  const url = await serve(async () => ({ status: 403, headers: {}, body: utf8('no') }));
  const response = await network.fetch({ url, method: 'POST', headers: { upgrade: 'test' }, upgrade: true });
  expect([response.status, fromUtf8(await readAll(response.body))]).toEqual([403, 'no']);
});

test('nobody listening is a NetworkError of kind refused', async () => {
  const listener = await network.serveHttp({ address: '127.0.0.1', port: 0 }, echo);
  await listener.close();
  await expect(network.fetch({ url: `http://127.0.0.1:${listener.port}/`, method: 'GET' })).rejects.toMatchObject({ kind: 'refused' });
});

test('an abort ends a running request', async () => {
  const url = await serve(() => new Promise(() => undefined));
  const abort = new AbortController();
  const running = network.fetch({ url, method: 'GET', httpVersion: '2', signal: abort.signal });
  abort.abort();
  await expect(running).rejects.toMatchObject({ kind: 'aborted' });
});

for (const httpVersion of ['1.1', '2'] as const) {
  test(`HTTP/${httpVersion}: a response that cannot be sent is 500 to its client and nothing to the others`, async () => {
    const stopped: string[] = [];
    const endless = (): AsyncIterable<Uint8Array> => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined), return: () => { stopped.push('told'); return Promise.resolve({ done: true, value: undefined }); } }) });
    const url = await serve(async (request): Promise<HttpResponse> => {
      if (request.target === '/good') return { status: 200, headers: {} };
      return { status: 200, headers: { 'bad name': '1' }, body: endless() };
    });
    expect((await network.fetch({ url: `${url}/bad`, method: 'GET', httpVersion })).status).toBe(500);
    expect((await network.fetch({ url: `${url}/good`, method: 'GET', httpVersion })).status).toBe(200);
    expect(stopped).toEqual(['told']);
  });
}

test('closing waits for requests that run, not for connections that ask nothing', async () => {
  const listener = await network.serveHttp({ address: '127.0.0.1', port: 0 }, echo);
  const url = `http://127.0.0.1:${listener.port}`;
  const silent = await network.dial('127.0.0.1', listener.port);
  for (const httpVersion of ['1.1', '2'] as const) await readAll((await network.fetch({ url, method: 'GET', httpVersion })).body);
  // Longer than the test may take.
  await listener.close(600_000);
  silent.destroy();
});

test('an abort does not wait for a connection that nobody answers', async () => {
  const silent = await network.serveStream({ address: '127.0.0.1', port: 0 }, () => undefined);
  open.push({ ...silent, updateTls: () => undefined });
  for (const url of [`https://127.0.0.1:${silent.port}/`, `http://127.0.0.1:${silent.port}/`]) {
    const abort = new AbortController();
    const asked = network.fetch({ url, method: 'GET', httpVersion: '2', signal: abort.signal });
    setTimeout(() => { abort.abort(); }, 20);
    await expect(asked, url).rejects.toMatchObject({ kind: 'aborted' });
  }
});
