import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface TestKeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface TestAuthority {
  readonly caPem: string;
  /** As `caBundle` wants it. */
  readonly caBundle: string;
  issue(options: { readonly commonName: string; readonly organizations?: readonly string[]; readonly dnsNames?: readonly string[]; readonly addresses?: readonly string[]; readonly expired?: boolean }): Promise<TestKeyPair>;
}

async function newKeys(): Promise<{ readonly publicKey: CryptoKey; readonly privateKey: CryptoKey }> {
  return await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function pemOf(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** For tests with real TLS on loopback. */
export async function testAuthority(name = 'test-ca'): Promise<TestAuthority> {
  const keys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`, keys, signingAlgorithm: algorithm, notBefore: new Date('2020-01-01'), notAfter: new Date('2090-01-01'),
    extensions: [new x509.BasicConstraintsExtension(true, 1, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true)],
  });
  const caPem = ca.toString('pem');
  let serial = 1;
  return {
    caPem, caBundle: new TextEncoder().encode(caPem).toBase64(),
    async issue({ commonName, organizations = [], dnsNames = [], addresses = [], expired = false }) {
      const own = await newKeys();
      const names = [...dnsNames.map((value) => ({ type: 'dns' as const, value })), ...addresses.map((value) => ({ type: 'ip' as const, value }))];
      serial += 1;
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serial.toString(16).padStart(4, '0'), subject: [`CN=${commonName}`, ...organizations.map((one) => `O=${one}`)].join(', '), issuer: ca.subject,
        publicKey: own.publicKey, signingKey: keys.privateKey, signingAlgorithm: algorithm,
        notBefore: new Date('2020-01-01'), notAfter: new Date(expired ? '2020-01-02' : '2090-01-01'),
        extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
      });
      return { certPem: certificate.toString('pem'), keyPem: await pemOf(own.privateKey) };
    },
  };
}
