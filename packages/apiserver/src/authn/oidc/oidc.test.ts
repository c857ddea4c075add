import { UsageError } from '@coxswain/service';
import { silentLogger, utf8, type Host, type IncomingResponse, type OutgoingRequest } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { beforeEach, expect, test } from 'vitest';
import type { AuthenticationResult } from '../../types.ts';
import { testKeys } from '../testing/keys.ts';
import { jwtKey, signJwt } from '../jwt.ts';
import { oidcAuthenticator } from './authenticator.ts';
import type { CompileExpression, JwtIssuer } from './config.ts';
import { parseAuthenticationFile } from './config-file.ts';
import { compileExpression } from './expressions.ts';

const real = createRealHost(silentLogger);
const url = 'https://issuer.example.com';
let nowMs = Date.parse('2026-01-01T00:00:00Z');
let fetched: string[] = [];
let documents: Record<string, () => unknown> = {};
/** Answers that are no JSON. */
let raw: Record<string, () => string> = {};
let authorized: unknown[] = [];

async function* once(text: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield utf8(text);
}

const host: Pick<Host, 'clock' | 'crypto' | 'network' | 'timers'> = {
  crypto: real.crypto, timers: real.timers, clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
  network: {
    ...real.network,
    fetch: (request: OutgoingRequest): Promise<IncomingResponse> => {
      fetched.push(request.url);
      const [document, text] = [documents[request.url], raw[request.url]];
      if (text !== undefined) {
        if (request.headers?.['authorization'] !== undefined) authorized.push(request.headers['authorization']);
        return Promise.resolve({ status: 200, headers: {}, body: once(text()), trailers: Promise.resolve({}) });
      }
      return document === undefined ? Promise.reject(new Error('connection refused')) : Promise.resolve({ status: 200, headers: {}, body: once(JSON.stringify(document())), trailers: Promise.resolve({}) });
    },
  },
};

const first = jwtKey(real.crypto, testKeys[0]);
const second = jwtKey(real.crypto, testKeys[1]);
let keys = [first];

beforeEach(() => {
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  fetched = [];
  raw = {};
  authorized = [];
  keys = [first];
  documents = {
    [`${url}/.well-known/openid-configuration`]: () => ({ issuer: url, jwks_uri: `${url}/keys` }),
    [`${url}/keys`]: () => ({ keys: keys.map((key) => ({ ...key.jwk, kid: key.keyId, use: 'sig' })) }),
  };
});

const issuer: JwtIssuer = {
  url, audiences: ['cluster'], signingAlgorithms: ['ES256'], requiredClaims: [], claimRules: [], userRules: [], extra: [],
  username: { kind: 'claim', claim: 'email', prefix: 'oidc:' }, groups: { kind: 'claim', claim: 'groups', prefix: 'o-' },
};
const good = { iss: url, aud: 'cluster', email: 'a@b.c', groups: ['dev'], exp: nowMs / 1000 + 60, jti: 'id-1' };

async function ask(claims: object, options: { readonly issuer?: Partial<JwtIssuer>; readonly key?: typeof first } = {}): Promise<AuthenticationResult> {
  return oidcAuthenticator(host, { ...issuer, ...options.issuer }, ['api']).authenticateToken(signJwt(real.crypto, options.key ?? first, { ...good, ...claims }), ['api']);
}

test('claims become a user', async () => {
  expect(await ask({})).toEqual({ kind: 'user', audiences: ['api'], user: { name: 'oidc:a@b.c', uid: '', groups: ['o-dev'], extra: { 'authentication.kubernetes.io/credential-id': ['JTI=id-1'] } } });
  expect(await ask({ groups: 'one', aud: ['x', 'cluster'] })).toMatchObject({ kind: 'user', user: { groups: ['o-one'] } });
});

