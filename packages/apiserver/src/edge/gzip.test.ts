import { gunzipSync, gzipSync } from 'node:zlib';
import { fromUtf8, readAll, type HttpResponse } from '@coxswain/host';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { httpRequest, startTestServer, type TestServer } from '../testing/test-server.ts';
import { gzip } from './gzip.ts';

const path = '/api/v1/namespaces/default/configmaps';
const filler = 'abcdefghij'.repeat(20_000);
let server: TestServer;

async function get(target: string, headers: Readonly<Record<string, string>>): Promise<HttpResponse> {
  return server.server.handle(httpRequest({ method: 'GET', target, headers }));
}

async function bytesOf({ body }: HttpResponse): Promise<Uint8Array> {
  return body === undefined || body instanceof Uint8Array ? body ?? new Uint8Array() : readAll(body);
}

beforeAll(async () => {
  server = await startTestServer(undefined, undefined, { gzip });
  for (const name of ['big-1', 'big-2', 'big-3']) await server.call({ method: 'POST', target: path, body: { metadata: { name }, data: { filler } } });
  await server.call({ method: 'POST', target: path, body: { metadata: { name: 'small' } } });
});
afterAll(() => server.stop());

test.each([['an object', `${path}/big-1`, 'application/json'], ['a list in pieces', path, 'application/json'], ['a list as protobuf', path, 'application/vnd.kubernetes.protobuf'], ['YAML', `${path}/big-2`, 'application/yaml']])('%s of more than 128 KiB is compressed for who takes gzip', async (_what, target, accept) => {
  const plain = await get(target, { accept });
  expect(plain.headers['content-encoding']).toBeUndefined();
  const answer = await get(target, { accept, 'accept-encoding': 'deflate, gzip' });
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', vary: ['Accept-Encoding'], 'content-type': accept });
  const zipped = await bytesOf(answer);
  expect(zipped.length).toBeLessThan(50_000);
  expect(gunzipSync(zipped).equals(await bytesOf(plain))).toBe(true);
});

test.each([
  ['smaller', `${path}/small`, { 'accept-encoding': 'gzip' }], ['not asked for by the bare word', path, { 'accept-encoding': 'gzip;q=0.5, br' }],
  ['a watch', `${path}?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`, { 'accept-encoding': 'gzip' }],
])('not what is %s', async (_what, target, headers) => {
  const answer = await get(target, headers);
  expect(answer.headers['content-encoding']).toBeUndefined();
  expect(fromUtf8((await bytesOf(answer)).subarray(0, 1))).toBe('{');
});

test('a reader that goes away ends the list', async () => {
  let stopped = false;
  async function* endless(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) yield crypto.getRandomValues(new Uint8Array(60_000));
    } finally {
      stopped = true;
    }
  }
  for await (const piece of gzip(endless())) {
    expect(piece.length).toBeGreaterThan(0);
    break;
  }
  await expect.poll(() => stopped).toBe(true);
});

test('a list that breaks breaks for its reader', async () => {
  async function* broken(): AsyncGenerator<Uint8Array, void, undefined> {
    yield new Uint8Array(1000);
    throw new Error('the store is gone');
  }
  await expect(readAll(gzip(broken()))).rejects.toThrow('the store is gone');
});

test('compressed bodies of requests are not understood, as upstream does not', async () => {
  const raw = gzipSync('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"zipped"}}');
  const answer = await server.call({ method: 'POST', target: path, raw, headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' } });
  expect(answer.status).toBe(400);
  expect(answer.json['message']).toMatch(/^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: invalid character '\\x1f' looking for beginning of value \(1f8b08/);
});
