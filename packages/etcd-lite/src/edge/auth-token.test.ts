import { generateKeyPairSync } from 'node:crypto';
import { silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { parseFlags, UsageError } from '@coxswain/service';
import { describe, expect, it } from 'vitest';
import type { AuthTokenConfig } from '../server/config.ts';
import { authTokenOf } from './auth-token.ts';
import { etcdFlags } from './flags.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const files: Readonly<Record<string, Uint8Array>> = {
  secret: utf8('a secret'), empty: utf8(''), nonsense: utf8('nonsense'), 'rsa.key': utf8(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string), 'rsa.pub': utf8(rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string),
  'other.pub': utf8(other.publicKey.export({ type: 'spki', format: 'pem' }) as string), 'ec.key': utf8(ec.privateKey.export({ type: 'sec1', format: 'pem' }) as string),
};

async function parse(...args: readonly string[]): Promise<AuthTokenConfig> {
  return authTokenOf(parseFlags(etcdFlags, [...args]), {
    host: createRealHost(silentLogger),
    readFile: async (path) => {
      const data = files[path];
      if (data === undefined) throw new UsageError(`--auth-token: ENOENT ${path}`);
      return data;
    },
  });
}

describe('--auth-token', () => {
  it('is simple, with etcd\'s time, unless it says otherwise', async () => {
    expect(await parse()).toEqual({ kind: 'simple', ttlMs: 300_000 });
    expect(await parse('--auth-token-ttl', '7')).toEqual({ kind: 'simple', ttlMs: 7000 });
  });

  it('jwt: keys, method and time', async () => {
    expect(await parse('--auth-token', 'jwt,sign-method=RS256,pub-key=rsa.pub,priv-key=rsa.key,ttl=10m')).toEqual({ kind: 'jwt', method: 'RS256', ttlMs: 600_000, signKey: files['rsa.key'], verifyKey: files['rsa.pub'] });
    expect(await parse('--auth-token', 'jwt,sign-method=PS512,pub-key=rsa.pub')).toEqual({ kind: 'jwt', method: 'PS512', ttlMs: 300_000, verifyKey: files['rsa.pub'] });
    expect(await parse('--auth-token', 'jwt,sign-method=ES256,priv-key=ec.key')).toEqual({ kind: 'jwt', method: 'ES256', ttlMs: 300_000, signKey: files['ec.key'], verifyKey: files['ec.key'] });
    expect(await parse('--auth-token', 'jwt,sign-method=HS256,priv-key=secret')).toEqual({ kind: 'jwt', method: 'HS256', ttlMs: 300_000, signKey: files['secret'], verifyKey: files['secret'] });
  });

  it.each([
    ['other', 'must be simple or jwt'], ['jwt', 'sign-method must be one of'], ['jwt,sign-method=none', 'sign-method must be one of'], ['jwt,sign-method=RS256', 'needs pub-key'], ['jwt,sign-method=HS256', 'needs a secret'],
    ['jwt,sign-method=HS256,priv-key=empty', 'needs a secret'], ['jwt,sign-method', 'is not NAME=VALUE'], ['jwt,ttl=1m,ttl=2m', 'given twice'], ['jwt,colour=red', 'no option "colour"'], ['jwt,sign-method=HS256,priv-key=secret,ttl=soon', 'is no duration'],
    ['jwt,sign-method=RS256,pub-key=other.pub,priv-key=rsa.key', 'public and private keys don\'t match'], ['jwt,sign-method=RS256,pub-key=nonsense', 'a key cannot be read'], ['jwt,sign-method=RS256,priv-key=ec.key', 'keys of another kind'],
    ['jwt,sign-method=ES384,priv-key=ec.key', 'keys of another kind'], ['jwt,sign-method=RS256,priv-key=rsa.pub', 'priv-key cannot sign'], ['jwt,sign-method=RS256,priv-key=gone', 'ENOENT'],
  ])('%s is refused', async (value, message) => {
    await expect(parse('--auth-token', value)).rejects.toThrow(message);
    await expect(parse('--auth-token', value)).rejects.toBeInstanceOf(UsageError);
  });
});
