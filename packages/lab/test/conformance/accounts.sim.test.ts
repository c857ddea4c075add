import { expect } from 'vitest';
import { readAndUpdate } from './api-operations.ts';
import { area, type Any } from './world.ts';

/** A request for CN e2e-example, with a P-256 key that nobody has. */
const csr = `-----BEGIN CERTIFICATE REQUEST-----
MIHsMIGTAgEAMDExGTAXBgNVBAoMEHN5c3RlbTpub2Rlcy1ub3QxFDASBgNVBAMM
C2UyZS1leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKxrQzEfxEmNY
lg3YaTwHm55lzJOjhGnQAxDBEQ8rVB7fehbONxa5nTlOhJwha4l6gttRngP9OWg/
6CRXv9R0HaAAMAoGCCqGSM49BAMCA0gAMEUCIQC2Ee4A4OrIozArWPtqZQeSnfJl
BoRmxhPml7sjTK8JLAIgDpiIYXQVlxickTgYAyhu7tUSMzFgY5LSFDUAqh27Ncg=
-----END CERTIFICATE REQUEST-----
`;

area('accounts, certificates, access', (conformance) => {
  conformance('[sig-auth] ServiceAccounts should update a ServiceAccount [Conformance]', async (t) => {
    const accounts = t.path('v1', 'serviceaccounts');
    await t.create(accounts, { metadata: { name: 'e2e' }, automountServiceAccountToken: false });
    await readAndUpdate(t, `${accounts}/e2e`, (account) => { account.automountServiceAccountToken = true; });
    expect((await t.get(`${accounts}/e2e`)).automountServiceAccountToken).toBe(true);
  });

  conformance('[sig-auth] ServiceAccounts should run through the lifecycle of a ServiceAccount [Conformance]', async (t) => {
    const accounts = t.path('v1', 'serviceaccounts');
    const watch = await t.watch('v1', 'serviceaccounts', { namespace: t.namespace, labelSelector: 'test-serviceaccount-static=true' });
    await t.create(accounts, { metadata: { name: 'testserviceaccount', labels: { 'test-serviceaccount-static': 'true' } } });
    await watch.until('ADDED');
    await t.patch(`${accounts}/testserviceaccount`, { automountServiceAccountToken: false }, 'strategic');
    await watch.until('MODIFIED', (seen) => seen.automountServiceAccountToken === false);
    expect((await t.get('/api/v1/serviceaccounts?labelSelector=test-serviceaccount-static=true')).items).toHaveLength(1);
    await t.delete(`${accounts}?labelSelector=test-serviceaccount-static=true`);
    await watch.until('DELETED');
    watch.stop();
  });

  conformance('[sig-auth] ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace [Conformance]', async (t) => {
    const path = t.path('v1', 'configmaps', 'kube-root-ca.crt');
    const before = await t.get(path);
    expect(before.data['ca.crt']).toBeTruthy();
    await t.delete(path);
    await t.eventually('it is published again', async () => (await t.call('GET', path)).status === 200);
    await readAndUpdate(t, path, (map) => { map.data = { 'ca.crt': '' }; });
    await t.eventually('it is as it was', async () => (await t.get(path)).data['ca.crt'] === before.data['ca.crt']);
  });

  conformance('[sig-auth] ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview [Conformance]', async (t) => {
    await t.create(t.path('v1', 'serviceaccounts'), { metadata: { name: 'e2e' } });
    const issued = await t.create(t.path('v1', 'serviceaccounts', 'e2e', 'token'), { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { name: 'e2e' }, spec: { expirationSeconds: 3600 } });
    const review = await t.create('/apis/authentication.k8s.io/v1/tokenreviews', { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: issued.status.token } });
    expect(review.status.error).toBeUndefined();
    expect(review.status).toMatchObject({ authenticated: true, user: { username: `system:serviceaccount:${t.namespace}:e2e`, groups: ['system:serviceaccounts', `system:serviceaccounts:${t.namespace}`, 'system:authenticated'] } });
  });

  conformance('[sig-auth] ServiceAccounts should allow opting out of API token automount [Conformance]', async (t) => {
    await t.create(t.path('v1', 'serviceaccounts'), { metadata: { name: 'mount' } });
    await t.create(t.path('v1', 'serviceaccounts'), { metadata: { name: 'nomount' }, automountServiceAccountToken: false });
    for (const [account, pod, mounted] of [['mount', undefined, true], ['mount', true, true], ['mount', false, false], ['nomount', undefined, false], ['nomount', true, true], ['nomount', false, false]] as const) {
      const made = await t.create(t.path('v1', 'pods'), { metadata: { generateName: 'pod-' }, spec: { serviceAccountName: account, ...(pod === undefined ? {} : { automountServiceAccountToken: pod }), containers: [{ name: 'token-test', image: 'example.com/i:1' }] } });
      const mounts = (made.spec.containers[0].volumeMounts ?? []) as Any[];
      expect([account, pod, mounts.some((mount) => mount.mountPath === '/var/run/secrets/kubernetes.io/serviceaccount')]).toEqual([account, pod, mounted]);
    }
  });

  conformance('[sig-auth] ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer [Conformance]', async (t) => {
    const robot = t.as(`system:serviceaccount:${t.namespace}:default`, 'system:serviceaccounts', 'system:authenticated');
    const document = await robot.get('/.well-known/openid-configuration');
    expect(document).toMatchObject({ issuer: 'https://kubernetes.default.svc', response_types_supported: ['id_token'], subject_types_supported: ['public'] });
    const { keys } = await robot.get('/openid/v1/jwks');
    const issued = await t.create(t.path('v1', 'serviceaccounts', 'default', 'token'), { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} });
    const head = JSON.parse(Buffer.from(String(issued.status.token).split('.')[0] ?? '', 'base64url').toString()) as { readonly kid: string; readonly alg: string };
    const claims = JSON.parse(Buffer.from(String(issued.status.token).split('.')[1] ?? '', 'base64url').toString()) as { readonly iss: string };
    expect(claims.iss).toBe(document.issuer);
    expect((keys as Any[]).map((key) => key.kid)).toContain(head.kid);
    expect(document.id_token_signing_alg_values_supported).toContain(head.alg);
  });

  conformance('[sig-auth] SubjectReview should support SubjectReview API operations [Conformance]', async (t) => {
    const account = `system:serviceaccount:${t.namespace}:e2e`;
    const attributes = { verb: 'list', resource: 'configmaps', namespace: t.namespace, version: 'v1' };
    const ask = async (kind: string, path: string, spec: Any): Promise<boolean> => (await t.create(path, { apiVersion: 'authorization.k8s.io/v1', kind, metadata: path.includes('/namespaces/') ? { namespace: t.namespace } : {}, spec })).status.allowed as boolean;
    const robot = t.as(account, 'system:serviceaccounts', 'system:authenticated');
    const all = async (): Promise<boolean[]> => [
      await ask('SubjectAccessReview', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { resourceAttributes: attributes, user: account }),
      await ask('LocalSubjectAccessReview', t.path('authorization.k8s.io/v1', 'localsubjectaccessreviews'), { resourceAttributes: attributes, user: account }),
      (await robot.create('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: attributes } })).status.allowed as boolean,
      (await robot.call('GET', t.path('v1', 'configmaps'))).status === 200,
    ];
    expect(await all()).toEqual([false, false, false, false]);
    await t.create(t.path('rbac.authorization.k8s.io/v1', 'rolebindings'), { metadata: { name: 'viewer' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'ServiceAccount', name: 'e2e', namespace: t.namespace }] });
    await t.eventually('the binding works everywhere', async () => (await all()).every(Boolean));
  });

  conformance('[sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations [Conformance]', async (t) => {
    const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
    const make = (): Promise<Any> => t.create(requests, { metadata: { generateName: `${t.namespace}-`, labels: { csr: t.namespace } }, spec: { request: Buffer.from(csr).toString('base64'), signerName: 'example.com/e2e', expirationSeconds: 3600, usages: ['digital signature', 'key encipherment', 'server auth'] } });
    await make();
    await make();
    const made = await make();
    const path = `${requests}/${made.metadata.name as string}`;
    expect(made.spec.username).toBe('admin');
    expect((await t.get(`${requests}?labelSelector=csr=${t.namespace}`)).items).toHaveLength(3);
    const watch = await t.watch('certificates.k8s.io/v1', 'certificatesigningrequests', { labelSelector: `csr=${t.namespace}` });
    await t.patch(path, { metadata: { annotations: { patched: 'true' } } });
    await readAndUpdate(t, path, (object) => { object.metadata.annotations.updated = 'true'; });
    await watch.until('MODIFIED', (seen) => seen.metadata.annotations?.updated === 'true');
    const approved = await readAndUpdate(t, `${path}/approval`, (object) => { object.status.conditions = [{ type: 'ApprovalUpdated', status: 'True', reason: 'E2E', message: 'Set from an e2e test' }]; });
    expect(approved.status.conditions.map((condition: Any) => condition.type)).toEqual(['ApprovalUpdated']);
    const patched = await t.patch(`${path}/approval`, { metadata: { annotations: { patchedapproval: 'true' } }, status: { conditions: [{ type: 'ApprovalPatch', status: 'True', reason: 'E2E' }] } });
    expect(patched.status.conditions.map((condition: Any) => condition.type)).toEqual(['ApprovalPatch']);
    const status = await readAndUpdate(t, `${path}/status`, (object) => { object.status.conditions.push({ type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from an e2e test' }); });
    expect(status.status.conditions.map((condition: Any) => condition.type)).toEqual(['ApprovalPatch', 'StatusUpdate']);
    await t.delete(path);
    await watch.until('DELETED', (seen) => seen.metadata.name === made.metadata.name);
    watch.stop();
    await t.delete(`${requests}?labelSelector=csr=${t.namespace}`);
    expect((await t.get(`${requests}?labelSelector=csr=${t.namespace}`)).items).toHaveLength(0);
  });
});
