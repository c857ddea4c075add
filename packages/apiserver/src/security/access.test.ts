import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';

/** Attacks by number of docs/security.md: on who may do what. */
let cluster: TestCluster;
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const merge = { 'content-type': 'application/merge-patch+json' };
const stranger = 'nobody-token';

beforeAll(async () => {
  cluster = await startTestCluster([{ anonymousAuth: true, disableAdmissionPlugins: ['ServiceAccount'] }]);
  await cluster.call('POST', '/api/v1/namespaces/default/secrets', { body: { metadata: { name: 'treasure' }, stringData: { a: 'gold' } } });
});
afterAll(() => cluster.stop());

async function grant(name: string, rules: object[]): Promise<void> {
  await cluster.call('POST', `${rbac}/clusterroles`, { body: { metadata: { name }, rules } });
  const made = await cluster.call('POST', `${rbac}/clusterrolebindings`, {
    body: { metadata: { name }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'nobody' }] },
  });
  expect(made.status, made.text).toBe(201);
  await cluster.seen('rbac.authorization.k8s.io', 'clusterrolebindings', '', name);
}

async function revoke(name: string): Promise<void> {
  await cluster.call('DELETE', `${rbac}/clusterrolebindings/${name}`);
  await cluster.seen('rbac.authorization.k8s.io', 'clusterrolebindings', '', name, false);
}

const reads = ['/api/v1/secrets', '/api/v1/namespaces/default/secrets/treasure', '/api/v1/nodes', '/api/v1/namespaces/kube-system/configmaps', `${rbac}/clusterrolebindings`, '/metrics', '/apis/apps/v1/deployments', '/api', '/openapi/v2'];

test('1: without credentials there is health and version, nothing else', async () => {
  for (const path of ['/healthz', '/livez', '/readyz', '/version']) expect((await cluster.call('GET', path, { token: '' })).status, path).toBe(200);
  for (const path of reads) expect((await cluster.call('GET', path, { token: '' })).status, path).toBe(403);
  expect((await cluster.call('POST', '/api/v1/namespaces', { token: '', body: { metadata: { name: 'mine' } } })).status).toBe(403);
  const closed = await startTestCluster([{ anonymousAuth: false }]);
  for (const path of [...reads, '/healthz', '/version']) expect((await closed.call('GET', path, { token: '' })).status, path).toBe(401);
  await closed.stop();
});

test('1: why a login failed is not said', async () => {
  const answers = await Promise.all(['wrong', 'a.b.c', 'abcdef.0123456789abcdef', 'eyJhbGciOiJub25lIn0.e30.x'].map((token) => cluster.call('GET', '/api/v1/pods', { token })));
  for (const { json } of answers) expect(json).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'Unauthorized', reason: 'Unauthorized', code: 401 });
});

test('4: who has no role may do nothing, whatever path is taken', async () => {
  const forbidden = reads.filter((path) => !['/api', '/openapi/v2'].includes(path));
  for (const path of forbidden) expect((await cluster.call('GET', path, { token: stranger })).status, path).toBe(403);
  for (const path of ['/api/v1/namespaces/default/secrets/treasure/', '//api/v1/secrets', '/api/v1/namespaces/default/secrets/%74reasure', '/api/v1/watch/secrets', '/api/v1/namespaces/default/pods/../secrets/treasure', '/version/../api/v1/secrets', '/healthz/../metrics']) {
    const answer = await cluster.call('GET', path, { token: stranger });
    expect([403, 404, 301, 400], path).toContain(answer.status);
    expect(answer.text, path).not.toContain('Z29sZA==');
  }
});

test('10: there are no profiles', async () => {
  for (const path of ['/debug/pprof', '/debug/pprof/profile', '/debug/pprof/heap', '/debug/flags/v']) {
    expect((await cluster.call('GET', path)).status, 'an administrator').toBe(404);
    expect((await cluster.call('GET', path, { token: stranger })).status, 'anybody').toBe(403);
  }
});

