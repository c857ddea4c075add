import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';

let cluster: TestCluster;
beforeAll(async () => { cluster = await startTestCluster(); });
afterAll(() => cluster.stop());

const rbac = '/apis/rbac.authorization.k8s.io/v1';

async function bind(namespace: string, role: string, user: string): Promise<void> {
  const made = await cluster.call('POST', `${rbac}/namespaces/${namespace}/rolebindings`, {
    body: { metadata: { name: `${role}-${user}` }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }] },
  });
  expect(made.status, made.text).toBe(201);
  await cluster.seen('rbac.authorization.k8s.io', 'rolebindings', namespace, `${role}-${user}`);
}

test('no or wrong credentials are 401', async () => {
  for (const token of ['', 'wrong', 'a.b.c']) {
    const answer = await cluster.call('GET', '/api/v1/pods', { token });
    expect(answer.json).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'Unauthorized', reason: 'Unauthorized', code: 401 });
  }
});

test('what is forbidden is said in upstream words', async () => {
  const message = async (method: string, target: string): Promise<unknown> => {
    const answer = await cluster.call(method, target, { token: 'nobody-token' });
    expect(answer.status).toBe(403);
    return answer.json['message'];
  };
  expect(await message('GET', '/api/v1/namespaces/y/pods')).toBe('pods is forbidden: User "nobody" cannot list resource "pods" in API group "" in the namespace "y"');
  expect(await message('GET', '/apis/apps/v1/deployments')).toBe('deployments.apps is forbidden: User "nobody" cannot list resource "deployments" in API group "apps" at the cluster scope');
  expect(await message('GET', '/api/v1/namespaces/y/pods/p/log')).toBe('pods "p" is forbidden: User "nobody" cannot get resource "pods/log" in API group "" in the namespace "y"');
  expect(await message('GET', '/metrics')).toBe('forbidden: User "nobody" cannot get path "/metrics"');
});

test('health needs no rights, discovery only a name', async () => {
  expect((await cluster.call('GET', '/livez', { token: 'nobody-token' })).status).toBe(200);
  expect((await cluster.call('GET', '/version', { token: 'nobody-token' })).status).toBe(200);
});

test('a role binding holds in its namespace, with subresources and without secrets', async () => {
  await bind('default', 'view', 'nobody');
  const status = async (target: string): Promise<number> => (await cluster.call('GET', target, { token: 'nobody-token' })).status;
  expect(await status('/api/v1/namespaces/default/pods')).toBe(200);
  expect(await status('/api/v1/namespaces/default/pods/missing/log')).toBe(404);
  expect(await status('/api/v1/namespaces/default/secrets')).toBe(403);
  expect(await status('/api/v1/namespaces/kube-system/pods')).toBe(403);
});

test('nobody grants what they do not hold', async () => {
  await cluster.call('POST', `${rbac}/clusterroles`, { body: { metadata: { name: 'role-writer' }, rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['*'] }] } });
  // The verbs `*` contain escalate and bind, so narrower ones are named.
  await cluster.call('PATCH', `${rbac}/clusterroles/role-writer`, {
    body: { rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['create', 'update'] }] }, headers: { 'content-type': 'application/merge-patch+json' },
  });
  await bind('default', 'role-writer', 'nobody');
  const role = (verbs: string[]): unknown => ({ metadata: { name: 'granted' }, rules: [{ apiGroups: [''], resources: ['pods'], verbs }] });
  const refused = await cluster.call('POST', `${rbac}/namespaces/default/roles`, { body: role(['get', 'delete']), token: 'nobody-token' });
  expect(refused.status).toBe(403);
  expect(refused.json['message']).toBe('roles.rbac.authorization.k8s.io "granted" is forbidden: user "nobody" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}');
  expect((await cluster.call('POST', `${rbac}/namespaces/default/roles`, { body: role(['get', 'list']), token: 'nobody-token' })).status).toBe(201);
  const label = (metadata: object): ReturnType<TestCluster['call']> => cluster.call('PATCH', `${rbac}/namespaces/default/roles/strong`, { body: { metadata }, token: 'nobody-token', headers: { 'content-type': 'application/merge-patch+json' } });
  await cluster.call('POST', `${rbac}/namespaces/default/roles`, { body: { metadata: { name: 'strong' }, rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['*'] }] } });
  await cluster.call('PATCH', `${rbac}/clusterroles/role-writer`, {
    body: { rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['create', 'update', 'patch'] }] }, headers: { 'content-type': 'application/merge-patch+json' },
  });
  await cluster.seen('rbac.authorization.k8s.io', 'roles', 'default', 'strong');
  expect((await label({ labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } })).status).toBe(403);
  expect((await label({ finalizers: ['example.com/keep'] })).status).toBe(200);
  const binding = { metadata: { name: 'b' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ kind: 'User', name: 'nobody', apiGroup: 'rbac.authorization.k8s.io' }] };
  expect((await cluster.call('POST', `${rbac}/namespaces/default/rolebindings`, { body: binding, token: 'nobody-token' })).status).toBe(403);
});

test('access reviews answer for the asker and for others', async () => {
  const review = (kind: string, spec: unknown): unknown => ({ apiVersion: 'authorization.k8s.io/v1', kind, spec });
  const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'default' };
  const self = await cluster.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body: review('SelfSubjectAccessReview', { resourceAttributes }), token: 'nobody-token' });
  expect(self.object.status).toEqual({ allowed: true, reason: 'RBAC: allowed by RoleBinding "view-nobody/default" of ClusterRole "view" to User "nobody"' });
  const other = await cluster.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { body: review('SubjectAccessReview', { user: 'nobody', nonResourceAttributes: { verb: 'get', path: '/metrics' } }) });
  expect(other.object.status).toEqual({ allowed: false });
  const rules = await cluster.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { body: review('SelfSubjectRulesReview', { namespace: 'kube-system' }), token: 'nobody-token' });
  expect(rules.object.status['resourceRules']).toContainEqual({ verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'] });
});

test('impersonation is a right of its own', async () => {
  const whoami = async (token: string, headers: Record<string, string | readonly string[]>): Promise<{ status: number; json: Record<string, unknown> }> =>
    cluster.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }, token, headers });
  const allowed = await whoami('tok', { 'impersonate-user': 'jane', 'impersonate-group': ['dev', 'CN=x, OU=y'], 'impersonate-extra-scopes': 'view' });
  expect(allowed.json['status']).toEqual({ userInfo: { username: 'jane', groups: ['dev', 'CN=x, OU=y', 'system:authenticated'], extra: { scopes: ['view'] } } });
  const account = await whoami('tok', { 'impersonate-user': 'system:serviceaccount:ns:sa' });
  expect((account.json['status'] as { userInfo: { groups: string[] } }).userInfo.groups).toEqual(['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated']);
  const refused = await whoami('nobody-token', { 'impersonate-user': 'jane' });
  expect(refused.json['message']).toBe('users "jane" is forbidden: User "nobody" cannot impersonate resource "users" in API group "" at the cluster scope');
});
