import { isIP } from 'node:net';
import { randomBytes, webcrypto } from 'node:crypto';
// The library's dependency injection wants it loaded first.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
/** As kubeadm: authorities live ten years, certificates one. */
const authorityDays = 3650;
const certificateDays = 365;

export interface CertificateAuthority {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** Names and addresses; with any, the certificate serves. */
  readonly hosts?: readonly string[];
  readonly client?: boolean;
}

type Keys = webcrypto.CryptoKeyPair;

function pem(label: string, der: ArrayBuffer): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

async function privatePem(keys: Keys): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
}

async function newKeys(): Promise<Keys> {
  return (await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])) as Keys;
}

/** Positive and unique. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x01;
  return bytes.toString('hex');
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const nowMs = Date.now();
  // Five minutes back, for machines whose clocks differ.
  return { notBefore: new Date(nowMs - 300_000), notAfter: new Date(nowMs + days * dayMs) };
}

function name(commonName: string, organizations: readonly string[] = []): x509.JsonName {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
}

export async function newAuthority(commonName: string): Promise<CertificateAuthority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(), name: name(commonName), ...validity(authorityDays), signingAlgorithm: signing, keys: { privateKey: keys.privateKey as CryptoKey, publicKey: keys.publicKey as CryptoKey },
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as CryptoKey),
    ],
  });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: await privatePem(keys) };
}

function extensions(request: CertificateRequest): x509.Extension[] {
  const usages: string[] = [];
  if (request.hosts !== undefined) usages.push(x509.ExtendedKeyUsage.serverAuth);
  if (request.client !== false) usages.push(x509.ExtendedKeyUsage.clientAuth);
  const out: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension(usages),
  ];
  if (request.hosts !== undefined) {
    out.push(new x509.SubjectAlternativeNameExtension(request.hosts.map((host) => ({ type: isIP(host) === 0 ? 'dns' as const : 'ip' as const, value: host }))));
  }
  return out;
}

export async function issue(authority: CertificateAuthority, request: CertificateRequest): Promise<KeyPair> {
  const keys = await newKeys();
  const issuer = new x509.X509Certificate(authority.certPem);
  const body = Buffer.from(authority.keyPem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const signingKey = await webcrypto.subtle.importKey('pkcs8', body, keyAlgorithm, false, ['sign']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(), subject: name(request.commonName, request.organizations), issuer: issuer.subjectName, ...validity(certificateDays),
    signingAlgorithm: signing, publicKey: keys.publicKey as CryptoKey, signingKey: signingKey as CryptoKey,
    extensions: [...extensions(request), await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)],
  });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: await privatePem(keys) };
}

/** For signing service account tokens. */
export async function newSigningKey(): Promise<{ readonly privatePem: string; readonly publicPem: string }> {
  const keys = await newKeys();
  return { privatePem: await privatePem(keys), publicPem: pem('PUBLIC KEY', await webcrypto.subtle.exportKey('spki', keys.publicKey)) };
}

/** When a certificate ends, ms since the epoch. */
export function notAfterMs(certPem: string): number {
  return new x509.X509Certificate(certPem).notAfter.getTime();
}
