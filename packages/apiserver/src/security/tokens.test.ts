import { silentLogger, utf8, type Host } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jwtKey, parseJwt, signJwt } from '../authn/jwt.ts';
import { testKeys } from '../authn/testing/keys.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { testPartsConfig } from '../testing/parts-config.ts';

/** Attacks by number of docs/security.md: with tokens of service accounts. */
const real = createRealHost(silentLogger);
let aheadMs = 0;
const host: Host = { ...real, clock: { nowMs: () => real.clock.nowMs() + aheadMs, monotonicMs: () => real.clock.monotonicMs() + aheadMs } };
let cluster: TestCluster;
const accounts = '/api/v1/namespaces/default/serviceaccounts';
const key = jwtKey(real.crypto, testPartsConfig().serviceAccountSigningKeyPem);

beforeAll(async () => { cluster = await startTestCluster([{}], host); });
afterAll(() => cluster.stop());

async function account(name: string): Promise<void> {
  expect((await cluster.call('POST', accounts, { body: { metadata: { name } } })).status).toBe(201);
}

async function issue(name: string, spec: object = {}): Promise<string> {
  const answer = await cluster.call('POST', `${accounts}/${name}/token`, { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec } });
  expect(answer.status, answer.text).toBe(201);
  return answer.object.status['token'] as string;
}

const show = async (token: string): Promise<number> => (await cluster.call('GET', '/version', { token })).status;

async function object(resource: string, body: object, namespace = 'namespaces/default/'): Promise<{ readonly name: string; readonly uid: string }> {
  const made = await cluster.call('POST', `/api/v1/${namespace}${resource}`, { body });
  expect(made.status, made.text).toBe(201);
  return made.object.metadata;
}

async function remove(resource: string, name: string, namespace = 'default'): Promise<void> {
  await cluster.call('DELETE', `/api/v1/${namespace === '' ? '' : `namespaces/${namespace}/`}${resource}/${name}?gracePeriodSeconds=0`);
  await cluster.seen('', resource, namespace, name, false);
}

test('13, 15: a token dies at once with what it is bound to, and does not rise with another of that name', async () => {
  await account('app');
  const container = { containers: [{ name: 'c', image: 'i' }], serviceAccountName: 'app' };
  const cases: readonly (readonly [kind: string, resource: string, body: object, namespace: string])[] = [
    ['Pod', 'pods', { metadata: { name: 'x' }, spec: container }, 'default'], ['Secret', 'secrets', { metadata: { name: 'x' } }, 'default'], ['Node', 'nodes', { metadata: { name: 'x' } }, ''],
  ];
  for (const [kind, resource, body, namespace] of cases) {
    const path = namespace === '' ? '' : undefined;
    const made = await object(resource, body, path);
    const token = await issue('app', { boundObjectRef: { apiVersion: 'v1', kind, name: made.name, uid: made.uid } });
    expect(await show(token), kind).toBe(200);
    await remove(resource, 'x', namespace);
    expect(await show(token), kind).toBe(401);
    await object(resource, body, path);
    expect(await show(token), `another ${kind}`).toBe(401);
  }
  const token = await issue('app');
  await remove('serviceaccounts', 'app');
  expect(await show(token)).toBe(401);
  await account('app');
  expect(await show(token)).toBe(401);
});

test('14: keys are public, and nothing but their private half signs', async () => {
  await account('signed');
  const token = await issue('signed');
  const document = await cluster.call('GET', '/.well-known/openid-configuration');
  expect(document.json).toMatchObject({ id_token_signing_alg_values_supported: ['ES256'] });
  const jwks = await cluster.call('GET', '/openid/v1/jwks');
  for (const one of jwks.json['keys'] as Record<string, unknown>[]) for (const secret of ['d', 'k', 'p', 'q']) expect(one).not.toHaveProperty(secret);
  const [head = '', body = '', signature = ''] = token.split('.');
  const encode = (value: object): string => utf8(JSON.stringify(value)).toBase64({ alphabet: 'base64url', omitPadding: true });
  const claims = parseJwt<Record<string, unknown>>(token)?.claims ?? {};
  const other = encode({ ...claims, sub: 'system:serviceaccount:kube-system:namespace-controller', 'kubernetes.io': { namespace: 'kube-system', serviceaccount: { name: 'namespace-controller', uid: 'x' } } });
  const hmacSigned = `${encode({ alg: 'HS256', kid: key.keyId })}.${body}`;
  const forged = [
    `${head}.${other}.${signature}`, `${encode({ alg: 'none' })}.${body}.`, `${encode({ alg: 'none' })}.${body}.${signature}`, `${encode({ alg: 'RS256', kid: key.keyId })}.${body}.${signature}`,
    `${hmacSigned}.${real.crypto.hmac('sha256', utf8(JSON.stringify(key.jwk)), utf8(hmacSigned)).toBase64({ alphabet: 'base64url', omitPadding: true })}`,
    signJwt(real.crypto, jwtKey(real.crypto, testKeys[0]), claims), signJwt(real.crypto, { ...jwtKey(real.crypto, testKeys[0]), keyId: key.keyId }, claims), `${head}.${body}.`, `${head}.${body}.AAAA`,
  ];
  for (const attempt of forged) expect(await show(attempt), attempt.slice(0, 40)).toBe(401);
  expect(await show(token)).toBe(200);
});

