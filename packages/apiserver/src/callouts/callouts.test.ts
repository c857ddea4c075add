import { fromUtf8, readAll, silentLogger, utf8, type Host, type HttpHandler, type Listener } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { JsonObject } from '@coxswain/api';
import type { Client } from '@coxswain/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Lookup } from '../live-lookup.ts';
import { testAuthority, type TestAuthority } from '../edge/testing/certificates.ts';
import { createCallouts } from './callouts.ts';
import { kubeconfigCallout, withRetries } from './kubeconfig-callout.ts';
import { clusterAddressResolver, endpointResolver } from './service-resolver.ts';
import { CalloutError, type Callouts, type WebhookClientConfig } from './types.ts';

const host = createRealHost(silentLogger);
let authority: TestAuthority;
let listener: Listener;
let expired: Listener;
let callouts: Callouts;
let answer: HttpHandler;
const objects: Record<string, object> = {};
const lookup = ((type: { resource: string }, namespace: string, name: string) => Promise.resolve(objects[`${type.resource}/${namespace}/${name}`])) as unknown as Lookup;

const json = (status: number, text: string, headers: Record<string, string> = {}): HttpHandler => async (request) => {
  await readAll(request.body);
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: utf8(text) };
};

beforeAll(async () => {
  authority = await testAuthority();
  const serve = async (options: { expired?: boolean }): Promise<Listener> => {
    const pair = await authority.issue({ commonName: 'hook', dnsNames: ['hook.team.svc', 'localhost'], ...options });
    return host.network.serveHttp({ address: '127.0.0.1', port: 0, tls: { ...pair, clientCaPem: authority.caPem, clientCertificate: 'request' } }, (request) => answer(request));
  };
  listener = await serve({});
  expired = await serve({ expired: true });
  callouts = createCallouts({ host, services: clusterAddressResolver(lookup) });
  objects['services/team/hook'] = { spec: { type: 'ExternalName', externalName: '127.0.0.1' } };
  objects['services/team/other'] = { spec: { type: 'ExternalName', externalName: '127.0.0.1' } };
  objects['services/team/headless'] = { spec: { type: 'ClusterIP', clusterIP: 'None' } };
  objects['services/team/ported'] = { spec: { type: 'ClusterIP', clusterIP: '10.0.0.1', ports: [{ port: 80 }] } };
});
afterAll(async () => { await listener.close(); await expired.close(); });

const byService = (name = 'hook', rest: object = {}): WebhookClientConfig => ({ service: { namespace: 'team', name, path: '/p', port: listener.port, ...rest }, caBundle: authority.caBundle });
const byUrl = (port = listener.port, name = 'localhost'): WebhookClientConfig => ({ url: `https://${name}:${port}/u`, caBundle: authority.caBundle });
const post = (config: WebhookClientConfig): Promise<JsonObject> => callouts.post(config, { n: 1 }, { timeoutMs: 5000, query: { timeout: '5s' } });

test('a service is reached at its address and asked for by its name', async () => {
  const seen: unknown[] = [];
  answer = async (request) => {
    seen.push(request.method, request.target, request.headers['host'], request.headers['content-type'], request.httpVersion, fromUtf8(await readAll(request.body)));
    return { status: 200, headers: {}, body: utf8('{"big":9007199254740993}') };
  };
  expect(await post(byService())).toEqual({ big: 9007199254740993n });
  expect(seen).toEqual(['POST', '/p?timeout=5s', `hook.team.svc:${listener.port}`, 'application/json', '1.1', '{"n":1}']);
  await post(byUrl());
  expect(seen.slice(6, 9)).toEqual(['POST', '/u?timeout=5s', `localhost:${listener.port}`]);
});

test('connections are used again', async () => {
  const peers = new Set<string>();
  answer = async (request) => { peers.add(request.peer.address); return json(200, '{}')(request); };
  for (let call = 0; call < 5; call += 1) await post(byService());
  expect(peers.size).toBe(1);
});

