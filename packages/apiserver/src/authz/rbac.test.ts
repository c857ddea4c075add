import type { JsonObject } from '@coxswain/api';
import { expect, test } from 'vitest';
import { user } from '../authn/users.ts';
import type { AuthorizationAttributes } from '../types.ts';
import { rbacAuthorizer } from './rbac.ts';
import { RoleIndex } from './role-index.ts';
import { RbacCache } from './testing/rbac-cache.ts';

const reader = { metadata: { name: 'reader' }, rules: [{ verbs: ['watch'], apiGroups: [''], resources: ['pods'] }] };

function binding(name: string, namespace?: string): JsonObject {
  return { metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, subjects: [{ kind: 'User', name: 'anna' }], roleRef: { kind: 'ClusterRole', name: 'reader' } };
}

function watchPods(name: string): AuthorizationAttributes {
  return { user: user(name, '', []), verb: 'watch', isResourceRequest: true, path: '', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: '', name: '' };
}

test('a request that comes before the roles are read waits for them', async () => {
  const cache = new RbacCache();
  const authorizer = rbacAuthorizer(new RoleIndex(cache));
  const asked = Promise.all([authorizer.authorize(watchPods('anna')), authorizer.authorize(watchPods('bert'))]);
  cache.set('clusterroles', reader);
  cache.set('clusterrolebindings', binding('readers'));
  cache.ready();
  expect((await asked).map(({ decision }) => decision)).toEqual(['allow', 'no-opinion']);
});

test('of several bindings the first by name is told, in whatever order they came', async () => {
  const cache = new RbacCache();
  cache.set('clusterroles', reader);
  const authorizer = rbacAuthorizer(new RoleIndex(cache));
  cache.ready();
  for (const name of ['m', 'z', 'a', 'b']) cache.set('clusterrolebindings', binding(name));
  const reason = async (): Promise<string> => (await authorizer.authorize(watchPods('anna'))).reason;
  expect(await reason()).toBe('RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "reader" to User "anna"');
  cache.delete('clusterrolebindings', '', 'a');
  expect(await reason()).toBe('RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to User "anna"');
  cache.delete('clusterroles', '', 'reader');
  const missing = 'clusterrole.rbac.authorization.k8s.io "reader" not found';
  expect(await reason()).toBe(`RBAC: [${missing}, ${missing}, ${missing}]`);
});

test('a binding that changes or goes is one of thousands: the others are not looked at', () => {
  const cache = new RbacCache();
  const index = new RoleIndex(cache);
  cache.set('clusterroles', reader);
  let read = 0;
  for (let at = 0; at < 2000; at += 1) {
    const made = binding(`b${at}`, 'busy');
    cache.set('rolebindings', { metadata: made['metadata'] as JsonObject, roleRef: made['roleRef'] as JsonObject, get subjects() { read += 1; return [{ kind: 'User', name: `u${at}` }]; } });
  }
  const grants = (name: string): number => index.rulesFor(user(name, '', []), 'busy').length;
  read = 0;
  cache.delete('rolebindings', 'busy', 'b7');
  expect([grants('u7'), grants('u8'), read]).toEqual([0, 1, 0]);
});

test('what no server would have written grants nothing: a subject of no kind, a role of the cluster', async () => {
  const cache = new RbacCache();
  const authorizer = rbacAuthorizer(new RoleIndex(cache));
  cache.set('clusterroles', reader);
  cache.set('clusterrolebindings', { ...binding('a'), subjects: [{ kind: 'Anybody', name: 'anna' }] });
  cache.set('clusterrolebindings', { ...binding('b'), roleRef: { kind: 'Role', name: 'reader' } });
  cache.ready();
  expect(await authorizer.authorize(watchPods('anna'))).toEqual({ decision: 'no-opinion', reason: 'RBAC: role.rbac.authorization.k8s.io "reader" not found' });
  cache.delete('clusterrolebindings', '', 'a');
  cache.set('clusterrolebindings', binding('a'));
  expect((await authorizer.authorize(watchPods('anna'))).decision).toBe('allow');
});
