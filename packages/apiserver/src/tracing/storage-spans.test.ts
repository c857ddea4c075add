import { silentLogger, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { readFields } from '../encryption/wire.ts';
import { startTestServer } from '../testing/test-server.ts';

interface Told { readonly name: string; readonly kind: number; readonly id: string; readonly parent: string; readonly attributes: Readonly<Record<string, string | number>> }

function spansOf(request: Uint8Array): Told[] {
  return readFields(readFields(readFields(request).bytes(1)).bytes(2)).all(2).map(readFields).map((span) => ({
    name: span.text(5), kind: span.number(6), id: span.bytes(2).toHex(), parent: span.bytes(4).toHex(),
    attributes: Object.fromEntries(span.all(9).map(readFields).map((pair) => {
      const value = readFields(pair.bytes(2));
      return [pair.text(1), value.number(3) === 0 ? value.text(1) : value.number(3)];
    })),
  }));
}

/** Spans of the requests that were made since, once `count` of requests are there. */
async function tracedServer(): Promise<{ server: Awaited<ReturnType<typeof startTestServer>>; storageSpans: (target: string) => Promise<Told[]> }> {
  const real = createRealHost(silentLogger);
  const host: Host = { ...real, timers: { ...real.timers, after: real.timers.after.bind(real.timers), sleep: (ms, signal) => real.timers.sleep(ms === 5000 ? 10 : ms, signal) } };
  const told: Told[] = [];
  const server = await startTestServer(undefined, host, { keyRoot: '/another/root', tracing: { samplingRatePerMillion: 1_000_000, resource: {}, close: () => {}, export: (request) => { for (const span of spansOf(request)) told.push(span); return Promise.resolve(); } } });
  const storageSpans = async (name: string): Promise<Told[]> => {
    await expect.poll(() => told.some((span) => span.kind === 2 && span.name === name)).toBe(true);
    const request = told.findLast((span) => span.name === name) as Told;
    return told.filter(({ parent, name: own }) => parent === request.id && /etcd/.test(own));
  };
  return { server, storageSpans };
}

const base = '/api/v1/namespaces/default/configmaps';

test('calls of the store are spans below that of their request, as upstream names and describes them', async () => {
  const { server, storageSpans } = await tracedServer();
  const headers = { 'audit-id': 'one' };
  const stored = { 'audit-id': 'one', key: '/configmaps/default/a', type: '*core.ConfigMap', resource: 'configmaps' };
  await server.call({ method: 'POST', target: base, headers, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } } });
  expect(await storageSpans('POST /configmaps')).toEqual([expect.objectContaining({ name: 'Create etcd3', kind: 1, attributes: stored })]);
  await server.call({ method: 'PATCH', target: `${base}/a`, headers: { ...headers, 'content-type': 'application/merge-patch+json' }, body: { data: { k: 'v' } } });
  const patched = await storageSpans('PATCH /configmaps');
  expect(patched.filter(({ kind }) => kind === 1)).toEqual([expect.objectContaining({ name: 'GuaranteedUpdate etcd3', attributes: stored })]);
  await server.call({ method: 'GET', target: `${base}?limit=1`, headers });
  expect(await storageSpans('GET /configmaps')).toEqual([expect.objectContaining({
    name: 'List(recursive=true) etcd3', kind: 1, attributes: { 'audit-id': 'one', key: '/configmaps/default', resourceVersion: '', resourceVersionMatch: '', limit: 1, continue: '' },
  })]);
  await server.call({ method: 'DELETE', target: `${base}/a`, headers });
  const deleted = await storageSpans('DELETE /configmaps');
  expect(deleted.at(-1)).toMatchObject({ name: 'etcdserverpb.KV/Txn', kind: 3, attributes: { 'rpc.system': 'grpc', 'rpc.service': 'etcdserverpb.KV', 'rpc.method': 'Txn' } });
  await server.call({ method: 'GET', target: '/api/v1/namespaces/default', headers });
  expect(await storageSpans('GET /namespaces')).toEqual([expect.objectContaining({ name: 'etcdserverpb.KV/Range', kind: 3 })]);
  await server.stop();
});

test('resources of groups are named with them', async () => {
  const { server, storageSpans } = await tracedServer();
  await server.call({ method: 'POST', target: '/apis/coordination.k8s.io/v1/namespaces/default/leases', body: { metadata: { name: 'a' } } });
  expect((await storageSpans('POST /leases'))[0]?.attributes).toMatchObject({ key: '/leases/default/a', type: '*coordination.Lease', resource: 'leases.coordination.k8s.io' });
  await server.stop();
});
