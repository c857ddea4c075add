import type { SignatureAlgorithm } from '@coxswain/host';
import { DerError, elementsOf, Members, type Element } from './der.ts';
import { firstPemBlock } from './pem.ts';

/** What a certificate request (PKCS#10) asks to be called. */
export interface RequestSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

export interface SigningRequest extends RequestSubject {
  /** What its key has signed. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly algorithm: Uint8Array;
  readonly keyAlgorithm: Uint8Array;
  readonly curve: Uint8Array | undefined;
  readonly publicKeyPem: string;
}

export type VerifySignature = (algorithm: SignatureAlgorithm, publicKeyPem: string, data: Uint8Array, signature: Uint8Array) => boolean;

const pemType = 'CERTIFICATE REQUEST';
/** Larger ones, which could be made of a million names, would hold up everybody else while they are read; those with keys of any sort are some thousands. */
export const maxRequestBytes = 96 * 1024;

function derOf(pem: string): Uint8Array {
  const block = firstPemBlock(pem);
  if (block?.type !== pemType) throw new DerError(`PEM block type must be ${pemType}`);
  return block.der;
}

const commonNameId = '550403';
const organizationId = '55040a';

/** BMPString and UniversalString have two and four bytes a character; all others one or UTF-8. */
function textOf({ tag, content }: Element): string {
  const width = tag === 0x1e ? 2 : tag === 0x1c ? 4 : 0;
  if (width === 0) return new TextDecoder().decode(content);
  let out = '';
  for (let at = 0; at + width <= content.length; at += width) out += String.fromCodePoint(content.subarray(at, at + width).reduce((code, byte) => code * 256 + byte, 0) % 0x110000);
  return out;
}

function subjectOf(subject: Element): RequestSubject {
  const found: (readonly [id: string, value: string])[] = [];
  const names = new Members(new Members(subject.raw).next('sequence', 'pkix.RDNSequence').content);
  while (names.rest.length > 0) {
    const pairs = new Members(names.next('set', 'pkix.RelativeDistinguishedNameSET').content);
    while (pairs.rest.length > 0) {
      const pair = new Members(pairs.next('sequence', 'pkix.AttributeTypeAndValue').content);
      const id = pair.next('object-identifier', 'asn1.ObjectIdentifier').content.toHex();
      found.push([id, textOf(pair.any())]);
    }
  }
  // The last one counts, as in Go.
  return { commonName: found.findLast(([id]) => id === commonNameId)?.[1] ?? '', organizations: found.filter(([id]) => id === organizationId).map(([, value]) => value) };
}

interface PublicKey {
  readonly keyAlgorithm: Uint8Array;
  readonly curve: Uint8Array | undefined;
  readonly publicKeyPem: string;
}

function publicKeyOf(key: Element): PublicKey {
  const parts = new Members(key.content);
  const algorithm = new Members(parts.next('sequence', 'pkix.AlgorithmIdentifier').content);
  const keyAlgorithm = algorithm.next('object-identifier', 'asn1.ObjectIdentifier').content;
  const [parameters] = elementsOf(algorithm.rest);
  parts.next('bit-string', 'asn1.BitString');
  return { keyAlgorithm, curve: parameters?.tag === 6 ? parameters.content : undefined, publicKeyPem: `-----BEGIN PUBLIC KEY-----\n${key.raw.toBase64().replaceAll(/(.{64})/g, '$1\n')}\n-----END PUBLIC KEY-----\n` };
}

/** Neither read nor, as others that are refused, repeated byte by byte. */
export function isLargeRequest(base64: string): boolean {
  return base64.length > (maxRequestBytes / 3) * 4;
}

/** Of the base64 of a PEM. Throws DerError with Go's words. */
export function readSigningRequest(base64: string): SigningRequest {
  if (isLargeRequest(base64)) throw new DerError(`a request of more than ${maxRequestBytes} bytes`);
  const outer = new Members(derOf(new TextDecoder().decode(Uint8Array.fromBase64(base64))));
  const members = new Members(outer.next('sequence', 'certificateRequest').content);
  const info = members.next('sequence', 'tbsCertificateRequest');
  const parts = new Members(info.content);
  parts.next('integer', 'int');
  const subject = parts.any();
  const key = parts.next('sequence', 'publicKeyInfo');
  elementsOf(parts.rest);
  const algorithm = new Members(members.next('sequence', 'pkix.AlgorithmIdentifier').content).next('object-identifier', 'asn1.ObjectIdentifier').content;
  const signature = members.next('bit-string', 'asn1.BitString').content;
  if (outer.rest.length > 0) throw new DerError('asn1: syntax error: trailing data');
  return { signed: info.raw, signature: signature.subarray(1), algorithm, ...publicKeyOf(key), ...subjectOf(subject) };
}

export function requestSubject(base64: string): RequestSubject {
  return readSigningRequest(base64);
}

type KeySort = 'rsa' | 'ecdsa' | 'ed25519';

/** Object identifiers as they are encoded. */
const keySorts: Readonly<Record<string, KeySort>> = { '2a864886f70d010101': 'rsa', '2a8648ce3d0201': 'ecdsa', '2b6570': 'ed25519' };
const algorithms: Readonly<Record<string, { readonly key: KeySort; readonly name: SignatureAlgorithm }>> = {
  '2a864886f70d01010b': { key: 'rsa', name: 'RS256' }, '2a864886f70d01010c': { key: 'rsa', name: 'RS384' }, '2a864886f70d01010d': { key: 'rsa', name: 'RS512' },
  '2a8648ce3d040302': { key: 'ecdsa', name: 'ES256' }, '2a8648ce3d040303': { key: 'ecdsa', name: 'ES384' }, '2a8648ce3d040304': { key: 'ecdsa', name: 'ES512' },
  '2b6570': { key: 'ed25519', name: 'EdDSA' },
};
const insecure: Readonly<Record<string, string>> = { '2a864886f70d010104': 'MD5-RSA' };
/** Bytes of a coordinate. */
const curves: Readonly<Record<string, number>> = { '2b81040021': 28, '2a8648ce3d030107': 32, '2b81040022': 48, '2b81040023': 66 };
const failures: Readonly<Record<KeySort, string>> = { rsa: 'crypto/rsa: verification error', ecdsa: 'x509: ECDSA verification failure', ed25519: 'x509: Ed25519 verification failure' };

/** Two numbers of a known length, one behind the other; undefined: it is no such signature. */
function plainSignature(der: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const [outer, ...more] = elementsOf(der);
    const numbers = outer?.tag === 16 && more.length === 0 ? elementsOf(outer.content).map(({ content }) => (content[0] === 0 ? content.subarray(1) : content)) : [];
    if (numbers.length !== 2 || numbers.some(({ length }) => length > size)) return undefined;
    const out = new Uint8Array(2 * size);
    for (const [at, number] of numbers.entries()) out.set(number, (at + 1) * size - number.length);
    return out;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** Why it was not its own key that signed the request; undefined: it was. */
export function signatureProblem(request: SigningRequest, verify: VerifySignature): string | undefined {
  const sort = keySorts[request.keyAlgorithm.toHex()];
  const coordinate = request.curve === undefined ? undefined : curves[request.curve.toHex()];
  if (sort === 'ecdsa' && coordinate === undefined) return 'x509: unsupported elliptic curve';
  const weak = insecure[request.algorithm.toHex()];
  if (weak !== undefined) return `x509: cannot verify signature: insecure algorithm ${weak}`;
  const algorithm = algorithms[request.algorithm.toHex()];
  if (algorithm === undefined || sort !== algorithm.key) return 'x509: cannot verify signature: algorithm unimplemented';
  const signature = sort === 'ecdsa' ? plainSignature(request.signature, coordinate as number) : request.signature;
  return signature !== undefined && verify(algorithm.name, request.publicKeyPem, request.signed, signature) ? undefined : failures[sort];
}
