import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Host } from '@coxswain/host';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const yearMs = 365 * 24 * 3_600_000;

export interface SelfSigned {
  readonly certFile: string;
  readonly keyFile: string;
}

/** `--auto-tls`: the pair in `directory` (where etcd keeps it), made there if there is none. */
export async function selfSigned(host: Host, directory: string, hosts: readonly string[], validityYears: number): Promise<SelfSigned> {
  const files = { certFile: `${directory}/cert.pem`, keyFile: `${directory}/key.pem` };
  if (await host.disk.exists(files.certFile) && await host.disk.exists(files.keyFile)) return files;
  await host.disk.makeDirectory(directory, { mode: 0o700 });
  const { certPem, keyPem } = await generate(host.clock.nowMs(), hosts, validityYears);
  await host.disk.writeFileAtomic(files.keyFile, new TextEncoder().encode(keyPem), { mode: 0o600 });
  await host.disk.writeFileAtomic(files.certFile, new TextEncoder().encode(certPem));
  host.log.info('self-signed certificate made', { certFile: files.certFile, hosts, years: validityYears });
  return files;
}

async function generate(nowMs: number, hosts: readonly string[], validityYears: number): Promise<{ readonly certPem: string; readonly keyPem: string }> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: `01${randomBytes(15).toString('hex')}`, name: [{ O: ['etcd'] }], notBefore: new Date(nowMs - 300_000), notAfter: new Date(nowMs + validityYears * yearMs),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' }, keys: { privateKey: keys.privateKey as CryptoKey, publicKey: keys.publicKey as CryptoKey },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(hosts.map((name) => ({ type: isIP(name) === 0 ? 'dns' as const : 'ip' as const, value: name }))),
    ],
  });
  const body = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64').replaceAll(/(.{64})/g, '$1\n');
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: `-----BEGIN PRIVATE KEY-----\n${body.trimEnd()}\n-----END PRIVATE KEY-----\n` };
}