test('30: nobody gives themselves more: roles, bindings and names of others need verbs of their own', async () => {
  await grant('writer', [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'], verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'] }]);
  const secrets = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }];
  const attempt = async (method: string, target: string, body: object): Promise<number> => (await cluster.call(method, target, { token: stranger, body, ...(method === 'PATCH' ? { headers: merge } : {}) })).status;
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'nobody' }];
  const admin = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
  expect(await attempt('POST', `${rbac}/clusterroles`, { metadata: { name: 'more' }, rules: secrets })).toBe(403);
  expect(await attempt('POST', `${rbac}/namespaces/default/roles`, { metadata: { name: 'more' }, rules: secrets })).toBe(403);
  expect(await attempt('PATCH', `${rbac}/clusterroles/writer`, { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] })).toBe(403);
  expect(await attempt('PATCH', `${rbac}/clusterroles/writer`, { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } }] } })).toBe(403);
  expect(await attempt('POST', `${rbac}/clusterrolebindings`, { metadata: { name: 'more' }, roleRef: admin, subjects })).toBe(403);
  expect(await attempt('POST', `${rbac}/namespaces/default/rolebindings`, { metadata: { name: 'more' }, roleRef: admin, subjects })).toBe(403);
  expect(await attempt('POST', `${rbac}/clusterrolebindings`, { metadata: { name: 'later' }, roleRef: { ...admin, name: 'to-be-made' }, subjects }), 'a role that is made afterwards').toBe(403);
  expect(await attempt('PATCH', `${rbac}/clusterrolebindings/cluster-admin`, { subjects }), 'to join the administrators').toBe(403);
  // With apply and with PUT it is the same.
  const applied = await cluster.call('PATCH', `${rbac}/clusterroles/more?fieldManager=m`, { token: stranger, headers: { 'content-type': 'application/apply-patch+yaml' }, body: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'more' }, rules: secrets } });
  expect(applied.status).toBe(403);
  await revoke('writer');
});

test('30: to speak for others is a right on each thing that is claimed', async () => {
  const me = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const as = async (headers: Readonly<Record<string, string>>): Promise<number> => (await cluster.call('POST', me, { token: stranger, headers, body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' } })).status;
  expect(await as({ 'impersonate-user': 'admin' })).toBe(403);
  await grant('mimic', [{ apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: ['bob'] }]);
  expect(await as({ 'impersonate-user': 'bob' })).toBe(201);
  expect(await as({ 'impersonate-user': 'admin' })).toBe(403);
  expect(await as({ 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' })).toBe(403);
  expect(await as({ 'impersonate-user': 'bob', 'impersonate-uid': '1' })).toBe(403);
  expect(await as({ 'impersonate-user': 'bob', 'impersonate-extra-scopes': 'all' })).toBe(403);
  expect(await as({ 'impersonate-user': 'system:serviceaccount:kube-system:namespace-controller' })).toBe(403);
  await revoke('mimic');
});

test('36: subresources are rights of their own', async () => {
  await cluster.call('POST', '/api/v1/namespaces/default/pods', { body: { metadata: { name: 'p' }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] } } });
  await grant('reader', [{ apiGroups: [''], resources: ['pods', 'nodes', 'services', 'serviceaccounts'], verbs: ['get', 'list', 'watch', 'create', 'update', 'patch'] }]);
  const pod = '/api/v1/namespaces/default/pods/p';
  expect((await cluster.call('GET', pod, { token: stranger })).status).toBe(200);
  const attempts: readonly (readonly [string, string])[] = [
    ['POST', `${pod}/exec?command=id`], ['GET', `${pod}/exec?command=id`], ['POST', `${pod}/attach`], ['GET', `${pod}/attach`], ['GET', `${pod}/log`], ['POST', `${pod}/portforward`], ['GET', `${pod}/proxy/`], ['POST', `${pod}/binding`], ['POST', `${pod}/eviction`],
    ['PUT', `${pod}/ephemeralcontainers`], ['PUT', `${pod}/status`], ['GET', '/api/v1/nodes/n1/proxy/pods'], ['GET', '/api/v1/namespaces/default/services/s/proxy/'], ['POST', '/api/v1/namespaces/default/serviceaccounts/default/token'],
  ];
  for (const [method, target] of attempts) expect((await cluster.call(method, target, { token: stranger, ...(method === 'GET' ? {} : { body: {} }) })).status, `${method} ${target}`).toBe(403);
  await revoke('reader');
});

test('36: the server is no way to its own loopback nor to the link', async () => {
  const node = async (name: string, address: string): Promise<unknown> => {
    await cluster.call('POST', '/api/v1/nodes', { body: { metadata: { name } } });
    await cluster.call('PATCH', `/api/v1/nodes/${name}/status`, { headers: merge, body: { status: { addresses: [{ type: 'InternalIP', address }] } } });
    return (await cluster.call('GET', `/api/v1/nodes/${name}/proxy/pods`)).json['message'];
  };
  for (const [index, address] of ['127.0.0.1', '169.254.169.254', '::1', 'fe80::1', '0.0.0.0', '::ffff:127.0.0.1', 'localhost'].entries()) expect(await node(`trap-${index}`, address), address).toBe('address not allowed');
});
