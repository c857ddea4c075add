import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIPv4 } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { CertificateSubject, KeyTools } from '../tls/key-tools.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const yearMs = 365 * 24 * 3600 * 1000;

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

function name(subject: CertificateSubject): x509.JsonName {
  return [...subject.organizations.map((organization) => ({ O: [organization] })), { CN: [subject.commonName] }];
}

function alternativeNames(subject: CertificateSubject): x509.SubjectAlternativeNameExtension[] {
  const names: x509.JsonGeneralNames = [
    ...subject.dnsNames.map((value) => ({ type: 'dns' as const, value })), ...subject.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  return names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)];
}

async function newKey(): Promise<{ keys: webcrypto.CryptoKeyPair; keyPem: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as webcrypto.CryptoKeyPair;
  const keyPem = `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as never), 'PRIVATE KEY')}\n`;
  return { keys, keyPem };
}

export const realKeyTools: KeyTools = {
  newRequest: async (subject) => {
    const { keys, keyPem } = await newKey();
    const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: name(subject), keys, signingAlgorithm: algorithm, extensions: alternativeNames(subject) });
    return { keyPem, requestPem: `${request.toString('pem')}\n` };
  },
  selfSigned: async (subject, nowMs) => {
    const { keys, keyPem } = await newKey();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: name(subject), keys, signingAlgorithm: algorithm, serialNumber: nowMs.toString(16), notBefore: new Date(nowMs - 60_000), notAfter: new Date(nowMs + yearMs),
      extensions: [...alternativeNames(subject), new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth])],
    });
    return { keyPem, certPem: `${certificate.toString('pem')}\n` };
  },
  read: (certPem) => {
    try {
      const certificate = new x509.X509Certificate(certPem);
      const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
      const values = (type: string): string[] => names.filter((entry) => entry.type === type).map((entry) => entry.value as string);
      return {
        commonName: certificate.subjectName.getField('CN')[0] ?? '', notBeforeMs: certificate.notBefore.getTime(), notAfterMs: certificate.notAfter.getTime(),
        ipAddresses: values('ip').filter((value) => isIPv4(value) || value.includes(':')), dnsNames: values('dns'),
      };
    } catch {
      return undefined;
    }
  },
};
