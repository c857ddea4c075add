import { fromUtf8, utf8, type Host, type SignatureAlgorithm } from '@coxswain/host';
import { parseGoDuration, UsageError, type FlagValues } from '@coxswain/service';
import type { JwtMethod, JwtOptions } from '../auth/jwt-tokens.ts';
import type { AuthTokenConfig } from '../server/config.ts';

const defaultJwtTtlMs = 5 * 60_000;

/** As a JWK names it: its curve, or else its type. */
type KeyKind = 'secret' | 'RSA' | 'P-256' | 'P-384' | 'P-521' | 'Ed25519';

const keyKinds: Readonly<Record<JwtMethod, KeyKind>> = {
  HS256: 'secret', HS384: 'secret', HS512: 'secret', RS256: 'RSA', RS384: 'RSA', RS512: 'RSA', PS256: 'RSA', PS384: 'RSA', PS512: 'RSA', ES256: 'P-256', ES384: 'P-384', ES512: 'P-521',
  EdDSA: 'Ed25519',
};

/** `readFile` answers a file's bytes or throws UsageError. */
export interface AuthTokenFiles {
  readonly host: Pick<Host, 'crypto'>;
  readFile(path: string): Promise<Uint8Array>;
}

/** `--auth-token`: `simple`, or `jwt,sign-method=…,pub-key=…,priv-key=…,ttl=…`. */
export async function authTokenOf(flags: FlagValues, files: AuthTokenFiles): Promise<AuthTokenConfig> {
  const [kind, ...pairs] = flags.string('auth-token').split(',');
  if (kind === 'simple') return { kind, ttlMs: flags.int('auth-token-ttl') * 1000 };
  if (kind !== 'jwt') throw new UsageError(`--auth-token must be simple or jwt,…, not ${JSON.stringify(kind)}`);
  return { kind, ...await jwtOptions(optionsOf(pairs), files) };
}

function optionsOf(pairs: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const pair of pairs) {
    const parts = pair.split('=');
    const [name = '', value = ''] = parts;
    if (parts.length !== 2) throw new UsageError(`--auth-token: ${JSON.stringify(pair)} is not NAME=VALUE`);
    if (options.has(name)) throw new UsageError(`--auth-token: ${name} is given twice`);
    if (!['sign-method', 'pub-key', 'priv-key', 'ttl'].includes(name)) throw new UsageError(`--auth-token: jwt has no option ${JSON.stringify(name)}`);
    options.set(name, value);
  }
  return options;
}

async function jwtOptions(options: ReadonlyMap<string, string>, files: AuthTokenFiles): Promise<JwtOptions> {
  const method = options.get('sign-method') ?? '';
  if (!isMethod(method)) throw new UsageError(`--auth-token: sign-method must be one of ${Object.keys(keyKinds).join(', ')}, not ${JSON.stringify(method)}`);
  const ttl = options.get('ttl');
  const ttlMs = ttl === undefined || ttl === '' ? defaultJwtTtlMs : parseGoDuration(ttl);
  if (ttlMs === undefined || ttlMs <= 0) throw new UsageError(`--auth-token: ttl ${JSON.stringify(ttl)} is no duration such as 10m`);
  const read = async (name: string): Promise<Uint8Array | undefined> => {
    const path = options.get(name);
    return path === undefined || path === '' ? undefined : files.readFile(path);
  };
  const [signKey, publicKey] = [await read('priv-key'), await read('pub-key')];
  if (keyKinds[method] === 'secret') {
    if (signKey === undefined || signKey.length === 0) throw new UsageError(`--auth-token: ${method} needs a secret in priv-key`);
    return { method, ttlMs, signKey, verifyKey: signKey };
  }
  const verifyKey = publicKey ?? signKey;
  if (verifyKey === undefined) throw new UsageError(`--auth-token: ${method} needs pub-key (to verify) or priv-key (to issue too)`);
  checkKeys(files.host.crypto, method, [signKey, publicKey].filter((key) => key !== undefined));
  if (signKey === undefined) return { method, ttlMs, verifyKey };
  checkPair(files.host.crypto, method as SignatureAlgorithm, signKey, verifyKey);
  return { method, ttlMs, signKey, verifyKey };
}

function isMethod(text: string): text is JwtMethod {
  return Object.hasOwn(keyKinds, text);
}

function checkKeys(crypto: Host['crypto'], method: JwtMethod, keys: readonly Uint8Array[]): void {
  const halves = keys.map((key) => {
    try {
      return crypto.publicJwk(fromUtf8(key));
    } catch (error) {
      throw new UsageError(`--auth-token: a key cannot be read: ${(error as Error).message}`);
    }
  });
  for (const { kty, crv } of halves) {
    if ((crv ?? kty) !== keyKinds[method]) throw new UsageError(`--auth-token: ${method} needs keys of another kind`);
  }
}

/** A signature made with the one must hold with the other. */
function checkPair(crypto: Host['crypto'], method: SignatureAlgorithm, signKey: Uint8Array, verifyKey: Uint8Array): void {
  const probe = utf8('probe');
  let signature: Uint8Array;
  try {
    signature = crypto.sign(method, fromUtf8(signKey), probe);
  } catch (error) {
    throw new UsageError(`--auth-token: priv-key cannot sign ${method}: ${(error as Error).message}`);
  }
  if (!crypto.verify(method, fromUtf8(verifyKey), probe, signature)) throw new UsageError("--auth-token: public and private keys don't match");
}
