import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, httpRequest, type TestServer } from './testing/test-server.ts';
import { fromUtf8 } from '@coxswain/host';

let server: TestServer;
beforeAll(async () => { server = await startTestServer(); });
afterAll(() => server.stop());

const path = '/api/v1/namespaces/default/configmaps';
function configMap(name: string, data: Record<string, string>, labels: Record<string, string> = {}): unknown {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data };
}

test('create, get, list, update, patch, delete', async () => {
  const made = await server.call({ method: 'POST', target: path, body: configMap('a', { k: 'v' }) });
  expect(made.status, made.text).toBe(201);
  const got = await server.call({ method: 'GET', target: `${path}/a` });
  expect(got.json).toEqual(made.json);
  const list = await server.call({ method: 'GET', target: path });
  expect(list.json['kind']).toBe('ConfigMapList');
  expect((list.json['items'] as unknown[]).length).toBe(1);
  const put = await server.call({ method: 'PUT', target: `${path}/a`, body: configMap('a', { k: 'w' }) });
  expect(put.status, put.text).toBe(200);
  expect(put.json['data']).toEqual({ k: 'w' });
  const patched = await server.call({ method: 'PATCH', target: `${path}/a`, body: { data: { z: '1' } }, headers: { 'content-type': 'application/merge-patch+json' } });
  expect(patched.json['data']).toEqual({ k: 'w', z: '1' });
  const stale = await server.call({ method: 'PUT', target: `${path}/a`, body: { ...(got.json as object) } });
  expect(stale.status).toBe(409);
  const gone = await server.call({ method: 'DELETE', target: `${path}/a` });
  expect(gone.json['status']).toBe('Success');
  expect((await server.call({ method: 'GET', target: `${path}/a` })).status).toBe(404);
});

interface Event { readonly type: string; readonly object: { readonly metadata: { readonly name?: string; readonly resourceVersion: string } } }

async function* events(target: string, stop: AbortController): AsyncGenerator<Event> {
  const response = await server.server.handle(httpRequest({ method: 'GET', target, signal: stop.signal }));
  expect(response.status).toBe(200);
  let rest = '';
  for await (const part of response.body as AsyncIterable<Uint8Array>) {
    const lines = (rest + fromUtf8(part)).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) yield JSON.parse(line) as Event;
  }
}

test('a watch sees an object come into and leave its selection, from the version it names', async () => {
  const before = await server.call({ method: 'GET', target: path });
  const version = (before.json['metadata'] as Record<string, string>)['resourceVersion'];
  const stop = new AbortController();
  const watch = events(`${path}?watch=1&resourceVersion=${version}&labelSelector=on%3Dyes`, stop);
  await server.call({ method: 'POST', target: path, body: configMap('w', {}) });
  await server.call({ method: 'PUT', target: `${path}/w`, body: configMap('w', {}, { on: 'yes' }) });
  await server.call({ method: 'PUT', target: `${path}/w`, body: configMap('w', { a: 'b' }, { on: 'yes' }) });
  await server.call({ method: 'PUT', target: `${path}/w`, body: configMap('w', {}, { on: 'no' }) });
  const seen: string[] = [];
  const versions: number[] = [];
  for await (const event of watch) {
    seen.push(event.type);
    versions.push(Number(event.object.metadata.resourceVersion));
    if (seen.length === 3) break;
  }
  stop.abort();
  expect(seen).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
  expect(versions).toEqual([...versions].sort((a, b) => a - b));
});

test('initial events end with a marked bookmark', async () => {
  const stop = new AbortController();
  const watch = events('/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name%3Dw&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true', stop);
  const seen: Event[] = [];
  for await (const event of watch) {
    seen.push(event);
    if (event.type === 'BOOKMARK') break;
  }
  stop.abort();
  expect(seen.map((event) => event.type)).toEqual(['ADDED', 'BOOKMARK']);
});

test('lists in pieces are one consistent picture', async () => {
  for (const name of ['p1', 'p2', 'p3']) await server.call({ method: 'POST', target: '/api/v1/namespaces/pieces/configmaps', body: configMap(name, {}) });
  const first = await server.call({ method: 'GET', target: '/api/v1/namespaces/pieces/configmaps?limit=2' });
  const metadata = first.json['metadata'] as Record<string, string>;
  expect(metadata['remainingItemCount']).toBe(1);
  await server.call({ method: 'POST', target: '/api/v1/namespaces/pieces/configmaps', body: configMap('p4', {}) });
  const second = await server.call({ method: 'GET', target: `/api/v1/namespaces/pieces/configmaps?limit=2&continue=${metadata['continue']}` });
  expect((second.json['items'] as { metadata: { name: string } }[]).map((item) => item.metadata.name)).toEqual(['p3']);
  expect((second.json['metadata'] as Record<string, string>)['resourceVersion']).toBe(metadata['resourceVersion']);
});

test('finalizers hold an object until they are gone', async () => {
  const held = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', finalizers: ['example.com/hold'] } };
  await server.call({ method: 'POST', target: path, body: held });
  const marked = await server.call({ method: 'DELETE', target: `${path}/held` });
  expect((marked.json['metadata'] as Record<string, unknown>)['deletionTimestamp']).toBeDefined();
  const released = await server.call({ method: 'PATCH', target: `${path}/held`, body: { metadata: { finalizers: null } }, headers: { 'content-type': 'application/merge-patch+json' } });
  expect(released.status).toBe(200);
  expect((await server.call({ method: 'GET', target: `${path}/held` })).status).toBe(404);
});

test('health answers', async () => {
  expect((await server.call({ method: 'GET', target: '/readyz' })).text).toBe('ok');
  expect((await server.call({ method: 'GET', target: '/readyz/etcd' })).text).toBe('ok');
});
