import { fromUtf8, utf8, type Clock, type Crypto, type HashAlgorithm, type SignatureAlgorithm } from '@coxswain/host';
import { EtcdError, grpcCode } from '../client/errors.ts';
import type { AuthInfo } from './auth-state.ts';
import type { TokenKind } from './tokens.ts';

export type JwtMethod = SignatureAlgorithm | 'HS256' | 'HS384' | 'HS512';

export interface JwtOptions {
  readonly method: JwtMethod;
  readonly ttlMs: number;
  /** For HS* the shared secret, else a private key; absent: this member can verify only. */
  readonly signKey?: Uint8Array;
  /** A public key, or for HS* the secret. */
  readonly verifyKey: Uint8Array;
}

const hmacHashes: Readonly<Record<string, HashAlgorithm>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

function base64url(data: Uint8Array): string {
  return data.toBase64({ alphabet: 'base64url', omitPadding: true });
}

/** Undefined: no base64url, or no JSON object in it. */
function jsonPart(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(Uint8Array.fromBase64(part, { alphabet: 'base64url' })));
    return typeof value === 'object' && value !== null ? value as Record<string, unknown> : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Signed tokens that any member with the key can verify, and anybody else who issues them may sign. */
export class JwtTokens implements TokenKind {
  readonly #host: { readonly clock: Clock; readonly crypto: Crypto };
  readonly #options: JwtOptions;

  constructor(host: { readonly clock: Clock; readonly crypto: Crypto }, options: JwtOptions) {
    this.#host = host;
    this.#options = options;
  }

  logged(): string {
    return '';
  }

  applied(): void {
    // Nothing is kept: the token says it all.
  }

  issue(user: string, _logged: string, revision: number): string {
    const { method, signKey, ttlMs } = this.#options;
    if (signKey === undefined) throw new EtcdError(grpcCode.unknown, 'auth: token signing attempted with verify-only key');
    const head = base64url(utf8(JSON.stringify({ alg: method, typ: 'JWT' })));
    const exp = Math.floor((this.#host.clock.nowMs() + ttlMs) / 1000);
    const signed = `${head}.${base64url(utf8(JSON.stringify({ exp, revision, username: user })))}`;
    return `${signed}.${base64url(this.#sign(signKey, utf8(signed)))}`;
  }

  #sign(key: Uint8Array, data: Uint8Array): Uint8Array {
    const { method } = this.#options;
    const hash = hmacHashes[method];
    return hash === undefined ? this.#host.crypto.sign(method as SignatureAlgorithm, fromUtf8(key), data) : this.#host.crypto.hmac(hash, key, data);
  }

  find(token: string): AuthInfo | undefined {
    const [head, body, signature, more] = token.split('.');
    if (head === undefined || body === undefined || signature === undefined || more !== undefined) return undefined;
    if (jsonPart(head)?.['alg'] !== this.#options.method || !this.#verify(`${head}.${body}`, signature)) return undefined;
    const { username, revision, exp, nbf } = jsonPart(body) ?? {};
    const nowSeconds = this.#host.clock.nowMs() / 1000;
    if (exp !== undefined && !(typeof exp === 'number' && nowSeconds < exp)) return undefined;
    if (nbf !== undefined && !(typeof nbf === 'number' && nowSeconds >= nbf)) return undefined;
    return typeof username === 'string' && typeof revision === 'number' && revision >= 0 ? { user: username, revision: Math.floor(revision) } : undefined;
  }

  /** The method is the configured one, never what the token names. */
  #verify(signed: string, signature: string): boolean {
    const { method, verifyKey } = this.#options;
    const { crypto } = this.#host;
    let given: Uint8Array;
    try {
      given = Uint8Array.fromBase64(signature, { alphabet: 'base64url' });
    } catch (error) {
      if (error instanceof SyntaxError) return false;
      throw error;
    }
    const hash = hmacHashes[method];
    if (hash !== undefined) return crypto.timingSafeEqual(crypto.hmac(hash, verifyKey, utf8(signed)), given);
    return crypto.verify(method as SignatureAlgorithm, fromUtf8(verifyKey), utf8(signed), given);
  }

  knownFrom(): undefined {
    return undefined;
  }
}