/** What is said, by what is wrong. */
test('failures have upstream\'s words', async () => {
  answer = json(200, '{}');
  const stranger = await testAuthority('stranger');
  const at = `https://hook.team.svc:${listener.port}/p?timeout=5s`;
  const cases: readonly [WebhookClientConfig, string, string][] = [
    [byService('gone'), 'resolve', `Post "https://gone.team.svc:${listener.port}/p?timeout=5s": service "gone" not found`],
    [byService('headless'), 'resolve', `Post "https://headless.team.svc:${listener.port}/p?timeout=5s": cannot route to service with ClusterIP "None"`],
    [byService('ported', { port: 443 }), 'resolve', 'Post "https://ported.team.svc:443/p?timeout=5s": no service port 443 found for service "ported"'],
    [byService('other'), 'tls', `Post "https://other.team.svc:${listener.port}/p?timeout=5s": tls: failed to verify certificate: x509: certificate is valid for hook.team.svc, localhost, not other.team.svc`],
    [{ ...byService(), caBundle: stranger.caBundle }, 'tls', `Post "${at}": tls: failed to verify certificate: x509: certificate signed by unknown authority`],
    [{ ...byService(), caBundle: undefined }, 'tls', `Post "${at}": tls: failed to verify certificate: x509: certificate signed by unknown authority`],
    [{ ...byService(), caBundle: 'bm90IHBlbQ==' }, 'tls', 'unable to load root certificates: unable to parse bytes as PEM block'],
    [byUrl(expired.port), 'tls', `Post "https://localhost:${expired.port}/u?timeout=5s": tls: failed to verify certificate: x509: certificate has expired or is not yet valid`],
    [byUrl(1, '127.0.0.1'), 'connect', 'Post "https://127.0.0.1:1/u?timeout=5s": dial tcp 127.0.0.1:1: connect: connection refused'],
    [{}, 'resolve', 'webhook configuration must have either service or URL'],
  ];
  for (const [config, kind, message] of cases) {
    const error = await post(config).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CalloutError);
    expect({ kind: (error as CalloutError).kind, message: (error as CalloutError).message }).toEqual({ kind, message });
  }
});

test('answers that are none', async () => {
  const cases: readonly [HttpHandler, string, string][] = [
    [json(500, 'boom', { 'content-type': 'text/plain' }), 'status', 'an error on the server ("boom") has prevented the request from succeeding'],
    [json(500, '{}'), 'status', 'an error on the server ("unknown") has prevented the request from succeeding'],
    [json(404, ''), 'status', 'the server could not find the requested resource'],
    [json(302, '', { location: '/elsewhere' }), 'status', 'the server responded with the status code 302 but did not return more information'],
    [json(403, '{"kind":"Status","apiVersion":"v1","message":"no, you","status":"Failure"}'), 'status', 'no, you'],
    [json(200, 'nonsense'), 'decode', String.raw`couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`],
    [json(200, ''), 'decode', '0-length response with status code: 200 and content type: application/json'],
  ];
  for (const [handler, kind, message] of cases) {
    answer = handler;
    const error = await post(byService()).catch((reason: unknown) => reason);
    expect({ kind: (error as CalloutError).kind, message: (error as CalloutError).message }).toEqual({ kind, message });
  }
});

/** Time passes when the test says so. */
function timersByHand(): { readonly host: Host; readonly pass: () => void } {
  const planned = new Set<() => void>();
  const after: Host['timers']['after'] = (_ms, run) => { planned.add(run); return { cancel: () => { planned.delete(run); } }; };
  return { host: { ...host, timers: { ...host.timers, after } }, pass: () => { for (const run of planned) run(); } };
}

test('one that is late is given up', async () => {
  const gone = Promise.withResolvers<undefined>();
  const { host: waiting, pass } = timersByHand();
  answer = (request) => new Promise((resolve) => {
    request.signal.addEventListener('abort', () => { gone.resolve(undefined); resolve({ status: 200, headers: {} }); });
    pass();
  });
  const late = createCallouts({ host: waiting, services: clusterAddressResolver(lookup) });
  const error = await late.post(byService(), { n: 1 }, { timeoutMs: 5000, query: { timeout: '5s' } }).catch((reason: unknown) => reason);
  expect((error as CalloutError).kind).toBe('timeout');
  expect((error as CalloutError).message).toBe(`Post "https://hook.team.svc:${listener.port}/p?timeout=5s": context deadline exceeded`);
  await gone.promise;
});

