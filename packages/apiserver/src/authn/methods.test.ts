import { silentLogger, type Host, type IncomingResponse, type OutgoingRequest, readAll, fromUtf8, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type Loose, type TestCluster } from '../testing/cluster.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { jwtKey, signJwt } from './jwt.ts';

const real = createRealHost(silentLogger);
const reviews: { token: string; audiences: string[] }[] = [];

async function* once(text: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield utf8(text);
}

/** The webhook knows `robot` and nobody else. */
async function webhook(request: OutgoingRequest): Promise<IncomingResponse> {
  const body = request.body === undefined || request.body instanceof Uint8Array ? request.body ?? new Uint8Array() : await readAll(request.body);
  const { spec, apiVersion } = JSON.parse(fromUtf8(body)) as { spec: { token: string; audiences: string[] }; apiVersion: string };
  reviews.push(spec);
  const status = spec.token === 'robot' ? { authenticated: true, user: { username: 'robo', uid: '7', groups: ['machines'], extra: { a: ['b'] } } } : { authenticated: false };
  return { status: 200, headers: { 'content-type': 'application/json' }, body: once(JSON.stringify({ apiVersion, kind: 'TokenReview', status })), trailers: Promise.resolve({}) };
}

const host: Host = { ...real, network: { ...real.network, fetch: webhook } };
const kubeconfig = { server: 'https://hook.example.com/review', tls: {}, namespace: 'default' };
const config = testPartsConfig();
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster([{
    tokenWebhook: { kubeconfig, version: 'v1', cacheTtlMs: 60_000 },
    authentication: { issuers: [], anonymous: { enabled: true, paths: ['/livez'] } }, extendTokenExpiration: true,
  }], host);
});
afterAll(() => cluster.stop());

const whoami = (token: string): ReturnType<TestCluster['call']> => cluster.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { token, body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' } });

test('a webhook says whose a token is, and is asked once', async () => {
  for (let i = 0; i < 3; i += 1) {
    expect((await whoami('robot')).object.status['userInfo']).toEqual({ username: 'robo', uid: '7', groups: ['machines', 'system:authenticated'], extra: { a: ['b'] } });
    expect((await whoami('stranger')).status).toBe(401);
  }
  expect(reviews).toEqual(['robot', 'stranger'].map((token) => ({ token, audiences: config.serviceAccountIssuers })));
});

test('nobody need be known where the configuration says so, and only there', async () => {
  expect((await cluster.call('GET', '/livez', { token: '' })).status).toBe(200);
  expect((await cluster.call('GET', '/version', { token: '' })).status).toBe(401);
  expect((await cluster.call('GET', '/livez', { token: 'wrong' })).status, 'wrong credentials are not none').toBe(401);
});

async function account(name: string): Promise<Loose> {
  const made = await cluster.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name } } });
  expect(made.status, made.text).toBe(201);
  return made.object;
}

test('a token in a Secret holds as long as it stands there, and its use is noted', async () => {
  const { metadata } = await account('old');
  const prefix = 'kubernetes.io/serviceaccount/';
  const claims = { iss: 'kubernetes/serviceaccount', sub: 'system:serviceaccount:default:old', [`${prefix}namespace`]: 'default', [`${prefix}secret.name`]: 's', [`${prefix}service-account.name`]: 'old', [`${prefix}service-account.uid`]: metadata.uid };
  const key = jwtKey(real.crypto, config.serviceAccountSigningKeyPem);
  const token = signJwt(real.crypto, key, claims);
  const secrets = '/api/v1/namespaces/default/secrets';
  expect((await whoami(token)).status, 'its secret is not there').toBe(401);
  const made = await cluster.call('POST', secrets, { body: { metadata: { name: 's', annotations: { 'kubernetes.io/service-account.name': 'old' } }, type: 'kubernetes.io/service-account-token', data: { token: utf8(token).toBase64() } } });
  expect(made.status, made.text).toBe(201);
  expect((await whoami(token)).object.status['userInfo']).toEqual({ username: 'system:serviceaccount:default:old', uid: metadata.uid, groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'] });
  expect((await cluster.call('GET', `${secrets}/s`)).object.metadata['labels']).toEqual({ 'kubernetes.io/legacy-token-last-used': new Date().toISOString().slice(0, 10) });
  const other = signJwt(real.crypto, key, { ...claims, more: 1 });
  expect((await whoami(other)).status, 'not the one that stands there').toBe(401);
  await cluster.call('PATCH', `${secrets}/s`, { headers: { 'content-type': 'application/merge-patch+json' }, body: { metadata: { labels: { 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' } } } });
  await changed('secrets', (object) => (object.metadata['labels'] as Record<string, string>)['kubernetes.io/legacy-token-invalid-since'] !== undefined, 's');
  expect((await whoami(token)).status, 'marked invalid').toBe(401);
});

async function changed(resource: string, done: (object: Loose) => boolean, name: string): Promise<void> {
  const cache = cluster.servers[0]?.cache;
  await new Promise<void>((resolve) => {
    const look = (): boolean => {
      const object = cache?.get('', resource, 'default', name) as unknown as Loose | undefined;
      return object !== undefined && done(object);
    };
    const stop = cache?.onChange('', resource, () => { if (look()) { stop?.(); resolve(); } });
    if (look()) { stop?.(); resolve(); }
  });
}

test('a token that is mounted holds longer than it says', async () => {
  await account('app');
  const pod = await cluster.call('POST', '/api/v1/namespaces/default/pods', { body: { metadata: { name: 'p' }, spec: { serviceAccountName: 'app', containers: [{ name: 'c', image: 'i' }] } } });
  const ask = async (spec: object): Promise<{ readonly seconds: number; readonly warnafter: number | undefined; readonly says: string }> => {
    const answer = await cluster.call('POST', '/api/v1/namespaces/default/serviceaccounts/app/token', { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec } });
    expect(answer.status, answer.text).toBe(201);
    const body = JSON.parse(fromUtf8(Uint8Array.fromBase64((answer.object.status['token'] as string).split('.')[1] ?? '', { alphabet: 'base64url' }))) as { exp: number; iat: number; 'kubernetes.io': { warnafter?: number } };
    return { seconds: body.exp - body.iat, warnafter: body['kubernetes.io'].warnafter === undefined ? undefined : body['kubernetes.io'].warnafter - body.iat, says: String(answer.object.spec['expirationSeconds']) };
  };
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.object.metadata.uid };
  expect(await ask({ expirationSeconds: 3607, boundObjectRef })).toEqual({ seconds: 31_536_000, warnafter: 3607, says: '3607' });
  expect(await ask({ expirationSeconds: 3607 })).toEqual({ seconds: 3607, warnafter: undefined, says: '3607' });
  expect(await ask({ expirationSeconds: 3600, boundObjectRef })).toEqual({ seconds: 3600, warnafter: undefined, says: '3600' });
  expect(await ask({ expirationSeconds: 3607, boundObjectRef, audiences: ['vault'] })).toEqual({ seconds: 3607, warnafter: undefined, says: '3607' });
});