test('what is wrong is refused, each with its reason', async () => {
  const cases: readonly (readonly [object, string, Partial<JwtIssuer>?])[] = [
    [{ aud: 'other' }, 'oidc: verify token: oidc: expected audience in ["cluster"] got "other"'],
    [{ exp: nowMs / 1000 - 1 }, 'oidc: verify token: oidc: token is expired'],
    [{ exp: undefined }, 'oidc: verify token: oidc: token is expired'],
    [{ nbf: nowMs / 1000 + 301 }, 'oidc: verify token: oidc: current time before the nbf (not before) time'],
    [{ email: undefined }, 'oidc: parse username claims "email": claim not present'],
    [{ email_verified: false }, 'oidc: email not verified'],
    [{ groups: [7] }, 'oidc: parse groups claim "groups": not a string or a list of strings'],
    [{}, 'oidc: verify token: oidc: id token signed with unsupported algorithm, expected [RS256] got "ES256"', { signingAlgorithms: ['RS256'] }],
    [{ hd: 'b' }, 'oidc: required claim hd value does not match. Got = "b", want = a', { requiredClaims: [{ claim: 'hd', value: 'a' }] }],
    [{}, 'oidc: required claim hd not present in ID token', { requiredClaims: [{ claim: 'hd', value: 'a' }] }],
  ];
  for (const [claims, reason, more] of cases) expect(await ask(claims, more === undefined ? {} : { issuer: more })).toEqual({ kind: 'invalid', reason });
  expect(await ask({ iss: 'https://other' })).toEqual({ kind: 'none' });
});

test('a key that is not the issuer\'s signs nothing, and inventing keys does not make us ask each time', async () => {
  const authenticator = oidcAuthenticator(host, issuer, ['api']);
  const show = (key: typeof first): Promise<AuthenticationResult> => authenticator.authenticateToken(signJwt(real.crypto, key, good), ['api']);
  for (let i = 0; i < 5; i += 1) expect((await show(second)).kind).toBe('invalid');
  expect(fetched).toEqual([`${url}/.well-known/openid-configuration`, `${url}/keys`]);
  expect((await show(first)).kind).toBe('user');
  keys = [second];
  nowMs += 10_000;
  expect((await show(second)).kind, 'keys are rotated').toBe('user');
  expect((await show(first)).kind, 'a key that was withdrawn').toBe('invalid');
});

test('an issuer that cannot be reached, or calls itself something else', async () => {
  documents = {};
  expect(await ask({})).toEqual({ kind: 'invalid', reason: `oidc: ${url}: ${url}/.well-known/openid-configuration: connection refused` });
  documents[`${url}/.well-known/openid-configuration`] = () => ({ issuer: 'https://evil', jwks_uri: `${url}/keys` });
  expect(await ask({})).toMatchObject({ reason: `oidc: issuer did not match the issuer returned by provider, expected "${url}" got "https://evil"` });
});

const source = { _claim_names: { groups: 's' }, _claim_sources: { s: { endpoint: 'https://graph.example/groups', access_token: 'at' } }, groups: undefined };

