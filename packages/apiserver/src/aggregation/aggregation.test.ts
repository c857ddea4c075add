import { fromUtf8, readAll, silentLogger, utf8, type HttpRequest, type HttpResponse, type Listener } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { testAuthority, type TestAuthority, type TestKeyPair } from '../edge/testing/certificates.ts';
import { serveApiServer, type ServedApiServer } from '../edge/index.ts';
import { createLocalStore } from '@coxswain/etcd-lite';
import { noMetrics, queueMeters } from '@coxswain/service';
import { startTestCluster, type Loose, type TestCluster } from '../testing/cluster.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import type { JsonObject } from '@coxswain/api';
import { Aggregator, type AggregatorParts } from './aggregator.ts';
import type { CacheReader } from '../types.ts';

const host = createRealHost(silentLogger);
let cluster: TestCluster;
let serving: TestAuthority;
let frontProxy: TestAuthority;
let pair: TestKeyPair;
let extension: Listener | undefined;
let seen: HttpRequest[] = [];
let identity: { readonly certPem: string; readonly keyPem: string };
let openApi: { readonly etag: string; readonly document: unknown } | undefined;
let hasV3 = true;
let answer: (request: HttpRequest) => Promise<HttpResponse> | HttpResponse;

const group = 'wardle.example.com';
const json = (status: number, body: unknown): HttpResponse => ({ status, headers: { 'content-type': 'application/json' }, body: utf8(JSON.stringify(body)) });
const resourceList = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${group}/v1`, resources: [{ name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get'] }, { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] }] };

/** Believes only our front proxy, as upstream's sample server does. */
async function serveExtension(request: HttpRequest): Promise<HttpResponse> {
  seen.push(request);
  if (request.peer.certificate?.commonName !== 'front-proxy-client') return json(401, { kind: 'Status', code: 401 });
  if (request.target === `/apis/${group}/v1`) return json(200, resourceList);
  if (request.target === '/openapi/v2') {
    if (openApi === undefined) return json(404, {});
    return request.headers['if-none-match'] === openApi.etag ? { status: 304, headers: { etag: openApi.etag } } : { ...json(200, openApi.document), headers: { 'content-type': 'application/json', etag: openApi.etag } };
  }
  if (request.target === '/openapi/v3' && !hasV3) return json(404, {});
  if (request.target === '/openapi/v3') return json(200, { paths: { [`apis/${group}/v1`]: { serverRelativeURL: `/openapi/v3/apis/${group}/v1?hash=ABC` } } });
  if (request.target.startsWith('/openapi/v3/apis/')) return json(200, { openapi: '3.0.0', target: request.target });
  if (request.target === '/apis') return json(200, { kind: 'APIGroupList', groups: [] });
  return answer(request);
}

async function startExtension(port = 0): Promise<Listener> {
  return host.network.serveHttp({ address: '127.0.0.1', port, tls: { ...pair, clientCaPem: frontProxy.caPem, clientCertificate: 'request' } }, serveExtension);
}

function apiService(port: number, rest: object = {}): object {
  return { metadata: { name: `v1.${group}` }, spec: { group, version: 'v1', groupPriorityMinimum: 2000, versionPriority: 10, caBundle: serving.caBundle, service: { namespace: 'team', name: 'extension', port }, ...rest } };
}

type Condition = { readonly type: string; readonly status: string; readonly reason: string; readonly message: string };

/** Until the cache shows it. */
function until(name: string, accept: (condition: Condition | undefined, object: JsonObject | undefined) => boolean): Promise<Condition | undefined> {
  const { cache } = cluster.servers[0] as NonNullable<(typeof cluster.servers)[0]>;
  const look = (): readonly [Condition | undefined, JsonObject | undefined] => {
    const object = cache.get('apiregistration.k8s.io', 'apiservices', '', name);
    return [(object as unknown as { status?: { conditions?: Condition[] } } | undefined)?.status?.conditions?.[0], object];
  };
  return new Promise((resolve) => {
    const check = (): void => { if (accept(...look())) { stop(); resolve(look()[0]); } };
    const stop = cache.onChange('apiregistration.k8s.io', 'apiservices', check);
    check();
  });
}

const available = (): Promise<Condition | undefined> => until(`v1.${group}`, (condition) => condition?.status === 'True');
const path = `/apis/${group}/v1/namespaces/team/flunders`;

beforeAll(async () => {
  serving = await testAuthority('serving');
  frontProxy = await testAuthority('front-proxy');
  pair = await serving.issue({ commonName: 'extension', dnsNames: ['extension.team.svc'] });
  identity = await frontProxy.issue({ commonName: 'front-proxy-client' });
  cluster = await startTestCluster([{}], host, { proxyClient: () => identity });
  await cluster.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'team' } } });
  await cluster.call('POST', '/api/v1/namespaces/team/services', { body: { metadata: { name: 'extension' }, spec: { type: 'ExternalName', externalName: '127.0.0.1' } } });
  extension = await startExtension();
  await cluster.call('POST', '/apis/apiregistration.k8s.io/v1/apiservices', { body: apiService(extension.port) });
});
beforeEach(() => { seen = []; answer = () => json(200, { kind: 'Flunder' }); });
afterAll(async () => { await cluster.stop(); await extension?.close(0); });

test('what this server serves itself is registered, with upstream\'s labels and priorities', async () => {
  const of = async (name: string): Promise<Loose> => (await cluster.call('GET', `/apis/apiregistration.k8s.io/v1/apiservices/${name}`)).object;
  expect((await of('v1.')).spec).toEqual({ version: 'v1', groupPriorityMinimum: 18000, versionPriority: 1 });
  expect((await of('v2.autoscaling')).spec).toEqual({ group: 'autoscaling', version: 'v2', groupPriorityMinimum: 17500, versionPriority: 30 });
  const apps = await of('v1.apps');
  expect(apps.metadata['labels']).toEqual({ 'kube-aggregator.kubernetes.io/automanaged': 'onstart' });
  expect(apps.status['conditions']).toMatchObject([{ type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available' }]);
});

test('kinds of a definition are registered while they are served', async () => {
  const names = { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' };
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } };
  await cluster.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: { metadata: { name: 'widgets.shop.example.com' }, spec: { group: 'shop.example.com', scope: 'Namespaced', names, versions: [version] } } });
  await until('v1.shop.example.com', (condition) => condition?.reason === 'Local');
  const { object } = await cluster.call('GET', '/apis/apiregistration.k8s.io/v1/apiservices/v1.shop.example.com');
  expect(object.metadata['labels']).toEqual({ 'kube-aggregator.kubernetes.io/automanaged': 'true' });
  expect(object.spec).toEqual({ group: 'shop.example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 100 });
  await cluster.call('DELETE', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.shop.example.com');
  await until('v1.shop.example.com', (_condition, found) => found === undefined);
});

test('requests go on in the name of their user, and what a client says of itself does not', async () => {
  expect(await available()).toMatchObject({ reason: 'Passed', message: 'all checks passed' });
  answer = async (request) => json(201, { got: fromUtf8(await readAll(request.body)) });
  const reply = await cluster.call('POST', `${path}?dryRun=All`, { body: { a: 1 }, headers: { 'x-remote-user': 'somebody', 'x-remote-group': 'system:masters', 'x-remote-extra-k': 'v', 'x-remote-uid': 'u', 'audit-id': 'audit-1' } });
  expect([reply.status, reply.json]).toEqual([201, { got: '{"a":1}' }]);
  const [request] = seen.filter((one) => one.method === 'POST');
  expect(request?.target).toBe(`${path}?dryRun=All`);
  expect(request?.headers['x-remote-user']).toBe('admin');
  expect(request?.headers['x-remote-group']).toEqual(['system:masters', 'system:authenticated']);
  expect(request?.headers['audit-id']).toBe('audit-1');
  expect(['x-remote-extra-k', 'x-remote-uid', 'authorization'].filter((name) => request?.headers[name] !== undefined)).toEqual([]);
});

test('a renewed front proxy certificate is shown from the next request on', async () => {
  answer = () => json(200, {});
  expect((await cluster.call('GET', path)).status).toBe(200);
  // The server asks for documents meanwhile.
  const shown = (): string | undefined => seen.findLast(({ target }) => target === path)?.peer.certificate?.fingerprint;
  const [old, before] = [identity, shown()];
  identity = await frontProxy.issue({ commonName: 'front-proxy-client' });
  expect((await cluster.call('GET', path)).status).toBe(200);
  const after = shown();
  expect(after).toMatch(/^[0-9a-f]{64}$/i);
  expect(after).not.toBe(before);
  identity = old;
});

test('who may not is refused here', async () => {
  await available();
  const reply = await cluster.call('GET', path, { token: 'nobody-token' });
  expect([reply.status, reply.json['message']]).toEqual([403, `flunders.${group} is forbidden: User "nobody" cannot list resource "flunders" in API group "${group}" in the namespace "team"`]);
  expect(seen.filter((one) => one.target === path)).toEqual([]);
});

test.each([
  ['to another namespace', `${path}/x/y/../../../../other/flunders`], ['in other writing', `${path}/x/%2E%2e/.%2e/%2E./other`], ['by backslashes', `${path}/x\\..\\..\\other`],
  ['to another host', `%2Fapis%2F${group}%2Fv1%2Fx@127.0.0.1:1/y`], ['behind a tab', `${path}/x/.\t./other`],
])('what is authorized is what is asked: no way %s', async (_way, target) => {
  await available();
  expect((await cluster.call('GET', target)).status).toBe(400);
  expect(seen.filter((request) => request.target.includes('other'))).toEqual([]);
});

test('redirects are not passed on', async () => {
  await available();
  answer = () => ({ status: 302, headers: { location: 'https://elsewhere.example.com/' } });
  const reply = await cluster.call('GET', path);
  expect([reply.status, reply.text]).toEqual([502, 'the backend attempted to redirect this request, which is not permitted']);
});

test('discovery has its groups in order of priority', async () => {
  await available();
  const groups = (await cluster.call('GET', '/apis')).json['groups'] as { name: string; preferredVersion: unknown }[];
  const names = groups.map((one) => one.name);
  expect(groups.at(-1)).toEqual({ name: group, versions: [{ groupVersion: `${group}/v1`, version: 'v1' }], preferredVersion: { groupVersion: `${group}/v1`, version: 'v1' } });
  expect(names.slice(0, 4)).toEqual(['apiregistration.k8s.io', 'apps', 'events.k8s.io', 'authentication.k8s.io']);
  expect((await cluster.call('GET', `/apis/${group}`)).json).toMatchObject({ kind: 'APIGroup', name: group });
  expect((await cluster.call('GET', `/apis/${group}/v1`)).json).toEqual(resourceList);
});

async function discovered(): Promise<unknown> {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const items = (await cluster.call('GET', '/apis', { headers: { accept } })).json['items'] as { metadata: { name: string }; versions: unknown[] }[];
  return items.find((item) => item.metadata.name === group)?.versions;
}

const flunders = {
  resource: 'flunders', responseKind: { group, version: 'v1', kind: 'Flunder' }, scope: 'Namespaced', singularResource: 'flunder', verbs: ['get'],
  subresources: [{ subresource: 'status', responseKind: { group, version: 'v1', kind: 'Flunder' }, verbs: ['get'] }],
};

test('its OpenAPI document is in the index and comes from it', async () => {
  await available();
  const index = async (): Promise<unknown> => (JSON.parse((await cluster.call('GET', '/openapi/v3')).text) as { paths: Record<string, unknown> }).paths[`apis/${group}/v1`];
  await expect.poll(index).toEqual({ serverRelativeURL: `/openapi/v3/apis/${group}/v1?hash=ABC` });
  expect((await cluster.call('GET', `/openapi/v3/apis/${group}/v1?hash=ABC`)).json).toEqual({ openapi: '3.0.0', target: `/openapi/v3/apis/${group}/v1?hash=ABC` });
});

const flunderType = 'com.example.wardle.Flunder';
const documentOf = (texts: object): unknown => ({
  swagger: '2.0', info: { title: 'wardle' },
  paths: {
    [path]: { get: { operationId: 'listFlunder', produces: ['application/json'], responses: { 200: { description: 'OK', schema: { $ref: `#/definitions/${flunderType}` } } } } },
    '/apis/other.example.com/v1/things': { get: { responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/Elsewhere' } } } } },
  },
  definitions: { [flunderType]: { type: 'object', properties: { kind: { type: 'string' }, status: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Status' } }, ...texts }, 'io.k8s.apimachinery.pkg.apis.meta.v1.Status': { type: 'string' }, Elsewhere: {} },
});
/** A change of the APIService makes the server ask again. */
const askAgain = (groupPriorityMinimum: number): Promise<unknown> => cluster.call('PATCH', `/apis/apiregistration.k8s.io/v1/apiservices/v1.${group}`, { body: { spec: { groupPriorityMinimum } }, headers: { 'content-type': 'application/merge-patch+json' } });
type Merged = { readonly info: { readonly title: string }; readonly paths: Record<string, JsonObject>; readonly definitions: Record<string, JsonObject> };
const merged = async (): Promise<Merged> => (await cluster.call('GET', '/openapi/v2')).json as unknown as Merged;

test('its OpenAPI 2 document is merged into the server\'s: only its own paths, what clashes under another name, fresh after a change', async () => {
  await available();
  const before = await cluster.call('GET', '/openapi/v2');
  openApi = { etag: '"one"', document: documentOf({ description: 'first' }) };
  await askAgain(2001);
  await expect.poll(async () => (await merged()).definitions[flunderType]?.['description']).toBe('first');
  const { info, paths, definitions } = await merged();
  expect([info.title, Object.keys(paths).filter((name) => name.includes('example.com')), 'Elsewhere' in definitions]).toEqual(['Kubernetes', [path], false]);
  expect(definitions[flunderType]).toMatchObject({ properties: { status: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Status_v2' } } });
  expect(definitions['io.k8s.apimachinery.pkg.apis.meta.v1.Status_v2']).toEqual({ type: 'string' });
  expect(definitions['io.k8s.apimachinery.pkg.apis.meta.v1.Status']?.['type']).toBe('object');
  expect(seen.find((request) => request.target === '/openapi/v2')?.headers['x-remote-user']).toBe('system:aggregator');
  const now = await cluster.call('GET', '/openapi/v2');
  const etag = String(now.response.headers['etag']);
  expect(etag).not.toBe(before.response.headers['etag']);
  expect((await cluster.call('GET', '/openapi/v2', { headers: { 'if-none-match': etag } })).status).toBe(304);
  openApi = { etag: '"two"', document: documentOf({ description: 'second' }) };
  await askAgain(2002);
  await expect.poll(async () => (await merged()).definitions[flunderType]?.['description']).toBe('second');
  expect((await cluster.call('GET', '/openapi/v2', { headers: { 'if-none-match': etag } })).status).toBe(200);
});

test('a document that is none leaves the former one in place, for readers of protobuf too', async () => {
  const asked = seen.length;
  openApi = { etag: '"bad"', document: { ...(documentOf({}) as JsonObject), definitions: { Broken: 5, [flunderType]: null } } };
  await askAgain(2004);
  await expect.poll(() => seen.slice(asked).filter(({ target }) => target === '/openapi/v2').length).toBeGreaterThan(0);
  const reply = await cluster.call('GET', '/openapi/v2', { headers: { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' } });
  expect([reply.status, (await merged()).definitions[flunderType]?.['description']]).toEqual([200, 'second']);
});

test('a server without OpenAPI 3 has its version 2 served as 3', async () => {
  hasV3 = false;
  openApi = { etag: '"three"', document: documentOf({ description: 'third' }) };
  try {
    await askAgain(2003);
    const target = async (): Promise<string> => String((JSON.parse((await cluster.call('GET', '/openapi/v3')).text) as { paths: Record<string, { serverRelativeURL: string }> }).paths[`apis/${group}/v1`]?.serverRelativeURL);
    await expect.poll(async () => ((await cluster.call('GET', await target())).json as unknown as { components?: { schemas: Record<string, JsonObject> } }).components?.schemas[flunderType]?.['description']).toBe('third');
    const { json: document, response: { headers } } = await cluster.call('GET', await target());
    expect([document['openapi'], headers['cache-control']]).toEqual(['3.0.0', 'public, immutable']);
  } finally {
    hasV3 = true;
    openApi = undefined;
    await askAgain(2000);
  }
});

test('one that dies is not available until it is back; what it served is remembered as stale', async () => {
  await available();
  await expect.poll(discovered).toEqual([{ version: 'v1', resources: [flunders], freshness: 'Current' }]);
  const { port } = extension as Listener;
  await extension?.close(0);
  // Somebody notices: a change of the Service makes it look.
  await cluster.call('PATCH', '/api/v1/namespaces/team/services/extension', { body: { metadata: { labels: { look: 'again' } } }, headers: { 'content-type': 'application/merge-patch+json' } });
  const condition = await until(`v1.${group}`, (now) => now?.status === 'False');
  const url = `https://127.0.0.1:${port}/apis/${group}/v1`;
  expect(condition).toMatchObject({ reason: 'FailedDiscoveryCheck', message: `failing or missing response from ${url}: Get "${url}": dial tcp 127.0.0.1:${port}: connect: connection refused` });
  const reply = await cluster.call('GET', path);
  expect([reply.status, reply.text, reply.contentType]).toEqual([503, 'service unavailable\n', 'text/plain; charset=utf-8']);
  await expect.poll(discovered).toEqual([{ version: 'v1', resources: [flunders], freshness: 'Stale' }]);
  extension = await startExtension(port);
  await available();
  expect((await cluster.call('GET', path)).status).toBe(200);
});

test('a certificate by somebody else is not believed', async () => {
  const stranger = await testAuthority('stranger');
  const service = apiService((extension as Listener).port, { version: 'v2', caBundle: stranger.caBundle });
  answer = () => json(200, {});
  await cluster.call('POST', '/apis/apiregistration.k8s.io/v1/apiservices', { body: { ...service, metadata: { name: `v2.${group}` } } });
  await until(`v2.${group}`, (condition) => condition?.status === 'True');
  const reply = await cluster.call('GET', `/apis/${group}/v2/flunders`);
  expect([reply.status, reply.text]).toEqual([503, 'tls: failed to verify certificate: x509: certificate signed by unknown authority\n']);
  await cluster.call('DELETE', `/apis/apiregistration.k8s.io/v1/apiservices/v2.${group}`);
});

test.each([
  ['ServiceNotFound', 'gone', 'service/gone in "team" is not present', undefined],
  ['ServicePortError', 'ports', 'service/ports in "team" is not listening on port 443', [{ port: 80 }]],
  ['EndpointsNotFound', 'none', 'cannot find endpoints for service/none in "team"', [{ port: 443, name: 'https' }]],
])('unavailable: %s', async (reason, name, message, ports) => {
  if (ports !== undefined) await cluster.call('POST', '/api/v1/namespaces/team/services', { body: { metadata: { name }, spec: { ports } } });
  await cluster.call('POST', '/apis/apiregistration.k8s.io/v1/apiservices', { body: { metadata: { name: `v1.${name}.example.com` }, spec: { group: `${name}.example.com`, version: 'v1', groupPriorityMinimum: 10, versionPriority: 10, insecureSkipTLSVerify: true, service: { namespace: 'team', name } } } });
  expect(await until(`v1.${name}.example.com`, (condition) => condition !== undefined)).toMatchObject({ status: 'False', reason, message });
  const reply = await cluster.call('GET', `/apis/${name}.example.com/v1/things`);
  expect([reply.status, reply.text]).toEqual([503, 'service unavailable\n']);
  await cluster.call('DELETE', `/apis/apiregistration.k8s.io/v1/apiservices/v1.${name}.example.com`);
});

test('connections are upgraded through', async () => {
  const tls = await serving.issue({ commonName: 'apiserver', addresses: ['127.0.0.1'] });
  const store = createLocalStore(host);
  const served: ServedApiServer = await serveApiServer({ store, parts: testPartsConfig(), proxyClient: () => identity }, { address: '127.0.0.1', port: 0, tls }, host);
  try {
    const base = `https://127.0.0.1:${served.listener.port}`;
    const trust = { caPem: serving.caPem };
    const headers = { authorization: 'Bearer tok', 'content-type': 'application/json' };
    const post = async (target: string, body: object): Promise<number> => (await host.network.fetch({ url: base + target, method: 'POST', headers, tls: trust, body: utf8(JSON.stringify(body)) })).status;
    await post('/api/v1/namespaces', { metadata: { name: 'team' } });
    await post('/api/v1/namespaces/team/services', { metadata: { name: 'extension' }, spec: { type: 'ExternalName', externalName: '127.0.0.1' } });
    expect(await post('/apis/apiregistration.k8s.io/v1/apiservices', apiService((extension as Listener).port))).toBe(201);
    await expect.poll(async () => (await host.network.fetch({ url: `${base}/apis/${group}/v1`, method: 'GET', headers, tls: trust })).status).toBe(200);
    answer = () => ({ status: 101, headers: { connection: 'Upgrade', upgrade: 'echo' }, upgrade: (stream) => { void (async () => { for await (const chunk of stream.readable) await stream.write(chunk); await stream.end(); })(); } });
    const response = await host.network.fetch({ url: base + path, method: 'GET', headers: { authorization: 'Bearer tok', upgrade: 'echo' }, upgrade: true, tls: trust, httpVersion: '1.1' });
    expect(response.status).toBe(101);
    const stream = response.upgraded as NonNullable<typeof response.upgraded>;
    await stream.write(utf8('hello'));
    for await (const chunk of stream.readable) { expect(fromUtf8(chunk)).toBe('hello'); break; }
    stream.destroy();
  } finally {
    await served.stop();
  }
});

test('an extension server has its own callers reviewed', async () => {
  await available();
  answer = async (request) => {
    const token = String(request.headers['x-token']);
    const review = await cluster.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: { spec: { token } } });
    const { user } = review.object.status as { user?: { username: string } };
    const access = await cluster.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { body: { spec: { user: user?.username, resourceAttributes: { verb: 'get', group, resource: 'flunders', namespace: 'team' } } } });
    return json(200, { user: user?.username, allowed: access.object.status['allowed'] });
  };
  expect((await cluster.call('GET', path, { headers: { 'x-token': 'nobody-token' } })).json).toEqual({ user: 'nobody', allowed: false });
});

test('however often one that is away is looked at, one look is to come', async () => {
  const service = apiService(443) as JsonObject;
  const planned: (() => void)[] = [];
  let looks = 0;
  let endpointsChanged: Parameters<CacheReader['onChange']>[2] | undefined;
  const stop = new AbortController();
  const parts: AggregatorParts = {
    host: { ...host, timers: { ...host.timers, sleep: () => new Promise(() => {}), after: (_ms, run) => { planned.push(run); return { cancel: () => {} }; } } },
    client: { patch: () => Promise.resolve({}) } as unknown as AggregatorParts['client'],
    cache: {
      get: () => undefined, list: () => [service], whenReady: () => Promise.resolve(),
      onChange: (_group, resource, listener) => { if (resource === 'endpoints') endpointsChanged = listener; return () => {}; },
    },
    lookup: () => { looks += 1; return Promise.resolve(undefined); },
    services: { resolve: () => Promise.reject(new Error('gone')) }, identity: () => undefined, rejectRedirects: true, stop: stop.signal, queue: queueMeters(noMetrics, host.clock)('RemoteAvailabilityController'), resourcesNow: () => [], onKindsChanged: () => {},
  };
  new Aggregator(parts).start();
  for (let at = 1; at <= 5; at += 1) {
    await expect.poll(() => looks).toBe(at);
    await expect.poll(() => planned.length).toBeGreaterThan(0);
    endpointsChanged?.({ type: 'MODIFIED', namespace: 'team', name: 'extension', nodeName: '', object: { metadata: { namespace: 'team', name: 'extension' } } });
  }
  await expect.poll(() => looks).toBe(6);
  await new Promise((resolve) => { setImmediate(resolve); });
  expect(planned).toHaveLength(1);
  stop.abort();
});
