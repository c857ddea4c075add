import type { HttpRequest } from '@coxswain/host';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { bearerToken } from './bearer.ts';
import { parseJwt, verifyJwt, type JwtKey } from './jwt.ts';
import type { ServiceAccountClaims } from './service-account-claims.ts';

let cluster: TestCluster;
beforeAll(async () => { cluster = await startTestCluster(); });
afterAll(() => cluster.stop());

const accounts = '/api/v1/namespaces/default/serviceaccounts';

async function account(name: string): Promise<string> {
  const made = await cluster.call('POST', accounts, { body: { metadata: { name } } });
  expect(made.status, made.text).toBe(201);
  return made.object.metadata.uid;
}

interface Token { readonly status: { readonly token: string; readonly expirationTimestamp: string }; readonly spec: { readonly audiences: string[]; readonly expirationSeconds: number } }

async function token(name: string, spec: unknown = {}): Promise<Token> {
  const answer = await cluster.call('POST', `${accounts}/${name}/token`, { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec } });
  expect(answer.status, answer.text).toBe(201);
  return answer.json as unknown as Token;
}

const whoami = (bearer: string): ReturnType<TestCluster['call']> =>
  cluster.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { token: bearer, body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' } });

test('a service account token says who it is, and dies with its account', async () => {
  const uid = await account('robot');
  const issued = await token('robot');
  expect(issued.spec).toMatchObject({ audiences: ['https://kubernetes.default.svc.cluster.local'], expirationSeconds: 3600 });
  const me = await whoami(issued.status.token);
  expect(me.object.status['userInfo']).toMatchObject({
    username: 'system:serviceaccount:default:robot', uid, groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
  });
  await cluster.call('DELETE', `${accounts}/robot`);
  await cluster.seen('', 'serviceaccounts', 'default', 'robot', false);
  expect((await whoami(issued.status.token)).status).toBe(401);
  await account('robot');
  expect((await whoami(issued.status.token)).status, 'another account of that name').toBe(401);
});

test('a token bound to a pod names it and dies with it', async () => {
  await account('bound');
  const pod = await cluster.call('POST', '/api/v1/namespaces/default/pods', { body: { metadata: { name: 'p' }, spec: { serviceAccountName: 'bound', containers: [{ name: 'c', image: 'i' }] } } });
  const { uid } = pod.object.metadata;
  const issued = await token('bound', { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid } });
  const me = await whoami(issued.status.token);
  expect((me.object.status['userInfo'] as { extra: unknown }).extra).toMatchObject({ 'authentication.kubernetes.io/pod-name': ['p'], 'authentication.kubernetes.io/pod-uid': [uid] });
  await cluster.call('DELETE', '/api/v1/namespaces/default/pods/p?gracePeriodSeconds=0');
  await cluster.seen('', 'pods', 'default', 'p', false);
  expect((await whoami(issued.status.token)).status).toBe(401);
});

test('a token for another audience does not open the API, but a review for that audience knows it', async () => {
  await account('vault');
  const issued = await token('vault', { audiences: ['vault'] });
  expect((await whoami(issued.status.token)).status).toBe(401);
  const review = await cluster.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: issued.status.token, audiences: ['vault', 'other'] } } });
  expect(review.object.status).toMatchObject({ authenticated: true, audiences: ['vault'], user: { username: 'system:serviceaccount:default:vault' } });
});

test('token requests are checked', async () => {
  await account('checked');
  const ask = async (name: string, spec: unknown): Promise<unknown> =>
    (await cluster.call('POST', `${accounts}/${name}/token`, { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec } })).json['message'];
  expect(await ask('checked', { expirationSeconds: 60 })).toBe('TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes');
  expect(await ask('nobody', {})).toBe('serviceaccounts "nobody" not found');
  expect(await ask('checked', { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'gone' } })).toBe('pods "gone" not found');
});