test('groups are fetched from where the token says that they are, and must be signed too', async () => {
  const other = 'https://graph.example';
  const told = { iss: other, aud: 'cluster', exp: nowMs / 1000 + 60, groups: ['far'] };
  let answer: object = told;
  raw['https://graph.example/groups'] = () => signJwt(real.crypto, second, answer);
  documents[`${other}/.well-known/openid-configuration`] = () => ({ issuer: other, jwks_uri: `${other}/keys` });
  documents[`${other}/keys`] = () => ({ keys: [{ ...second.jwk, kid: second.keyId, use: 'sig' }] });
  expect(await ask(source)).toMatchObject({ kind: 'user', user: { groups: ['o-far'] } });
  expect(authorized, 'with the access token that the claim has, and no other').toEqual(['Bearer at']);
  expect(await ask({ ...source, groups: ['near'] }), 'a claim that is there is not looked for').toMatchObject({ user: { groups: ['o-near'] } });
  expect(await ask({ ...source, _claim_names: { roles: 's' } })).toMatchObject({ user: { groups: [] } });
  expect(await ask({ ...source, _claim_sources: { s: { JWT: 'aggregated' } } })).toMatchObject({ user: { groups: [] } });
  const failed = 'oidc: could not expand distributed claims: ';
  expect(await ask({ ...source, _claim_sources: undefined })).toEqual({ kind: 'invalid', reason: `${failed}oidc: no claim sources` });
  expect(await ask({ ...source, _claim_sources: {} })).toEqual({ kind: 'invalid', reason: `${failed}id token _claim_names contained a source s missing in _claims_sources` });
  expect(await ask({ ...source, _claim_sources: { s: { endpoint: 'http://plain.example/' } } })).toEqual({ kind: 'invalid', reason: `${failed}while getting distributed claim "groups": http://plain.example/: URL scheme must be https` });
  const cases: readonly (readonly [object, string])[] = [
    [{ ...told, groups: undefined }, 'jwt returned by distributed claim endpoint "https://graph.example/groups" did not contain claim: groups'],
    [{ ...told, aud: 'other' }, 'verify distributed claim token: oidc: expected audience in ["cluster"] got "other"'],
    [{ ...told, exp: 1 }, 'verify distributed claim token: oidc: token is expired'],
    [{ ...told, iss: url }, 'verify distributed claim token: failed to verify signature: failed to verify id token signature'],
  ];
  for (const [next, reason] of cases) {
    answer = next;
    expect(await ask(source)).toEqual({ kind: 'invalid', reason: failed + reason });
  }
  expect(await ask(source, { issuer: { groups: undefined } }), 'where nobody wants them').toMatchObject({ kind: 'user', user: { groups: [] } });
});

test('Google calls itself by two names', async () => {
  const google = 'https://accounts.google.com';
  documents[`${google}/.well-known/openid-configuration`] = () => ({ issuer: google, jwks_uri: `${url}/keys` });
  expect(await ask({ iss: 'accounts.google.com' }, { issuer: { url: google } })).toMatchObject({ kind: 'user' });
});

/** Stands for the language: `claims.NAME` and `claims.NAME != ''`. */
const compile: CompileExpression = (variable, text) => {
  const [, name = '', rest = ''] = new RegExp(`^${variable}\\.(\\w+)(.*)$`).exec(text) ?? [];
  if (name === '') throw new Error('Syntax error');
  return { text, evaluate: (value) => (rest === '' ? value[name] : Boolean(value[name])) };
};

const file = (jwt: string): string => `apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\njwt:\n- ${jwt}\n`;
const minimal = (more = ''): string => file(`{issuer: {url: "${url}", audiences: [cluster]}, claimMappings: {username: {claim: sub, prefix: ""}}${more}}`);

test('issuers from a file: expressions map and judge', async () => {
  const jwt = `{issuer: {url: "${url}", audiences: [cluster]}, claimMappings: {username: {expression: claims.name}, groups: {expression: claims.roles}, uid: {claim: sub}, extra: [{key: example.com/tier, valueExpression: claims.tier}]}, claimValidationRules: [{expression: "claims.staff != ''", message: staff only}], userValidationRules: [{expression: "user.uid != ''", message: no uid}]}`;
  const [own] = parseAuthenticationFile('f', file(jwt), [], compile).issuers;
  const show = (claims: object): Promise<AuthenticationResult> => ask(claims, { issuer: own as JwtIssuer });
  expect(await show({ name: 'ann', roles: ['a', ''], sub: '7', tier: 'gold', staff: 'yes' })).toMatchObject({ kind: 'user', user: { name: 'ann', groups: ['a'], uid: '7', extra: { 'example.com/tier': ['gold'] } } });
  expect(await show({ name: 'ann', sub: '7' })).toEqual({ kind: 'invalid', reason: 'oidc: error evaluating claim validation expression: validation expression \'claims.staff != \'\'\' failed: staff only' });
  expect(await show({ name: '', sub: '7', staff: 'y' })).toEqual({ kind: 'invalid', reason: 'oidc: empty username via CEL expression is not allowed' });
  expect(await show({ name: 'ann', sub: '', staff: 'y' })).toEqual({ kind: 'invalid', reason: 'oidc: error evaluating user info validation rule: validation expression \'user.uid != \'\'\' failed: no uid' });
});

