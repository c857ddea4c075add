import { createLocalStore } from '@coxswain/etcd-lite';
import type { EtcdClient, WatchBatch } from '@coxswain/etcd-lite/client';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterEach, expect, test } from 'vitest';
import { createApiServer, type ApiServer } from '../server.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { answerOf, httpRequest, permissiveParts, type TestAnswer } from '../testing/test-server.ts';

const host = createRealHost(silentLogger);
const store = createLocalStore(host);
const servers: ApiServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  await store.close();
});

/** What a server behind a partition sees: it reads and writes, but no watch tells it anything more. */
function deaf(): EtcdClient {
  async function* silence(signal: AbortSignal): AsyncGenerator<WatchBatch, void, undefined> {
    await new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); });
    yield* [];
  }
  return {
    range: (options) => store.range(options), put: (options) => store.put(options), deleteRange: (options) => store.deleteRange(options), txn: (options) => store.txn(options),
    compact: (revision) => store.compact(revision), watch: ({ signal }) => silence(signal), requestProgress: () => Promise.resolve(), leaseGrant: (options) => store.leaseGrant(options),
    leaseRevoke: (id) => store.leaseRevoke(id), leaseKeepAlive: (id) => store.leaseKeepAlive(id), leaseTimeToLive: (id) => store.leaseTimeToLive(id), status: () => store.status(),
    memberList: () => store.memberList(), close: () => Promise.resolve(),
  };
}

async function serverOn(client: EtcdClient): Promise<(method: string, target: string, body?: unknown) => Promise<TestAnswer>> {
  const server = await createApiServer({ store: client, parts: testPartsConfig(), compactionIntervalMs: 0 }, host, { assemble: () => permissiveParts });
  servers.push(server);
  return async (method, target, body) => answerOf(await server.handle(httpRequest({ method, target, body, ...(method === 'PATCH' ? { headers: { 'content-type': 'application/merge-patch+json' } } : {}) })));
}

test('a change that would be none for a stale cache is written all the same', async () => {
  const fresh = await serverOn(store);
  const path = '/api/v1/namespaces/default/configmaps';
  await fresh('POST', path, { metadata: { name: 'a' }, data: { key: 'old' } });
  const stale = await serverOn(deaf());
  expect((await stale('GET', `${path}/a?resourceVersion=0`)).json).toMatchObject({ data: { key: 'old' } });
  const changed = await fresh('PATCH', `${path}/a`, { data: { key: 'new' } });
  const versionOf = (answer: TestAnswer): number => Number((answer.json['metadata'] as Record<string, string>)['resourceVersion']);
  const back = await stale('PATCH', `${path}/a`, { data: { key: 'old' } });
  expect(back.status).toBe(200);
  expect(versionOf(back)).toBeGreaterThan(versionOf(changed));
  expect((await fresh('GET', `${path}/a`)).json).toMatchObject({ data: { key: 'old' } });
});
