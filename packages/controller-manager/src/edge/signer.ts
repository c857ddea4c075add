import { createPrivateKey, randomBytes, webcrypto, type KeyObject } from 'node:crypto';
// The library's dependency injection wants it loaded first.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { UsageError } from '@coxswain/service';
import type { CertificateRequest, CertificateSigner, SignOptions } from '../certificates/signer.ts';

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

const keyUsage: Readonly<Record<string, number>> = {
  'digital signature': x509.KeyUsageFlags.digitalSignature, signing: x509.KeyUsageFlags.digitalSignature, 'content commitment': x509.KeyUsageFlags.nonRepudiation,
  'key encipherment': x509.KeyUsageFlags.keyEncipherment, 'key agreement': x509.KeyUsageFlags.keyAgreement, 'data encipherment': x509.KeyUsageFlags.dataEncipherment,
  'cert sign': x509.KeyUsageFlags.keyCertSign, 'crl sign': x509.KeyUsageFlags.cRLSign, 'encipher only': x509.KeyUsageFlags.encipherOnly,
  'decipher only': x509.KeyUsageFlags.decipherOnly,
};

const extendedKeyUsage: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0', 'server auth': x509.ExtendedKeyUsage.serverAuth, 'client auth': x509.ExtendedKeyUsage.clientAuth, 'code signing': x509.ExtendedKeyUsage.codeSigning,
  'email protection': x509.ExtendedKeyUsage.emailProtection, 's/mime': x509.ExtendedKeyUsage.emailProtection, timestamping: x509.ExtendedKeyUsage.timeStamping,
  'ocsp signing': x509.ExtendedKeyUsage.ocspSigning,
};

function algorithmOf(key: KeyObject): webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
  const namedCurve = curves[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (key.asymmetricKeyType !== 'ec' || namedCurve === undefined) throw new UsageError(`--cluster-signing-key-file: a key of type ${key.asymmetricKeyType ?? 'unknown'} cannot sign; use RSA or EC P-256, P-384, P-521`);
  return { name: 'ECDSA', namedCurve };
}

/** Positive, and unique by chance. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}

function alternativeNames(request: x509.Pkcs10CertificateRequest): x509.SubjectAlternativeNameExtension | undefined {
  return request.extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension);
}

async function parse(pem: string): Promise<CertificateRequest> {
  const request = new x509.Pkcs10CertificateRequest(pem);
  if (!await request.verify()) throw new Error('the request is not signed by its own key');
  const names = alternativeNames(request)?.names.toJSON() ?? [];
  const values = (type: string): string[] => names.filter((entry) => entry.type === type).map((entry) => String(entry.value));
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '', organizations: request.subjectName.getField('O'),
    dnsNames: values('dns'), ipAddresses: values('ip'), emailAddresses: values('email'), uris: values('url'),
  };
}

function extensionsFor(request: x509.Pkcs10CertificateRequest, usages: readonly string[]): x509.Extension[] {
  const flags = usages.reduce((all, usage) => all | (keyUsage[usage] ?? 0), 0);
  const extended = usages.flatMap((usage) => extendedKeyUsage[usage] ?? []);
  const names = alternativeNames(request);
  return [
    new x509.BasicConstraintsExtension(false, undefined, true), new x509.KeyUsagesExtension(flags, true),
    ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]), ...(names === undefined ? [] : [names]),
  ];
}

/** Signs with the authority of --cluster-signing-cert-file. Throws UsageError if the two do not fit. */
export async function createSigner(certPem: string, keyPem: string): Promise<CertificateSigner> {
  const issuer = new x509.X509Certificate(certPem);
  const key = createPrivateKey(keyPem);
  const algorithm = algorithmOf(key);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), algorithm, false, ['sign']);
  const authorityKeyIdentifier = await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey);
  return {
    parse,
    sign: async (pem: string, options: SignOptions) => {
      const request = new x509.Pkcs10CertificateRequest(pem);
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(), subject: request.subjectName, issuer: issuer.subjectName, publicKey: request.publicKey,
        notBefore: new Date(options.notBeforeMs), notAfter: new Date(Math.min(options.notAfterMs, issuer.notAfter.getTime())),
        signingKey: signingKey as CryptoKey, signingAlgorithm: { name: algorithm.name, hash: 'SHA-256' },
        extensions: [...extensionsFor(request, options.usages), authorityKeyIdentifier],
      });
      return `${certificate.toString('pem')}\n`;
    },
  };
}
