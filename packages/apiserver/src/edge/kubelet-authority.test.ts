import { fromUtf8, silentLogger, utf8, type Host, type HttpRequest, type Listener } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createSpdyCodec } from '@coxswain/streaming/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { httpRequest } from '../testing/test-server.ts';
import { testAuthority } from './testing/certificates.ts';

/** The node's address becomes loopback on the way out; TLS is as it is. */
const real = createRealHost(silentLogger);
const host: Host = {
  ...real,
  network: new Proxy(real.network, {
    get: (target, name) => name === 'fetch'
      ? (request: Parameters<Host['network']['fetch']>[0]) => target.fetch({ ...request, url: request.url.replace('192.0.2.10', '127.0.0.1') })
      : Reflect.get(target, name).bind(target),
  }),
};

const seen: HttpRequest[] = [];
const listeners: Listener[] = [];
let cluster: TestCluster;

async function kubelet(caPem: string, pair: { readonly certPem: string; readonly keyPem: string }): Promise<Listener> {
  const listener = await real.network.serveHttp({ address: '127.0.0.1', port: 0, tls: { ...pair, clientCaPem: caPem, clientCertificate: 'request' } }, (request) => {
    seen.push(request);
    return Promise.resolve({ status: 200, headers: {}, body: utf8('from the kubelet') });
  });
  listeners.push(listener);
  return listener;
}

async function node(name: string, port: number): Promise<void> {
  await cluster.call('POST', '/api/v1/nodes', { body: { metadata: { name } } });
  const body = { status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }], daemonEndpoints: { kubeletEndpoint: { Port: port } } } };
  expect((await cluster.call('PATCH', `/api/v1/nodes/${name}/status`, { body, headers: { 'content-type': 'application/merge-patch+json' } })).status).toBe(200);
  expect((await cluster.call('POST', '/api/v1/namespaces/default/pods', { body: { metadata: { name: `on-${name}` }, spec: { nodeName: name, containers: [{ name: 'c', image: 'i' }] } } })).status).toBe(201);
}

beforeAll(async () => {
  const [own, other] = [await testAuthority('own'), await testAuthority('other')];
  const client = await own.issue({ commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'] });
  cluster = await startTestCluster([{ spdyHeaderCodec: createSpdyCodec, kubeletTls: () => ({ caPem: own.caPem, ...client }) }], host);
  await cluster.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'default' } } });
  await node('trusted', (await kubelet(own.caPem, await own.issue({ commonName: 'system:node:trusted', addresses: ['127.0.0.1'] }))).port);
  await node('foreign', (await kubelet(own.caPem, await other.issue({ commonName: 'system:node:foreign', addresses: ['127.0.0.1'] }))).port);
  await node('misnamed', (await kubelet(own.caPem, await own.issue({ commonName: 'system:node:misnamed', addresses: ['127.0.0.2'] }))).port);
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all(listeners.map((listener) => listener.close()));
});

async function ask(name: string, way: 'log' | 'exec' | 'proxy'): Promise<{ status: number | undefined; text: string }> {
  if (way === 'log') return cluster.call('GET', `/api/v1/namespaces/default/pods/on-${name}/log`);
  if (way === 'proxy') return cluster.call('GET', `/api/v1/nodes/${name}/proxy/pods`);
  const request = httpRequest({
    method: 'GET', target: `/api/v1/namespaces/default/pods/on-${name}/exec?command=ls&stdout=true`,
    headers: { authorization: 'Bearer tok', upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': 'v5.channel.k8s.io' },
  });
  const response = await cluster.servers[0]?.handle({ ...request, upgradeRequested: true });
  return { status: response?.status, text: response?.body instanceof Uint8Array ? fromUtf8(response.body) : '' };
}

test('3: the kubelet is shown who asks, by a certificate', async () => {
  expect((await ask('trusted', 'log')).text).toBe('from the kubelet');
  expect(seen.at(-1)?.peer.certificate).toMatchObject({ commonName: 'kube-apiserver-kubelet-client' });
  expect((await ask('trusted', 'proxy')).text).toBe('from the kubelet');
});

test.each(['foreign', 'misnamed'].flatMap((name) => (['log', 'exec', 'proxy'] as const).map((way) => [name, way] as const)))('3: a kubelet whose certificate is %s is told nothing (%s)', async (name, way) => {
  const before = seen.length;
  expect([500, 503]).toContain((await ask(name, way)).status);
  expect(seen.length).toBe(before);
});
