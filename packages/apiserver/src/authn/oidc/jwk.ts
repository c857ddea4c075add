import type { SignatureAlgorithm } from '@coxswain/host';

export interface Jwk {
  readonly kty?: string;
  readonly kid?: string;
  readonly use?: string;
  readonly alg?: string;
  readonly crv?: string;
  readonly n?: string;
  readonly e?: string;
  readonly x?: string;
  readonly y?: string;
}

const families: Readonly<Record<SignatureAlgorithm, { readonly kty: string; readonly crv?: string }>> = {
  RS256: { kty: 'RSA' }, RS384: { kty: 'RSA' }, RS512: { kty: 'RSA' }, PS256: { kty: 'RSA' }, PS384: { kty: 'RSA' }, PS512: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' }, ES384: { kty: 'EC', crv: 'P-384' }, ES512: { kty: 'EC', crv: 'P-521' }, EdDSA: { kty: 'OKP', crv: 'Ed25519' },
};

/** Whether a key may sign by that algorithm. */
export function fits({ kty, crv, use, alg }: Jwk, algorithm: SignatureAlgorithm): boolean {
  const family = families[algorithm];
  return kty === family.kty && (family.crv === undefined || family.crv === crv) && (use === undefined || use === 'sig') && (alg === undefined || alg === algorithm);
}

function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const length: number[] = [];
  for (let rest = size; size > 0x7f && rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  const head = size <= 0x7f ? [tag, size] : [tag, 0x80 + length.length, ...length];
  const out = new Uint8Array(head.length + size);
  out.set(head);
  let at = head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const oids: Readonly<Record<string, string>> = { RSA: '2a864886f70d010101', EC: '2a8648ce3d0201', 'P-256': '2a8648ce3d030107', 'P-384': '2b81040022', 'P-521': '2b81040023', Ed25519: '2b6570' };
const oid = (name: string): Uint8Array => element(0x06, Uint8Array.fromHex(oids[name] ?? ''));
const bitString = (...parts: readonly Uint8Array[]): Uint8Array => element(0x03, new Uint8Array([0]), ...parts);

function bytes(text: string | undefined): Uint8Array {
  return Uint8Array.fromBase64(text ?? '', { alphabet: 'base64url' });
}

/** Unsigned: a zero ahead of a set high bit. */
function integer(text: string | undefined): Uint8Array {
  const value = bytes(text);
  return element(0x02, ...((value[0] ?? 0) >= 0x80 ? [new Uint8Array([0])] : []), value);
}

/** As SubjectPublicKeyInfo. Throws on what is no key. */
export function publicKeyDer({ kty = '', crv = '', n, e, x, y }: Jwk): Uint8Array {
  const algorithm = kty === 'RSA' ? element(0x30, oid('RSA'), element(0x05)) : kty === 'EC' ? element(0x30, oid('EC'), oid(crv)) : element(0x30, oid(crv));
  const key = kty === 'RSA' ? bitString(element(0x30, integer(n), integer(e))) : kty === 'EC' ? bitString(new Uint8Array([4]), bytes(x), bytes(y)) : bitString(bytes(x));
  return element(0x30, algorithm, key);
}

export function publicKeyPem(key: Jwk): string {
  const body = publicKeyDer(key).toBase64().replaceAll(/(.{64})(?=.)/g, '$1\n');
  return `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`;
}