test('expressions are those of the language', async () => {
  const jwt = `{issuer: {url: "${url}", audiences: [cluster]}, claimMappings: {username: {expression: "'ext:' + claims.email"}, groups: {expression: "claims.roles.split(',')"}}, claimValidationRules: [{expression: claims.?email_verified.orValue(true) == true, message: not yours}], userValidationRules: [{expression: "!user.username.startsWith('system:')", message: reserved}]}`;
  const [own] = parseAuthenticationFile('f', file(jwt), [], compileExpression).issuers;
  expect(await ask({ roles: 'a,b' }, { issuer: own as JwtIssuer })).toMatchObject({ kind: 'user', user: { name: 'ext:a@b.c', groups: ['a', 'b'] } });
  expect(await ask({ roles: 'a', email_verified: false }, { issuer: own as JwtIssuer })).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('failed: not yours') as string });
  expect(await ask({}, { issuer: own as JwtIssuer })).toMatchObject({ kind: 'invalid', reason: 'oidc: error evaluating group claim expression: expression \'claims.roles.split(\',\')\' resulted in error: no such key: roles' });
  const wrong = (more: string): (() => unknown) => () => parseAuthenticationFile('f', minimal(more), [], compileExpression);
  expect(wrong(', userValidationRules: [{expression: user.nothing}]')).toThrow('f: jwt[0].userValidationRules[0].expression: Invalid value: "user.nothing": compilation failed: ERROR: <input>:1:5: undefined field \'nothing\'');
  expect(wrong(', userValidationRules: [{expression: user.username}]')).toThrow('must evaluate to bool');
  expect(() => parseAuthenticationFile('f', file(jwt.replace('claims.?email_verified.orValue(true) == true', 'claims.hd == "x"')), [], compileExpression)).toThrow('claims.email_verified must be used');
});

test('mistakes in the file are said with file and field', () => {
  const cases: readonly (readonly [string, string])[] = [
    [minimal(', more: 1'), 'f: jwt[0].more: unknown field'],
    [file('{issuer: {url: "http://x", audiences: [a]}, claimMappings: {username: {claim: sub, prefix: ""}}}'), 'f: jwt[0].issuer.url: Invalid value: "http://x": URL scheme must be https'],
    [file(`{issuer: {url: "${url}"}, claimMappings: {username: {claim: sub, prefix: ""}}}`), 'f: jwt[0].issuer.audiences: Required value: at least one audience is required'],
    [file(`{issuer: {url: "${url}", audiences: [a, b]}, claimMappings: {username: {claim: sub, prefix: ""}}}`), 'f: jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences'],
    [file(`{issuer: {url: "${url}", audiences: [a]}, claimMappings: {username: {claim: sub}}}`), 'f: jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing'],
    [minimal(', claimValidationRules: [{claim: a, expression: "claims.x"}]'), 'f: jwt[0].claimValidationRules[0]: Invalid value: "a": claim and expression can\'t both be set'],
    [minimal(', userValidationRules: [{expression: "("}]'), 'f: jwt[0].userValidationRules[0].expression: Invalid value: "(": Syntax error'],
    ['apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\nanonymous: {enabled: false, conditions: [{path: /livez}]}\n', 'f: anonymous.conditions: enabled should be set to true when conditions are defined'],
  ];
  for (const [text, message] of cases) expect(() => parseAuthenticationFile('f', text, [], compile)).toThrow(new UsageError(message));
  expect(() => parseAuthenticationFile('f', minimal(), [url], compile)).toThrow(`URL must not overlap with disallowed issuers: [${url}]`);
});
