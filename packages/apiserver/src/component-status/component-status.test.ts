import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRealHost } from '@coxswain/host/edge';
import { NetworkError, silentLogger, utf8, type Host, type IncomingResponse } from '@coxswain/host';
import { adminToken } from '../testing/parts-config.ts';
import { startTestServer, type TestAnswer, type TestServer } from '../testing/test-server.ts';

/** On this machine the scheduler is well, and there are no controllers. */
function answerOf(url: string): Promise<IncomingResponse> {
  if (!url.startsWith('https://127.0.0.1:10259/')) return Promise.reject(new NetworkError('refused', 'refused'));
  return Promise.resolve({ status: 200, headers: {}, body: body(), trailers: Promise.resolve({}) });
}

async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
  yield utf8('ok');
}

let server: TestServer;
beforeAll(async () => {
  const real = createRealHost(silentLogger);
  const host: Host = { ...real, network: { ...real.network, fetch: ({ url }) => answerOf(url) } };
  server = await startTestServer({}, host);
});
afterAll(() => server.stop());

function get(target: string, accept = 'application/json'): Promise<TestAnswer> {
  return server.call({ method: 'GET', target: `/api/v1/componentstatuses${target}`, headers: { authorization: `Bearer ${adminToken}`, accept } });
}

const refused = 'Get "https://127.0.0.1:10257/healthz": dial tcp 127.0.0.1:10257: connect: connection refused';

// What kube-apiserver 1.32.2 answers, in its words.
it('components are asked how they are', async () => {
  const { json, warning } = await get('');
  expect(warning).toBe('299 - "v1 ComponentStatus is deprecated in v1.19+"');
  const healthy = (name: string, status: string, message: string): object => ({ metadata: { name, creationTimestamp: null }, conditions: [{ type: 'Healthy', status, message }] });
  expect(json).toEqual({
    kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {},
    items: [healthy('scheduler', 'True', 'ok'), healthy('controller-manager', 'False', refused), healthy('etcd-0', 'True', 'ok')],
  });
});

it('one of them', async () => {
  expect((await get('/etcd-0')).json).toEqual({ kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name: 'etcd-0', creationTimestamp: null }, conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] });
  expect((await get('?fieldSelector=metadata.name%3Dscheduler')).json['items']).toHaveLength(1);
  const none = await get('/nope');
  expect([none.status, none.json['message'], none.warning]).toEqual([500, 'Component not found: nope', '299 - "v1 ComponentStatus is deprecated in v1.19+"']);
});

it('nobody watches them', async () => {
  expect((await get('?watch=1')).json).toMatchObject({ code: 405, message: 'watch is not supported on resources of kind "componentstatuses"', details: { kind: 'componentstatuses' } });
});

it('as a table', async () => {
  const { json } = await get('', 'application/json;as=Table;g=meta.k8s.io;v=v1');
  expect(json['metadata']).toEqual({});
  expect((json['rows'] as { cells: unknown[] }[]).map(({ cells }) => cells)).toEqual([['scheduler', 'Healthy', 'ok', ''], ['controller-manager', 'Unhealthy', refused, ''], ['etcd-0', 'Healthy', 'ok', '']]);
});
