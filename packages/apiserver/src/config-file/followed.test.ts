import { readAll, silentLogger, utf8, type Host, type IncomingResponse, type OutgoingRequest } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createMetrics } from '@coxswain/service/edge';
import { expect, test } from 'vitest';
import { jwtKey, signJwt } from '../authn/jwt.ts';
import { parseAuthenticationFile } from '../authn/oidc/config-file.ts';
import { compileExpression } from '../authn/oidc/expressions.ts';
import { testKeys } from '../authn/testing/keys.ts';
import { parseAuthorizationFile } from '../authz/config-file.ts';
import { compileReviewConditions } from '../authz/review-conditions.ts';
import { testPartsConfig } from '../testing/parts-config.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import type { FileReader, LiveFile } from './followed.ts';

const real = createRealHost(silentLogger);
const key = jwtKey(real.crypto, testKeys[0]);

/** A file that the test writes: `write` answers when it has been used, or not. */
class Written<T> implements LiveFile<T> {
  readonly path = 'live.yaml';
  readonly parse: (text: string) => T | Promise<T>;
  #reader: FileReader | undefined;

  constructor(parse: (text: string) => T | Promise<T>) {
    this.parse = parse;
  }

  follow(reader: FileReader): void {
    this.#reader = reader;
  }

  async write(text: string): Promise<string> {
    return await this.#reader?.changed(text) ?? 'not followed';
  }

  remove(): void {
    this.#reader?.unreadable(new Error('no such file'));
  }
}

async function* once(text: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield utf8(text);
}

/** Issuers anywhere but at down.example, and a webhook that lets everybody read pods. */
function outside(lines: string[]): Host {
  let waitedMs = 0;
  const answer = async ({ url, body }: OutgoingRequest): Promise<object> => {
    const { origin, pathname } = new URL(url);
    if (pathname === '/authorize') return { ...JSON.parse(new TextDecoder().decode(body instanceof Uint8Array ? body : await readAll(body ?? once('{}')))) as object, status: { allowed: true } };
    if (pathname === '/keys') return { keys: [{ ...key.jwk, kid: key.keyId, use: 'sig' }] };
    return { issuer: origin, jwks_uri: `${origin}/keys` };
  };
  const fetch = async (request: OutgoingRequest): Promise<IncomingResponse> => {
    if (request.url.includes('down.example')) {
      waitedMs += 60_000;
      throw new Error('connection refused');
    }
    return { status: 200, headers: {}, body: once(JSON.stringify(await answer(request))), trailers: Promise.resolve({}) };
  };
  const log = { ...silentLogger, error: (text: string, fields?: object) => { lines.push(`${text}: ${(fields as { error?: string } | undefined)?.error ?? ''}`); } };
  return { ...real, log, network: { ...real.network, fetch }, clock: { nowMs: () => real.clock.nowMs(), monotonicMs: () => real.clock.monotonicMs() + waitedMs } };
}

function issuers(...names: readonly string[]): string {
  const jwt = names.map((name) => `{issuer: {url: "https://${name}.example", audiences: [c]}, claimMappings: {username: {claim: sub, prefix: "${name}:"}}}`);
  return `{apiVersion: apiserver.config.k8s.io/v1beta1, kind: AuthenticationConfiguration, jwt: [${jwt.join(', ')}]}`;
}

async function answers(server: TestServer, token: string, target = '/api/v1/namespaces/default/pods'): Promise<number> {
  return (await server.call({ method: 'GET', target, headers: { authorization: `Bearer ${token}` } })).status;
}

function tokenOf(issuer: string): string {
  return signJwt(real.crypto, key, { iss: `https://${issuer}.example`, aud: 'c', sub: 'ann', exp: Math.floor(Date.now() / 1000) + 600 });
}

async function sample(metrics: { render(): Promise<string> }, what: string, status: string): Promise<number> {
  const line = (await metrics.render()).split('\n').find((one) => one.startsWith(`apiserver_${what}_config_controller_automatic_reloads_total`) && one.includes(`status="${status}"`));
  expect(line ?? 'apiserver_id_hash="sha256:').toContain('apiserver_id_hash="sha256:');
  return Number(line?.split(' ').at(-1) ?? 0);
}

