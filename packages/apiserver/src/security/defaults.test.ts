import type { ClusterRole, ClusterRoleBinding, PolicyRule, RoleBinding } from 'kubernetes-types/rbac/v1';
import { expect, test } from 'vitest';
import { user } from '../authn/users.ts';
import { ruleAllows } from '../authz/rules.ts';
import { defaultRbac } from '../bootstrap/default-rbac.ts';

/** Attacks by number of docs/security.md: what a new cluster gives to whom. */
const roles = new Map(defaultRbac.filter(({ kind }) => kind === 'ClusterRole').map((role) => [role.metadata?.name ?? '', role as ClusterRole]));
const bindings = defaultRbac.filter((object): object is ClusterRoleBinding | RoleBinding => 'roleRef' in object);

function rulesOf(groups: readonly string[]): PolicyRule[] {
  const who = user('somebody', '', groups);
  return bindings.filter(({ kind, subjects }) => kind === 'ClusterRoleBinding' && (subjects ?? []).some((subject) => subject.kind === 'Group' && who.groups.includes(subject.name)))
    .flatMap(({ roleRef }) => roles.get(roleRef.name)?.rules ?? []);
}

interface Ask { readonly verb: string; readonly group?: string; readonly resource: string; readonly subresource?: string }
const allows = (rules: readonly PolicyRule[], { verb, group = '', resource, subresource = '' }: Ask): boolean => rules.some((rule) => ruleAllows(rule, { verb, isResourceRequest: true, path: '', group, resource, subresource, name: 'x' }));

test('28: all rights are bound once, to the masters, and nobody of them is made', () => {
  const full = bindings.filter(({ roleRef }) => roleRef.name === 'cluster-admin');
  expect(full.map(({ metadata, subjects }) => [metadata?.name, subjects?.map(({ kind, name }) => `${kind}:${name}`)])).toEqual([['cluster-admin', ['Group:system:masters']]]);
  const masters = bindings.filter(({ subjects }) => (subjects ?? []).some(({ name }) => name === 'system:masters'));
  expect(masters.map(({ metadata }) => metadata?.name)).toEqual(['cluster-admin']);
});

test('29: to be known is not to be allowed', () => {
  for (const groups of [['system:authenticated'], ['system:unauthenticated'], ['system:authenticated', 'system:serviceaccounts', 'system:serviceaccounts:default']]) {
    const rules = rulesOf(groups);
    for (const resource of ['secrets', 'pods', 'configmaps', 'nodes', 'serviceaccounts']) for (const verb of ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']) expect(allows(rules, { verb, resource }), `${groups.join()} ${verb} ${resource}`).toBe(false);
    expect(JSON.stringify(rules.filter(({ resources }) => (resources ?? []).length > 0)), groups.join()).not.toContain('"*"');
  }
});

test('29: stars stand in roles of the control plane only', () => {
  const starred = [...roles.values()].filter(({ rules }) => (rules ?? []).some((rule) => [rule.verbs, rule.resources, rule.apiGroups].some((list) => (list ?? []).includes('*')))).map(({ metadata }) => metadata?.name);
  expect(starred.filter((name) => !name?.startsWith('system:'))).toEqual(['cluster-admin']);
  const handedOut = bindings.filter(({ roleRef }) => starred.includes(roleRef.name)).flatMap(({ subjects }) => subjects ?? []);
  for (const { kind, name, namespace } of handedOut) expect(kind === 'ServiceAccount' ? namespace : name).toMatch(/^(kube-system|system:masters|system:kube-controller-manager)$/);
});

test('32: no right is given to accounts that pods have unasked', () => {
  const subjects = bindings.flatMap(({ subjects: bound }) => bound ?? []);
  expect(subjects.filter(({ kind, name }) => kind === 'ServiceAccount' && name === 'default')).toEqual([]);
  expect(subjects.filter(({ kind, name }) => kind === 'Group' && name.startsWith('system:serviceaccounts')).map(({ name }) => name)).toEqual(['system:serviceaccounts']);
  const given = bindings.filter(({ subjects: bound }) => (bound ?? []).some(({ name }) => name === 'system:serviceaccounts')).map(({ roleRef }) => roleRef.name);
  expect(given).toEqual(['system:service-account-issuer-discovery']);
});

test('31: what opens nodes, signers or webhooks comes with no role for people', () => {
  const dangerous: readonly Ask[] = [
    { verb: 'get', resource: 'nodes', subresource: 'proxy' }, { verb: 'create', resource: 'nodes', subresource: 'proxy' },
    { verb: 'update', group: 'certificates.k8s.io', resource: 'certificatesigningrequests', subresource: 'approval' }, { verb: 'approve', group: 'certificates.k8s.io', resource: 'signers' },
    { verb: 'create', group: 'admissionregistration.k8s.io', resource: 'validatingwebhookconfigurations' }, { verb: 'update', group: 'admissionregistration.k8s.io', resource: 'mutatingwebhookconfigurations' },
    { verb: 'create', resource: 'persistentvolumes' }, { verb: 'escalate', group: 'rbac.authorization.k8s.io', resource: 'clusterroles' }, { verb: 'bind', group: 'rbac.authorization.k8s.io', resource: 'clusterroles' },
  ];
  for (const name of ['view', 'edit', 'admin', 'system:basic-user', 'system:discovery', 'system:public-info-viewer']) for (const ask of dangerous) expect(allows(roles.get(name)?.rules ?? [], ask), `${name} ${JSON.stringify(ask)}`).toBe(false);
  for (const name of ['view', 'system:basic-user']) expect(allows(roles.get(name)?.rules ?? [], { verb: 'create', resource: 'serviceaccounts', subresource: 'token' }), name).toBe(false);
  expect(allows(roles.get('view')?.rules ?? [], { verb: 'get', resource: 'secrets' })).toBe(false);
});
