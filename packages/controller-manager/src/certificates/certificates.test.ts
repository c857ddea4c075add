import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { isForbidden, resources, type Client } from '@coxswain/client';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSigner } from '../edge/signer.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { startHollowNodes } from '../testing/hollow-nodes.ts';
import { approvalRule, isGrantedByGroup, namesBelongTo, refusal } from './rules.ts';
import type { CertificateRequest } from './signer.ts';

const request = (more: Partial<CertificateRequest> = {}): CertificateRequest => ({
  commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: [], ipAddresses: [], emailAddresses: [], uris: [], ...more,
});
const client = { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] };
const serving = { signerName: 'kubernetes.io/kubelet-serving', usages: ['digital signature', 'server auth'] };

test('what each signer refuses', () => {
  expect(refusal(client, request())).toBeUndefined();
  expect(refusal(client, request({ organizations: ['system:masters'] }))).toBe('subject organization is not system:nodes');
  expect(refusal(client, request({ commonName: 'admin' }))).toBe('subject common name does not begin with system:node:');
  expect(refusal(client, request({ dnsNames: ['n1'] }))).toBe('DNS subjectAltNames are not allowed');
  expect(refusal({ ...client, usages: ['digital signature', 'client auth', 'server auth'] }, request())).toContain('usages did not match');
  expect(refusal(serving, request())).toBe('DNS or IP subjectAltName is required');
  expect(refusal(serving, request({ ipAddresses: ['10.0.0.1'] }))).toBeUndefined();
});

test('what is approved without a human', () => {
  const bootstrap = { ...client, username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:authenticated'] };
  const first = approvalRule(bootstrap, request());
  expect(first).toMatchObject({ kind: 'access', subresource: 'nodeclient' });
  expect(first !== undefined && isGrantedByGroup(first, bootstrap.groups)).toBe(true);
  const stranger = approvalRule({ ...client, username: 'eve', groups: ['system:authenticated'] }, request());
  expect(stranger !== undefined && isGrantedByGroup(stranger, ['system:authenticated'])).toBe(false);
  // One node asking for another's name is no renewal.
  const other = approvalRule({ ...client, username: 'system:node:n2', groups: ['system:nodes'] }, request());
  expect(other).toMatchObject({ subresource: 'nodeclient' });
  expect(approvalRule({ ...serving, username: 'system:node:n2', groups: ['system:nodes'] }, request({ ipAddresses: ['10.0.0.1'] }))).toBeUndefined();
  expect(namesBelongTo(request({ dnsNames: ['N1'], ipAddresses: ['10.0.0.1'] }), 'n1', ['10.0.0.1'])).toBe(true);
  expect(namesBelongTo(request({ dnsNames: ['kubernetes.default'] }), 'n1', ['10.0.0.1'])).toBe(false);
});

describe('in a cluster, judged by openssl', () => {
  let cluster: TestCluster;
  let folder: string;
  const openssl = (...args: readonly string[]): string => execFileSync('openssl', [...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'coxswain-signer-'));
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=kubernetes', '-days', '30');
    cluster = await startTestCluster();
    await startHollowNodes(cluster.host, cluster.admin, ['n1'], cluster.signal);
    // The one right that upstream's role of the controller lacks; `cox up` grants it too.
    await cluster.admin.create(resources.clusterrolebindings, {
      metadata: { name: 'serving-approver' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:certificates.k8s.io:kubelet-serving-approver' },
      subjects: [{ kind: 'ServiceAccount', name: 'certificate-controller', namespace: 'kube-system' }],
    });
    await cluster.startManager({ signer: await createSigner(readFileSync(join(folder, 'ca.crt'), 'utf8'), readFileSync(join(folder, 'ca.key'), 'utf8')) });
  });
  afterAll(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });

  const ask = async (as: Client, name: string, spec: Omit<CertificateSigningRequest['spec'], 'request'>, subject: string, names = ''): Promise<void> => {
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject, ...(names === '' ? [] : ['-addext', `subjectAltName=${names}`]));
    await as.create(resources.certificatesigningrequests, { metadata: { name }, spec: { ...spec, request: btoa(readFileSync(join(folder, `${name}.csr`), 'utf8')) } });
  };
  const certificateOf = async (name: string): Promise<X509Certificate> => {
    const found = await cluster.until(resources.certificatesigningrequests, { name }, (all) => all?.status?.certificate !== undefined);
    writeFileSync(join(folder, `${name}.crt`), atob(found?.status?.certificate ?? ''));
    expect(openssl('verify', '-CAfile', 'ca.crt', `${name}.crt`)).toContain('OK');
    return new X509Certificate(readFileSync(join(folder, `${name}.crt`)));
  };

  test('whoever may create node clients gets one', async () => {
    await ask(cluster.as('admin'), 'joining', { ...client, expirationSeconds: 3600 }, '/O=system:nodes/CN=system:node:n9');
    const certificate = await certificateOf('joining');
    expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:n9');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBe(3600_000);
    expect(certificate.ca).toBe(false);
  });

  test('a node gets a serving certificate for its own addresses only', async () => {
    const address = (await cluster.admin.get(resources.nodes, { name: 'n1' })).status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
    const own = async (name: string, names: string): Promise<boolean> => ask(cluster.as('node'), name, serving, '/O=system:nodes/CN=system:node:n1', names).then(() => true, (error: unknown) => {
      if (isForbidden(error)) return false;
      throw error;
    });
    expect(await own('mine', `DNS:n1,IP:${address}`)).toBe(true);
    expect((await certificateOf('mine')).subjectAltName).toContain(`IP Address:${address}`);
    expect(await own('not-mine', 'DNS:kubernetes.default.svc')).toBe(true);
    await ask(cluster.as('node'), 'marker', serving, '/O=system:nodes/CN=system:node:n1', 'DNS:n1');
    await certificateOf('marker');
    expect((await cluster.admin.get(resources.certificatesigningrequests, { name: 'not-mine' })).status?.conditions).toBeUndefined();
  });
});