test('issuers follow their file; what cannot be used leaves the former ones in place and is counted', async () => {
  const file = new Written((text) => parseAuthenticationFile('live.yaml', text, [], compileExpression));
  const metrics = createMetrics();
  const lines: string[] = [];
  const parts = testPartsConfig({ authentication: parseAuthenticationFile('live.yaml', issuers('a'), [], compileExpression), live: { authentication: file }, authorizationModes: ['AlwaysAllow'] });
  const server = await startTestServer({ metrics }, outside(lines), { parts });
  expect([await answers(server, tokenOf('a')), await answers(server, tokenOf('b'))]).toEqual([200, 401]);
  expect(await file.write(issuers('b'))).toBe('settled');
  expect([await answers(server, tokenOf('a')), await answers(server, tokenOf('b'))]).toEqual([401, 200]);
  expect(await file.write('{')).toBe('settled');
  expect(await file.write(issuers('b', 'b'))).toBe('settled');
  expect(await file.write(issuers('b').replace('jwt:', 'anonymous: {enabled: true}, jwt:'))).toBe('settled');
  expect(await file.write(issuers('a', 'down')), 'not reached: tried again').toBe('again');
  file.remove();
  expect([await answers(server, tokenOf('a')), await answers(server, tokenOf('b'))]).toEqual([401, 200]);
  expect([await sample(metrics, 'authentication', 'success'), await sample(metrics, 'authentication', 'failure')]).toEqual([1, 5]);
  expect(lines.filter((line) => line.startsWith('The new authentication configuration is not used')).slice(1)).toEqual([
    'The new authentication configuration is not used: UsageError: live.yaml: jwt[1].issuer.url: Duplicate value: "https://b.example"',
    'The new authentication configuration is not used: UsageError: anonymous: Forbidden: changed from initial configuration file',
    'The new authentication configuration is not used: Error: oidc: https://down.example: https://down.example/.well-known/openid-configuration: connection refused',
    'The new authentication configuration is not used: Error: no such file',
  ]);
  await server.stop();
});

const hook = '{type: Webhook, name: outside, webhook: {connectionInfo: {type: KubeConfigFile, kubeConfigFile: /k}, subjectAccessReviewVersion: v1, failurePolicy: Deny, timeout: 1s, authorizedTTL: 1s, unauthorizedTTL: 1s}}';
const [node, rbac] = ['{type: Node, name: node}', '{type: RBAC, name: rbac}'];
const chain = (...entries: readonly string[]): string => `{apiVersion: apiserver.config.k8s.io/v1, kind: AuthorizationConfiguration, authorizers: [${entries.join(', ')}]}`;

test('the chain of authorizers follows its file, but keeps the types that it began with', async () => {
  const parse = (text: string): ReturnType<typeof parseAuthorizationFile> => parseAuthorizationFile('live.yaml', text, {
    readKubeconfig: () => Promise.resolve({ server: 'https://hook.example/authorize', tls: {}, namespace: 'default' }), compileConditions: compileReviewConditions,
  });
  const file = new Written(parse);
  const metrics = createMetrics();
  const lines: string[] = [];
  const parts = testPartsConfig({ authorizers: await parse(chain(node, rbac)), live: { authorization: file } });
  const server = await startTestServer({ metrics }, outside(lines), { parts });
  const reads = (): Promise<number> => answers(server, 'nobody-token');
  expect(await reads()).toBe(403);
  await file.write(chain(rbac, hook, node));
  expect(await reads()).toBe(200);
  for (const bad of [chain(node, hook), chain(node, rbac, '{type: AlwaysAllow, name: all}'), chain(node, '{type: RBAC, name: mine}')]) expect(await file.write(bad)).toBe('settled');
  expect(await reads()).toBe(200);
  await file.write(chain(node, rbac));
  expect(await reads()).toBe(403);
  await file.write(chain(node, rbac, '{type: AlwaysAllow, name: alwaysallow}'));
  expect(await reads()).toBe(200);
  expect([await sample(metrics, 'authorization', 'success'), await sample(metrics, 'authorization', 'failure')], 'the first counts').toEqual([4, 3]);
  expect(lines.filter((line) => line.includes('authorization configuration')).map((line) => line.replace(/^.*UsageError: /, ''))).toEqual([
    'missing required types: [RBAC]', 'live.yaml: authorizers[2].name: expected name alwaysallow for authorizer AlwaysAllow instead of all', 'live.yaml: authorizers[1].name: expected name rbac for authorizer RBAC instead of mine',
  ]);
  await server.stop();
});
