import { fromUtf8, utf8, type Crypto, type SignatureAlgorithm } from '@coxswain/host';

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

/** Throws on a key that is neither RSA nor P-256. The key id is the JWK's RFC 7638 thumbprint. */
export function jwtKey(crypto: Crypto, pem: string): JwtKey {
  const jwk = crypto.publicJwk(pem);
  const { kty, crv, e, n, x, y } = jwk;
  if (kty === 'RSA') return { keyId: thumbprint(crypto, { e, kty, n }), algorithm: 'RS256', pem, jwk };
  if (kty === 'EC' && crv === 'P-256') return { keyId: thumbprint(crypto, { crv, kty, x, y }), algorithm: 'ES256', pem, jwk };
  throw new Error('service account keys must be RSA or ECDSA P-256');
}

function thumbprint(crypto: Crypto, members: Readonly<Record<string, string | undefined>>): string {
  return base64url(crypto.hash('sha256', utf8(JSON.stringify(members))));
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