test('a token that was changed is worth nothing', async () => {
  await account('honest');
  const { token: good } = (await token('honest')).status;
  const [head = '', body = '', signature = ''] = good.split('.');
  const claims = parseJwt<ServiceAccountClaims>(good)?.claims;
  const forged = new TextEncoder().encode(JSON.stringify({ ...claims, exp: (claims?.exp ?? 0) + 1 })).toBase64({ alphabet: 'base64url', omitPadding: true });
  expect((await whoami(`${head}.${forged}.${signature}`)).status).toBe(401);
  const none = new TextEncoder().encode('{"alg":"none"}').toBase64({ alphabet: 'base64url', omitPadding: true });
  expect((await whoami(`${none}.${body}.${signature}`)).status).toBe(401);
  for (const odd of [`bnVsbA.${body}.${signature}`, `${head}.bnVsbA.${signature}`, `${head}.${body}.!`, `${head}.${body}.`, `${head}.${body}`]) expect((await whoami(odd)).status, odd).toBe(401);
  expect((await whoami(good)).status).toBe(201);
});

test('anybody can check a token with the published keys', async () => {
  await account('published');
  const { token: bearer } = (await token('published')).status;
  const discovery = await cluster.call('GET', '/.well-known/openid-configuration');
  expect(discovery.json).toMatchObject({ issuer: 'https://kubernetes.default.svc.cluster.local', subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['ES256'] });
  const jwks = await cluster.call('GET', '/openid/v1/jwks');
  expect(jwks.contentType).toBe('application/jwk-set+json');
  const [jwk] = jwks.json['keys'] as (Record<string, string> & { kid: string; alg: 'ES256' })[];
  const { createPublicKey } = await import('node:crypto');
  const pem = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string;
  const key: JwtKey = { keyId: jwk?.kid ?? '', algorithm: 'ES256', pem, jwk: {} };
  expect(verifyJwt(cluster.host.crypto, [key], bearer)).toBe(true);
});

test('a bootstrap token opens until it expires', async () => {
  const secret = async (id: string, data: Record<string, string>): Promise<void> => {
    const made = await cluster.call('POST', '/api/v1/namespaces/kube-system/secrets', {
      body: {
        metadata: { name: `bootstrap-token-${id}` }, type: 'bootstrap.kubernetes.io/token',
        stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...data },
      },
    });
    expect(made.status, made.text).toBe(201);
  };
  await secret('aaaaaa', { 'auth-extra-groups': 'system:bootstrappers:workers' });
  await secret('bbbbbb', { expiration: '2001-01-01T00:00:00Z' });
  await secret('cccccc', { 'usage-bootstrap-authentication': 'false' });
  const me = await whoami('aaaaaa.0123456789abcdef');
  expect(me.object.status['userInfo']).toEqual({ username: 'system:bootstrap:aaaaaa', groups: ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'] });
  for (const bad of ['aaaaaa.0123456789abcdeX', 'aaaaaa.0123456789abcdee', 'bbbbbb.0123456789abcdef', 'cccccc.0123456789abcdef', 'dddddd.0123456789abcdef']) {
    expect((await whoami(bad)).status, bad).toBe(401);
  }
});

test('a client certificate is its subject', async () => {
  const certificate = { commonName: 'jane', organizations: ['dev'], fingerprint: 'AB', notAfterMs: cluster.host.clock.nowMs() + 60_000 };
  const ask = (peer: object): ReturnType<TestCluster['call']> => cluster.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    token: '', peer: { address: '127.0.0.1:1', certificate: { ...certificate, ...peer } }, body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  });
  expect((await ask({})).object.status['userInfo']).toEqual({ username: 'jane', groups: ['dev', 'system:authenticated'], extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab'] } });
  expect((await ask({ notAfterMs: 0 })).status).toBe(401);
});

test('a bearer token is the word after one space', () => {
  const of = (authorization: string): string | undefined => bearerToken({ headers: { authorization } } as unknown as HttpRequest);
  expect([of('Bearer abc'), of(' bearer abc '), of('Bearer abc def'), of('Bearer  abc'), of('Bearer'), of('Basic abc')]).toEqual(['abc', 'abc', 'abc', undefined, undefined, undefined]);
});