test('through the own Service only aggregated APIs are asked, and no longer than others', async () => {
  const { host: waiting, pass } = timersByHand();
  const asked: string[] = [];
  const raw: Client['raw'] = async ({ target, signal }) => {
    asked.push(target);
    if (target.includes('/slow')) await new Promise((resolve) => { signal?.addEventListener('abort', resolve); pass(); });
    return { status: signal?.aborted === true ? 503 : 200, body: utf8('{"kind":"Answer"}') };
  };
  const own = createCallouts({ host: waiting, services: clusterAddressResolver(lookup), own: { client: { raw } as Client, isAggregated: (path) => path.startsWith('/apis/hooks.example.com/v1/') } });
  const ask = (path: string | undefined): Promise<JsonObject> => own.post({ service: { namespace: 'default', name: 'kubernetes', path } }, { n: 1 }, { timeoutMs: 5000, query: { timeout: '5s' } });
  expect(await ask('/apis/hooks.example.com/v1/reviews')).toEqual({ kind: 'Answer' });
  expect(asked.splice(0)).toEqual(['/apis/hooks.example.com/v1/reviews?timeout=5s']);
  for (const path of ['/api/v1/namespaces/kube-system/pods', '/api/v1/nodes/n/proxy/run/kube-system/p/c?cmd=id', '/apis/hooks.example.com/v1/x?a=b', undefined]) {
    await expect(ask(path)).rejects.toMatchObject({ kind: 'status', httpStatus: 404 });
  }
  expect(asked).toEqual([]);
  await expect(ask('/apis/hooks.example.com/v1/slow')).rejects.toMatchObject({ kind: 'timeout', message: 'Post "https://kubernetes.default.svc:443/apis/hooks.example.com/v1/slow?timeout=5s": context deadline exceeded' });
});

test('endpoints instead of cluster addresses', async () => {
  objects['services/team/spread'] = { spec: { type: 'ClusterIP', clusterIP: '10.0.0.2', ports: [{ name: 'https', port: 443, targetPort: 8443 }] } };
  const resolver = endpointResolver(lookup, host.random);
  await expect(resolver.resolve('team', 'spread', 443)).rejects.toThrow('endpoints "spread" not found');
  objects['endpoints/team/spread'] = { subsets: [{ notReadyAddresses: [{ ip: '10.1.0.9' }], ports: [{ name: 'https', port: 8443 }] }] };
  await expect(resolver.resolve('team', 'spread', 443)).rejects.toThrow('no endpoints available for service "spread"');
  objects['endpoints/team/spread'] = { subsets: [{ addresses: [{ ip: '10.1.0.7' }], ports: [{ name: 'other', port: 1 }] }, { addresses: [{ ip: '10.1.0.8' }], ports: [{ name: 'https', port: 8443 }] }] };
  expect(await resolver.resolve('team', 'spread', 443)).toEqual({ address: '10.1.0.8', port: 8443 });
  await expect(resolver.resolve('team', 'hook', 443)).rejects.toThrow('unsupported service type "ExternalName"');
});

test('a kubeconfig names a webhook with token and certificate; what may pass is tried again', async () => {
  const client = await authority.issue({ commonName: 'apiserver' });
  const seen: unknown[] = [];
  answer = async (request) => {
    seen.push([request.target, request.headers['authorization'], request.peer.certificate?.commonName]);
    return seen.length < 3 ? json(500, '')(request) : json(200, '{"ok":true}')(request);
  };
  const hook = kubeconfigCallout(host, { server: `https://localhost:${listener.port}/authenticate`, namespace: 'default', tls: { caPem: authority.caPem, ...client }, bearerToken: () => Promise.resolve('t') });
  expect(await withRetries(host, { initialDelayMs: 1, attempts: 5 }, () => hook.post({}, { timeoutMs: 5000 }))).toEqual({ ok: true });
  expect(seen).toEqual([0, 1, 2].map(() => ['/authenticate', 'Bearer t', 'apiserver']));
});
