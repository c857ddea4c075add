import { createHmac, generateKeyPairSync, sign, verify } from 'node:crypto';
import { createRealHost } from '@coxswain/host/edge';
import { silentLogger, utf8, type Clock } from '@coxswain/host';
import { beforeEach, describe, expect, it } from 'vitest';
import { AuthState } from './auth-state.ts';
import { JwtTokens, type JwtOptions } from './jwt-tokens.ts';
import { SimpleTokens } from './simple-tokens.ts';
import { findToken } from './tokens.ts';

const real = createRealHost(silentLogger);
let nowMs = 0;
const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
const host = { ...real, clock };
let state: AuthState;

beforeEach(() => {
  nowMs = 1_700_000_000_000;
  state = new AuthState();
  for (const name of ['root', 'alice']) state.apply({ userAdd: { name, password: '', hashedPassword: '', options: undefined } });
  state.apply({ userGrantRole: { user: 'root', role: 'root' } });
  state.apply({ enable: {} });
});

describe('a simple token', () => {
  const ttlMs = 300_000;
  let tokens: SimpleTokens;
  beforeEach(() => { tokens = new SimpleTokens(host, ttlMs); });
  const issued = (): string => {
    const token = `${tokens.logged()}.5`;
    tokens.applied(token, 'alice', state);
    return token;
  };

  it('is sixteen letters and its place in the log', () => {
    expect(issued()).toMatch(/^[a-zA-Z]{16}\.5$/);
    expect(issued()).not.toBe(issued());
    expect(tokens.knownFrom('abc.17')).toBe(17);
    for (const other of ['abc', 'a.b.17', 'abc.x', 'abc.']) expect(tokens.knownFrom(other)).toBeUndefined();
  });

  it('names its user at the revision of now, as long as it is used', () => {
    const token = issued();
    for (let round = 0; round < 5; round += 1) {
      nowMs += ttlMs - 1;
      expect(tokens.find(token, state)).toEqual({ user: 'alice', revision: state.revision });
    }
    nowMs += ttlMs + 1;
    expect(tokens.find(token, state)).toBeUndefined();
  });

  it.each([
    ['the password is changed', () => { state.apply({ userChangePassword: { name: 'alice', password: '', hashedPassword: '' } }); }],
    ['the user is deleted', () => { state.apply({ userDelete: { name: 'alice' } }); }],
    ['the user is deleted and made again', () => { state.apply({ userDelete: { name: 'alice' } }); state.apply({ userAdd: { name: 'alice', password: '', hashedPassword: '', options: undefined } }); }],
    ['authentication is switched off and on', () => { state.apply({ disable: {} }); state.apply({ enable: {} }); }],
  ])('is void when %s, also if this member only got the resulting state', (_what, act) => {
    const token = issued();
    act();
    expect(tokens.find(token, state)).toBeUndefined();
  });

  it('survives other changes', () => {
    const token = issued();
    state.apply({ roleAdd: { name: 'x' } });
    expect(tokens.find(token, state)).toEqual({ user: 'alice', revision: state.revision });
  });

  it('from another member is waited for when this one is behind', async () => {
    let index = 3;
    const catchUp = async (): Promise<void> => {
      index = 9;
      tokens.applied('abcdefghijklmnop.9', 'alice', state);
    };
    expect((await findToken(tokens, 'Bearer abcdefghijklmnop.9', () => ({ auth: state, index }), catchUp)).user).toBe('alice');
    await expect(findToken(tokens, 'abcdefghijklmnop.8', () => ({ auth: state, index }), () => Promise.reject(new Error('not needed')))).rejects.toThrow('etcdserver: invalid auth token');
    await expect(findToken(tokens, 'nonsense', () => ({ auth: state, index }), () => Promise.reject(new Error('not needed')))).rejects.toThrow('etcdserver: invalid auth token');
  });
});

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a JSON web token', () => {
  const ttlMs = 60_000;
  const secret = utf8('a secret');
  const options: JwtOptions = { method: 'HS256', ttlMs, signKey: secret, verifyKey: secret };
  const claims = (over: object = {}): object => ({ username: 'alice', revision: 3, exp: nowMs / 1000 + 60, ...over });
  const hmac = (head: object, body: object): string => {
    const signed = `${part(head)}.${part(body)}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };

  it('that others signed is understood: user and revision are what it says', () => {
    expect(new JwtTokens(host, options).find(hmac({ alg: 'HS256', typ: 'JWT' }, claims()))).toEqual({ user: 'alice', revision: 3 });
  });

  it.each([
    ['another method', () => hmac({ alg: 'HS512' }, claims())], ['no signature', () => `${part({ alg: 'none' })}.${part(claims())}.`], ['another body', () => `${part({ alg: 'HS256' })}.${part(claims())}.AAAA`],
    ['no end', () => hmac({ alg: 'HS256' }, claims({ exp: 'later' }))], ['its time over', () => hmac({ alg: 'HS256' }, claims({ exp: nowMs / 1000 - 1 }))], ['its time to come', () => hmac({ alg: 'HS256' }, claims({ nbf: nowMs / 1000 + 5 }))],
    ['no user', () => hmac({ alg: 'HS256' }, { revision: 3 })], ['no revision', () => hmac({ alg: 'HS256' }, { username: 'alice' })], ['no dots', () => 'nonsense'], ['no base64', () => '!.!.!'], ['an array', () => hmac([], [])],
  ])('with %s is refused', (_what, make) => {
    expect(new JwtTokens(host, options).find(make())).toBeUndefined();
  });

  it('lives as long as it says', () => {
    const tokens = new JwtTokens(host, options);
    const token = tokens.issue('alice', '', state.revision);
    expect(tokens.find(token)).toEqual({ user: 'alice', revision: state.revision });
    nowMs += ttlMs;
    expect(tokens.find(token)).toBeUndefined();
  });

  it.each(['RS256', 'PS512', 'ES256', 'ES384', 'EdDSA'] as const)('of %s verifies with other programs, and theirs here', (method) => {
    const pair = method === 'EdDSA' ? generateKeyPairSync('ed25519') : method.startsWith('ES') ? generateKeyPairSync('ec', { namedCurve: method === 'ES256' ? 'P-256' : 'P-384' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
    const signKey = utf8(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
    const verifyKey = utf8(pair.publicKey.export({ type: 'spki', format: 'pem' }) as string);
    const digest = method === 'EdDSA' ? undefined : `sha${method.slice(2)}`;
    const extra = method.startsWith('ES') ? { dsaEncoding: 'ieee-p1363' } as const : method.startsWith('PS') ? { padding: 6, saltLength: -1 } : {};
    const tokens = new JwtTokens(host, { method, ttlMs, signKey, verifyKey });
    const [head, body, signature] = tokens.issue('alice', '', state.revision).split('.') as [string, string, string];
    expect(verify(digest, utf8(`${head}.${body}`), { key: pair.publicKey, ...extra }, Buffer.from(signature, 'base64url'))).toBe(true);
    const signed = `${part({ alg: method })}.${part(claims())}`;
    const theirs = `${signed}.${sign(digest, utf8(signed), { key: pair.privateKey, ...extra }).toString('base64url')}`;
    expect(new JwtTokens(host, { method, ttlMs, verifyKey }).find(theirs)).toEqual({ user: 'alice', revision: 3 });
    expect(() => new JwtTokens(host, { method, ttlMs, verifyKey }).issue('alice', '', state.revision)).toThrow('auth: token signing attempted with verify-only key');
  });
});
