import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';

let cluster: TestCluster;
const registration = '/apis/admissionregistration.k8s.io/v1';
const rbac = '/apis/rbac.authorization.k8s.io/v1';

beforeAll(async () => {
  cluster = await startTestCluster();
  await cluster.call('POST', `${rbac}/clusterroles`, { body: { metadata: { name: 'policies' }, rules: [
    { apiGroups: ['admissionregistration.k8s.io'], resources: ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'], verbs: ['create', 'update', 'patch', 'get'] },
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }] } });
  await cluster.call('POST', `${rbac}/clusterrolebindings`, { body: { metadata: { name: 'policies' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'policies' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'nobody' }] } });
  await cluster.seen('rbac.authorization.k8s.io', 'clusterrolebindings', '', 'policies');
});
afterAll(() => cluster.stop());

const policy = (name: string, kind: string): object => ({ metadata: { name }, spec: {
  paramKind: { apiVersion: 'v1', kind }, validations: [{ expression: 'true' }],
  matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'], resourceNames: ['none'] }] } } });
const binding = (policyName: string, paramRef: object): object => ({ metadata: { name: 'b' }, spec: { policyName, paramRef: { parameterNotFoundAction: 'Deny', ...paramRef }, validationActions: ['Deny'] } });

async function answer(resource: string, body: object, method = 'POST', path = ''): Promise<readonly [number, unknown]> {
  const { status, json } = await cluster.call(method, `${registration}/${resource}${path}`, { body, token: 'nobody-token', ...(method === 'PATCH' ? { headers: { 'content-type': 'application/merge-patch+json' } } : {}) });
  return [status, (json['details'] as { causes?: unknown } | undefined)?.causes];
}

const nobody = /user &\{nobody \S* \[.*system:authenticated\] map\[.*\]\}/;

/** Words and codes as kube-apiserver 1.32.2 was seen to answer them. */
test('who may not read what a policy would read, may not write the policy', async () => {
  const [status, causes] = await answer('validatingadmissionpolicies', policy('secrets', 'Secret'));
  expect(status).toBe(422);
  expect(causes).toEqual([{ reason: 'FieldValueForbidden', field: 'spec.paramKind', message: expect.stringMatching(new RegExp(`^Forbidden: ${nobody.source} must have "get" permission on all objects of the referenced paramKind \\(kind=Secret, apiVersion=v1\\)$`)) as unknown }]);
  expect((await answer('validatingadmissionpolicies', policy('maps', 'ConfigMap')))[0]).toBe(201);
  expect((await answer('validatingadmissionpolicies', { spec: { paramKind: { kind: 'Secret' } } }, 'PATCH', '/maps'))[0]).toBe(422);
  expect((await answer('validatingadmissionpolicies', { metadata: { labels: { a: 'b' } } }, 'PATCH', '/maps'))[0]).toBe(200);
});

test('who may not read a parameter, may not point a policy at it', async () => {
  expect((await cluster.call('POST', `${registration}/validatingadmissionpolicies`, { body: policy('of-secrets', 'Secret') })).status).toBe(201);
  const refusals: readonly (readonly [string, object, string])[] = [
    ['of-secrets', { name: 'x', namespace: 'default' }, 'does not have "get" permission on the object referenced by paramRef'],
    ['of-secrets', { selector: {} }, 'does not have "list" permission on the object referenced by paramRef'],
  ];
  for (const [name, ref, words] of refusals) {
    const [status, causes] = await answer('validatingadmissionpolicybindings', binding(name, ref));
    expect(status).toBe(422);
    expect(causes).toEqual([{ reason: 'FieldValueForbidden', field: 'spec.paramRef', message: expect.stringMatching(new RegExp(`^Forbidden: ${nobody.source} ${words}$`)) as unknown }]);
  }
  const [, unknown] = await answer('validatingadmissionpolicybindings', binding('missing', { name: 'x', namespace: 'default' }));
  expect(unknown).toEqual([expect.objectContaining({ field: 'spec.paramRef', message: expect.stringContaining('unable to get policy missing to determine minimum required permissions and user &{nobody') as unknown })]);
  expect((await answer('validatingadmissionpolicybindings', binding('maps', { name: 'x', namespace: 'default' })))[0]).toBe(201);
});
