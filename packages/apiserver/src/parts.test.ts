import { createLocalStore } from '@coxswain/etcd-lite';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApiServer, type ApiServer } from './server.ts';
import { adminToken, testPartsConfig } from './testing/parts-config.ts';
import { answerOf, httpRequest, type TestAnswer } from './testing/test-server.ts';

const host = createRealHost(silentLogger);
const store = createLocalStore(host);
let server: ApiServer;

beforeAll(async () => {
  server = await createApiServer({ store, parts: testPartsConfig() }, host);
  await server.start();
});
afterAll(async () => {
  await server.stop();
  await store.close();
});

async function call(method: string, target: string, body?: unknown, token = adminToken, headers: Record<string, string> = {}): Promise<TestAnswer> {
  return answerOf(await server.handle(httpRequest({ method, target, body, headers: { authorization: `Bearer ${token}`, ...headers } })));
}

type Object_ = Record<string, any>;

test('a new cluster has its namespaces, roles, classes, flow control and the kubernetes service', async () => {
  for (const [target, names] of Object.entries({
    '/api/v1/namespaces': ['default', 'kube-system', 'kube-public', 'kube-node-lease'],
    '/apis/rbac.authorization.k8s.io/v1/clusterroles': ['cluster-admin', 'system:node', 'view', 'system:controller:job-controller'],
    '/apis/scheduling.k8s.io/v1/priorityclasses': ['system-cluster-critical', 'system-node-critical'],
    '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas': ['exempt', 'catch-all', 'system-nodes'],
  })) {
    const list = (await call('GET', target)).json as Object_;
    const have = list['items'].map((item: Object_) => item['metadata'].name);
    for (const name of names) expect(have, target).toContain(name);
  }
  const service = (await call('GET', '/api/v1/namespaces/default/services/kubernetes')).json as Object_;
  expect(service['spec'].clusterIP).toBe('10.96.0.1');
  const endpoints = (await call('GET', '/api/v1/namespaces/default/endpoints/kubernetes')).json as Object_;
  expect(endpoints['subsets']).toEqual([{ addresses: [{ ip: '192.0.2.1' }], ports: [{ name: 'https', port: 6443, protocol: 'TCP' }] }]);
  expect((await call('GET', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes')).status).toBe(200);
  expect((await call('GET', '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication')).status).toBe(200);
});
