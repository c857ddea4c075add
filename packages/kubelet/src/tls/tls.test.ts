import 'reflect-metadata';
import * as fs from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as x509 from '@peculiar/x509';
import { webcrypto } from 'node:crypto';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import { loadKubeconfig } from '@coxswain/client/edge';
import { resources, type KubeObject } from '@coxswain/client';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { realKeyTools } from '../edge/key-tools.ts';
import { createLinuxSystem } from '../edge/index.ts';
import { FakeApi } from '../../test/support/fake-api.ts';
import { CertificateStore } from './certificate-store.ts';
import { rotationMs, splitPair } from './key-tools.ts';
import { requestCertificate } from './signing-request.ts';

const host = createRealHost(silentLogger);
const { files } = createLinuxSystem();
const subject = { commonName: 'system:node:n', organizations: ['system:nodes'], dnsNames: ['n'], ipAddresses: ['192.0.2.7'] };
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Signs what a request asks for, as the controllers would. */
async function sign(requestPem: string): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(requestPem);
  expect(await request.verify()).toBe(true);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.create({
    subject: request.subject, issuer: 'CN=ca', serialNumber: '01', notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 3_600_000), signingKey: keys.privateKey, publicKey: request.publicKey,
    signingAlgorithm: algorithm, extensions: request.extensions,
  });
  return certificate.toString('pem');
}

describe('certificates of the node', () => {
  let directory: string;
  beforeEach(async () => { directory = await fs.mkdtemp('/tmp/cox-tls-'); });
  afterEach(async () => { await fs.rm(directory, { recursive: true }); });

  test('a signing request asks for the right thing, and its answer is kept in upstream’s files', async () => {
    const api = new FakeApi();
    const pending = requestCertificate(api, host, realKeyTools, 'kubernetes.io/kubelet-serving', subject, new AbortController().signal);
    const [created] = await new Promise<CertificateSigningRequest[]>((resolve) => {
      const look = (): void => { void api.list<CertificateSigningRequest>(resources.certificatesigningrequests as never).then(({ items }) => (items.length > 0 ? resolve(items) : setTimeout(look, 5))); };
      look();
    });
    expect(created?.spec).toMatchObject({ signerName: 'kubernetes.io/kubelet-serving', usages: ['digital signature', 'server auth'] });
    const certificate = await sign(Buffer.from(created?.spec.request ?? '', 'base64').toString());
    await api.update(resources.certificatesigningrequests as never, { ...created, status: { certificate: Buffer.from(certificate).toString('base64') } } as KubeObject);
    const pair = await pending;
    expect(realKeyTools.read(pair.certPem)).toMatchObject({ commonName: 'system:node:n', ipAddresses: ['192.0.2.7'], dnsNames: ['n'] });
    expect(new x509.X509Certificate(pair.certPem).subject).toBe('O=system:nodes, CN=system:node:n');
    const store = new CertificateStore(host, files, directory, 'kubelet-server');
    await store.save(pair);
    expect(await fs.readlink(`${directory}/kubelet-server-current.pem`)).toMatch(/^kubelet-server-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.pem$/);
    expect((await fs.stat(`${directory}/kubelet-server-current.pem`)).mode & 0o777).toBe(0o600);
    expect(await store.load(realKeyTools, 'system:node:n')).toEqual(splitPair(await fs.readFile(`${directory}/kubelet-server-current.pem`, 'utf8')));
    expect(await store.load(realKeyTools, 'system:node:other')).toBeUndefined();
  });

  test('a denied request is given up', async () => {
    const api = new FakeApi();
    const pending = requestCertificate(api, host, realKeyTools, 'kubernetes.io/kube-apiserver-client-kubelet', subject, new AbortController().signal).catch((error: unknown) => (error as Error).message);
    const look = async (): Promise<CertificateSigningRequest> => (await api.list<CertificateSigningRequest>(resources.certificatesigningrequests as never)).items[0] ?? (await new Promise((resolve) => { setTimeout(resolve, 5); }), await look());
    const created = await look();
    await api.update(resources.certificatesigningrequests as never, { ...created, status: { conditions: [{ type: 'Denied', status: 'True', reason: 'Nope', message: 'not you' }] } } as KubeObject);
    expect(await pending).toMatch(/is denied: Nope not you$/);
  });

  test('renewal falls between 70 and 90 % of the life', () => {
    const facts = { commonName: '', notBeforeMs: 1000, notAfterMs: 2000, ipAddresses: [], dnsNames: [] };
    for (const value of [0, 0.5, 0.999]) {
      const at = rotationMs(facts, { random: { ...host.random, float: () => value } });
      expect(at).toBeGreaterThanOrEqual(1700);
      expect(at).toBeLessThanOrEqual(1900);
    }
  });

  test('a self-signed certificate and a kubeconfig can be read back', async () => {
    const pair = await realKeyTools.selfSigned(subject, Date.now());
    expect(realKeyTools.read(pair.certPem)?.ipAddresses).toEqual(['192.0.2.7']);
    expect(realKeyTools.read('nothing')).toBeUndefined();
    await expect(loadKubeconfig(`${directory}/none`)).rejects.toThrow('ENOENT');
  });
});
