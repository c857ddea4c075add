import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientTls } from '@coxswain/host';

/** A certificate authority with one certificate for members and one for clients, as files for whichever program. */
export interface CertificateFiles {
  readonly ca: string;
  readonly memberCert: string;
  readonly memberKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const;

export function makeCertificates(directory: string): CertificateFiles {
  const openssl = (...args: string[]): void => { execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' }); };
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=store-ca', '-days', '2');
  writeFileSync(join(directory, 'ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n');
  for (const name of ['member', 'client']) {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.crt`, '-days', '2', '-extfile', 'ext');
  }
  const path = (name: string): string => join(directory, name);
  return { ca: path('ca.crt'), memberCert: path('member.crt'), memberKey: path('member.key'), clientCert: path('client.crt'), clientKey: path('client.key') };
}

export function clientTls(files: CertificateFiles): ClientTls {
  const read = (name: string): string => readFileSync(name, 'utf8');
  return { caPem: read(files.ca), certPem: read(files.clientCert), keyPem: read(files.clientKey) };
}