test('15: a token is for its audience, from its beginning to its end', async () => {
  await account('timed');
  expect(await show(await issue('timed', { audiences: ['vault'] }))).toBe(401);
  expect(await show(await issue('timed', { audiences: ['vault', 'https://kubernetes.default.svc.cluster.local'] }))).toBe(200);
  const token = await issue('timed', { expirationSeconds: 600 });
  expect(await show(token)).toBe(200);
  aheadMs = 600_000 + 61_000;
  expect(await show(token), 'a minute of other clocks is forgiven').toBe(401);
  aheadMs = 0;
  const claims = parseJwt<Record<string, unknown>>(await issue('timed'))?.claims ?? {};
  const now = Math.floor(real.clock.nowMs() / 1000);
  for (const wrong of [{ nbf: now + 600 }, { iat: now + 600 }, { exp: undefined }, { exp: 'never' }, { nbf: undefined }, { iss: 'https://other' }]) expect(await show(signJwt(real.crypto, key, { ...claims, ...wrong })), JSON.stringify(wrong)).toBe(401);
});

test('16: a token that does not say how long holds an hour, and none less than ten minutes', async () => {
  await account('hourly');
  const claims = parseJwt<{ exp: number; iat: number }>(await issue('hourly'))?.claims;
  expect((claims?.exp ?? 0) - (claims?.iat ?? 0)).toBe(3600);
  const short = await cluster.call('POST', `${accounts}/hourly/token`, { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 599 } } });
  expect(short.status).toBe(422);
});

test('32: a system pod has a token only if it wants one, and that of an account without rights opens nothing', async () => {
  const system = '/api/v1/namespaces/kube-system';
  for (const [name, more] of [['default', {}], ['closed', { automountServiceAccountToken: false }]] as const) {
    expect((await cluster.call('POST', `${system}/serviceaccounts`, { body: { metadata: { name }, ...more } })).status).toBe(201);
    await cluster.seen('', 'serviceaccounts', 'kube-system', name);
  }
  const mounts = async (name: string, spec: object): Promise<boolean> => {
    const { object: pod, status, text } = await cluster.call('POST', `${system}/pods`, { body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } } });
    expect(status, text).toBe(201);
    return JSON.stringify(pod.spec).includes('serviceAccountToken');
  };
  expect(await mounts('asks-not', { automountServiceAccountToken: false })).toBe(false);
  expect(await mounts('account-closed', { serviceAccountName: 'closed' })).toBe(false);
  expect(await mounts('wants', { serviceAccountName: 'closed', automountServiceAccountToken: true }), 'who does not want it must say so').toBe(true);
  const { object: answer } = await cluster.call('POST', `${system}/serviceaccounts/default/token`, { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} } });
  const token = answer.status['token'] as string;
  expect(await show(token)).toBe(200);
  const attempts = [['GET', `${system}/secrets`], ['GET', `${system}/configmaps`], ['GET', '/api/v1/nodes'], ['POST', `${system}/pods`], ['POST', `${system}/serviceaccounts/default/token`], ['GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles'], ['GET', '/metrics']] as const;
  for (const [method, path] of attempts) expect((await cluster.call(method, path, { token, body: method === 'POST' ? {} : undefined })).status, path).toBe(403);
});

test('35: a bootstrap token ends with its time, and only its whole secret opens', async () => {
  const secret = (id: string, more: object): object => ({
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' }, type: 'bootstrap.kubernetes.io/token', stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...more },
  });
  const make = (id: string, more: object): Promise<unknown> => object('secrets', secret(id, more), 'namespaces/kube-system/');
  await make('aaaaaa', { expiration: new Date(real.clock.nowMs() + 60_000).toISOString() });
  await make('bbbbbb', { 'usage-bootstrap-authentication': 'false' });
  await make('cccccc', { expiration: 'soon' });
  await make('dddddd', { 'auth-extra-groups': 'system:masters' });
  expect(await show('aaaaaa.0123456789abcdef')).toBe(200);
  for (const token of ['aaaaaa.0123456789abcdee', 'aaaaaa.0123456789abcde', 'bbbbbb.0123456789abcdef', 'cccccc.0123456789abcdef', 'dddddd.0123456789abcdef', 'eeeeee.0123456789abcdef']) expect(await show(token), token).toBe(401);
  aheadMs = 61_000;
  expect(await show('aaaaaa.0123456789abcdef')).toBe(401);
  aheadMs = 0;
});
