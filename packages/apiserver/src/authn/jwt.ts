import { fromUtf8, utf8, type Crypto, type SignatureAlgorithm } from '@coxswain/host';
import { publicKeyDer } from './oidc/jwk.ts';

export interface JwtKey {
  readonly keyId: string;
  readonly algorithm: SignatureAlgorithm;
  /** Private or public. */
  readonly pem: string;
  readonly jwk: Readonly<Record<string, string>>;
}

export type JsonWebToken<Claims> = { readonly header: { readonly alg: string; readonly kid?: string }; readonly claims: Claims };

function base64url(data: Uint8Array): string {
  return data.toBase64({ alphabet: 'base64url', omitPadding: true });
}

const curves: Readonly<Record<string, SignatureAlgorithm>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };

/** Throws on a key that is neither RSA nor of one of NIST's curves. The key id is upstream's: the digest of the public key's DER. */
export function jwtKey(crypto: Crypto, pem: string): JwtKey {
  const jwk = crypto.publicJwk(pem);
  const algorithm = jwk['kty'] === 'RSA' ? 'RS256' : curves[jwk['crv'] ?? ''];
  if (algorithm === undefined) throw new Error('service account keys must be RSA or ECDSA');
  return { keyId: base64url(crypto.hash('sha256', publicKeyDer(jwk))), algorithm, pem, jwk };
}

export function signJwt(crypto: Crypto, key: JwtKey, claims: object): string {
  const head = base64url(utf8(JSON.stringify({ alg: key.algorithm, kid: key.keyId })));
  const signed = `${head}.${base64url(utf8(JSON.stringify(claims)))}`;
  return `${signed}.${base64url(crypto.sign(key.algorithm, key.pem, utf8(signed)))}`;
}

function decodePart(part: string): unknown {
  return JSON.parse(fromUtf8(Uint8Array.fromBase64(part, { alphabet: 'base64url' })));
}

/** Undefined if it is no JWT at all. Nothing is verified. */
export function parseJwt<Claims extends object>(token: string): JsonWebToken<Claims> | undefined {
  const [head, body, signature, more] = token.split('.');
  if (!head || !body || !signature || more !== undefined) return undefined;
  try {
    const [header, claims] = [decodePart(head), decodePart(body)];
    if (typeof header !== 'object' || header === null || typeof claims !== 'object' || claims === null) return undefined;
    return { header: header as { alg: string; kid?: string }, claims: claims as Claims };
  } catch {
    return undefined;
  }
}

/** The algorithm comes from the key, never from the token. */
export function verifyJwt(crypto: Crypto, keys: readonly JwtKey[], token: string): boolean {
  const end = token.lastIndexOf('.');
  const parsed = parseJwt(token);
  if (parsed === undefined) return false;
  const { alg, kid } = parsed.header;
  const signature = decodeSignature(token.slice(end + 1));
  if (signature === undefined) return false;
  const signed = utf8(token.slice(0, end));
  const candidates = keys.some((key) => key.keyId === kid) ? keys.filter((key) => key.keyId === kid) : keys;
  return candidates.some((key) => key.algorithm === alg && crypto.verify(key.algorithm, key.pem, signed, signature));
}

function decodeSignature(part: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(part, { alphabet: 'base64url' });
  } catch {
    return undefined;
  }
}
