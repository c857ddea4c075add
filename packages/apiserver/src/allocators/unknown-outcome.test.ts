import { createLocalStore } from '@coxswain/etcd-lite';
import { EtcdError, type EtcdClient } from '@coxswain/etcd-lite/client';
import { fromUtf8, silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { createApiServer } from '../server.ts';
import { adminToken, testPartsConfig } from '../testing/parts-config.ts';
import { answerOf, httpRequest, type TestAnswer } from '../testing/test-server.ts';

const host = createRealHost(silentLogger);

/** Its leader dies with every write of a service that is not answered any more, but done. */
function withDyingLeaders(store: EtcdClient, state: { dying: boolean }): EtcdClient {
  return new Proxy(store, {
    get: (target, name) => {
      const unknown = new EtcdError(14, 'etcdserver: leader changed', { outcomeUnknown: true });
      const isService = (key: Uint8Array): boolean => fromUtf8(key).startsWith('/registry/services/specs/');
      // Nor can be found out what became of it.
      if (name === 'range') return (options: Parameters<EtcdClient['range']>[0]) => (state.dying && isService(options.key) ? Promise.reject(unknown) : target.range(options));
      if (name !== 'txn') return (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target);
      return async (options: Parameters<EtcdClient['txn']>[0]) => {
        const result = await target.txn(options);
        const [first] = options.success;
        if (state.dying && first?.type === 'put' && isService(first.key)) throw unknown;
        return result;
      };
    },
  });
}

test('an address is not given to a second service when it is unknown whether the first one was stored', async () => {
  const store = createLocalStore(host);
  const state = { dying: false };
  const server = await createApiServer({ store: withDyingLeaders(store, state), parts: testPartsConfig(), compactionIntervalMs: 0 }, host);
  await server.start();
  const path = '/api/v1/namespaces/default/services';
  const call = async (method: string, target: string, body?: unknown): Promise<TestAnswer> =>
    answerOf(await server.handle(httpRequest({ method, target, body, headers: { authorization: `Bearer ${adminToken}` } })));
  state.dying = true;
  const unknown = await call('POST', path, { metadata: { name: 'first' }, spec: { ports: [{ port: 80 }] } });
  expect(unknown.status, unknown.text).toBeGreaterThanOrEqual(500);
  state.dying = false;
  const first = await call('GET', `${path}/first`);
  const { clusterIP } = first.json['spec'] as { clusterIP: string };
  const second = await call('POST', path, { metadata: { name: 'second' }, spec: { clusterIP, ports: [{ port: 80 }] } });
  expect(second.text).toContain('provided IP is already allocated');
  expect(second.status).toBe(422);
  await server.stop();
  await store.close();
});
