import { createLocalStore } from '@coxswain/etcd-lite';
import { fromUtf8, readAll, silentLogger, utf8, type ByteStream, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createMetrics } from '@coxswain/service/edge';
import { expect, test } from 'vitest';
import type { ApiServerConfig } from '../config.ts';
import { createApiServer } from '../server.ts';
import { adminToken, testPartsConfig } from '../testing/parts-config.ts';
import { answerOf, httpRequest, permissiveParts, startTestServer } from '../testing/test-server.ts';
import type { AdmissionAttributes, PostStartHook } from '../types.ts';
import { withoutMetrics } from './disabled-metrics.ts';
import { throttled } from './throttle.ts';

const real = createRealHost(silentLogger);

test('a connection passes so many bytes a second, each way for itself', async () => {
  let nowMs = 0;
  const slept: number[] = [];
  const host = { clock: { nowMs: () => nowMs, monotonicMs: () => nowMs }, timers: { ...real.timers, sleep: (ms: number) => { slept.push(ms); nowMs += ms; return Promise.resolve(); } } };
  const written: number[] = [];
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    yield new Uint8Array(500);
    yield new Uint8Array(1500);
  }
  const inner: ByteStream = { readable: chunks(), peer: { address: '' }, write: (data) => { written.push(data.length); return Promise.resolve(); }, end: () => Promise.resolve(), destroy: () => undefined };
  const stream = throttled(inner, 1000, host);
  await readAll(stream.readable);
  expect([slept, nowMs]).toEqual([[500, 1500], 2000]);
  await stream.write(new Uint8Array(2000));
  expect([written, nowMs], 'what came in does not count for what goes out').toEqual([[2000], 4000]);
});

test('a metric that is switched off is not shown', async () => {
  const metrics = withoutMetrics(createMetrics(), new Set(['a_total']));
  metrics.counter('a_total', 'A.').inc();
  metrics.counter('b_total', 'B.').inc();
  const text = await metrics.render();
  expect([text.includes('a_total'), text.includes('b_total 1'), text.includes('disabled_metrics_total 1')]).toEqual([false, true, true]);
});

test('a server that is still starting is alive for the time of grace, but not ready', async () => {
  let nowMs = 0;
  const host: Host = { ...real, clock: { nowMs: () => real.clock.nowMs(), monotonicMs: () => nowMs } };
  let finish = (): void => {};
  const hook: PostStartHook = { name: 'slow', run: () => new Promise<void>((resolve) => { finish = resolve; }) };
  const store = createLocalStore(real);
  const server = await createApiServer({ store, parts: testPartsConfig(), livezGraceMs: 1000, compactionIntervalMs: 0 }, host, { assemble: () => ({ ...permissiveParts, postStartHooks: [hook] }) });
  const started = server.start();
  const status = async (target: string): Promise<number> => (await answerOf(await server.handle(httpRequest({ method: 'GET', target })))).status;
  expect([await status('/livez/poststarthook/slow'), await status('/readyz/poststarthook/slow')]).toEqual([200, 500]);
  nowMs = 1000;
  expect(await status('/livez/poststarthook/slow')).toBe(500);
  finish();
  await started;
  expect([await status('/livez'), await status('/livez/poststarthook/slow')]).toEqual([200, 200]);
  await server.stop();
  await store.close();
});

test('watches are ended one by one before the server stops', async () => {
  const slept: number[] = [];
  let shorten = false;
  const host: Host = { ...real, timers: { ...real.timers, sleep: (ms, signal) => { if (!shorten) return real.timers.sleep(ms, signal); slept.push(ms); return Promise.resolve(); } } };
  const server = await startTestServer({ assemble: () => permissiveParts }, host);
  const { metadata } = (await server.call({ method: 'GET', target: '/api/v1/pods' })).json as { metadata: { resourceVersion: string } };
  const watches: Promise<Uint8Array>[] = [];
  for (let at = 0; at < 4; at += 1) {
    const { body } = await server.server.handle(httpRequest({ method: 'GET', target: `/api/v1/pods?watch=1&resourceVersion=${metadata.resourceVersion}` }));
    watches.push(readAll(body as AsyncIterable<Uint8Array>));
  }
  shorten = true;
  await server.server.endWatches(400);
  expect(slept).toEqual([100, 100, 100]);
  expect((await Promise.all(watches)).map(fromUtf8)).toEqual(['', '', '', '']);
  await server.stop();
});

async function deletedAtOnce(workers: number): Promise<number> {
  let [now, most] = [0, 0];
  const validate = async ({ operation }: AdmissionAttributes): Promise<void> => {
    if (operation !== 'DELETE') return;
    now += 1;
    most = Math.max(most, now);
    await real.timers.sleep(5);
    now -= 1;
  };
  const server = await startTestServer({ assemble: () => ({ ...permissiveParts, admission: { admit: () => Promise.resolve(), validate } }) }, real, { deleteCollectionWorkers: workers });
  for (let at = 0; at < 6; at += 1) await server.call({ method: 'POST', target: '/api/v1/namespaces/default/configmaps', body: { metadata: { name: `c${at}` } } });
  expect((await server.call({ method: 'DELETE', target: '/api/v1/namespaces/default/configmaps' })).status).toBe(200);
  expect((await server.call({ method: 'GET', target: '/api/v1/namespaces/default/configmaps' })).json['items']).toEqual([]);
  await server.stop();
  return most;
}

test('a collection is deleted by as many workers as there are', async () => {
  expect([await deletedAtOnce(1), await deletedAtOnce(3)]).toEqual([1, 3]);
});

test('names and ports that clients are told, the service with a node port, and keys below another root', async () => {
  const store = createLocalStore(real);
  const config: Partial<ApiServerConfig> = { parts: testPartsConfig({ externalHostname: 'api.example', kubernetesServiceNodePort: 30_443, reconcileEndpoints: false, onlyAdmissionPlugins: ['NamespaceLifecycle'] }), keyRoot: '/elsewhere' };
  const server = await createApiServer({ store, parts: testPartsConfig(), ...config }, real);
  await server.start();
  const get = async (target: string): Promise<Record<string, unknown>> => (await answerOf(await server.handle(httpRequest({ method: 'GET', target, headers: { authorization: `Bearer ${adminToken}` } })))).json;
  expect((await get('/api'))['serverAddressByClientCIDRs']).toEqual([{ clientCIDR: '0.0.0.0/0', serverAddress: 'api.example:6443' }]);
  expect((await get('/.well-known/openid-configuration'))['jwks_uri']).toBe('https://api.example:6443/openid/v1/jwks');
  expect(await get('/api/v1/namespaces/default/services/kubernetes')).toMatchObject({ spec: { type: 'NodePort', ports: [{ port: 443, nodePort: 30_443 }] } });
  expect(await get('/api/v1/namespaces/default/endpoints/kubernetes'), 'somebody else keeps them').toMatchObject({ code: 404 });
  const keys = (await store.range({ key: utf8('/'), rangeEnd: utf8('0'), keysOnly: true })).kvs.map((kv) => fromUtf8(kv.key));
  expect(keys.filter((key) => !key.startsWith('/elsewhere/'))).toEqual([]);
  expect(keys).toContain('/elsewhere/ranges/serviceips');
  await server.stop();
  await store.close();
});
