import type { JsonObject } from '@coxswain/api';
import type { KubeObject } from '@coxswain/client';
import type { ClusterRole, PolicyRule, RoleBinding, Subject } from 'kubernetes-types/rbac/v1';
import { expect, test } from 'vitest';
import { serviceAccountGroups, serviceAccountName, user } from '../authn/users.ts';
import { typed } from '../typed.ts';
import type { AuthorizationAttributes } from '../types.ts';
import { rbacAuthorizer } from './rbac.ts';
import { RoleIndex } from './role-index.ts';
import { RbacCache, type RbacResource } from './testing/rbac-cache.ts';

/** Small alphabets, so that much meets. */
const namespaces = ['a', 'b'];
const names = ['x', 'y', 'z'];
const verbs = ['get', 'list', 'create', '*'];
const groups = ['', 'apps', '*'];
const kinds = ['pods', 'pods/log', 'nodes', '*/log', '*'];
const paths = ['/metrics', '/logs/*', '*', '/healthz'];

/** xorshift: the same seed gives the same world. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 % 4_294_967_296 || 1;
  }

  below(n: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % n;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  some<T>(list: readonly T[]): T[] {
    return list.filter(() => this.below(3) === 0);
  }
}

interface World {
  readonly roles: readonly ClusterRole[];
  readonly bindings: readonly RoleBinding[];
}

const scopes = ['', ...namespaces];
const roleNames = ['r1', 'r2'];
const bindingNames = ['b1', 'b2', 'b3'];

function rule(chance: Chance): PolicyRule {
  if (chance.below(4) === 0) return { verbs: chance.some(verbs), nonResourceURLs: chance.some(paths) };
  return { verbs: chance.some(verbs), apiGroups: chance.some(groups), resources: chance.some(kinds), ...(chance.below(3) === 0 ? { resourceNames: chance.some(names) } : {}) };
}

function subject(chance: Chance): Subject {
  const kind = chance.of(['User', 'Group', 'ServiceAccount']);
  return { kind, name: chance.of(names), ...(kind === 'ServiceAccount' ? { namespace: chance.of(namespaces) } : { apiGroup: 'rbac.authorization.k8s.io' }) };
}

function named(name: string, namespace: string): { readonly name: string; readonly namespace?: string } {
  return namespace === '' ? { name } : { name, namespace };
}

function role(chance: Chance, name: string, namespace: string): ClusterRole {
  return { metadata: named(name, namespace), rules: [rule(chance), rule(chance)].slice(chance.below(2)) };
}

function binding(chance: Chance, name: string, namespace: string): RoleBinding {
  return {
    metadata: named(name, namespace), subjects: [subject(chance), subject(chance)].slice(chance.below(2)),
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: namespace === '' || chance.below(2) === 0 ? 'ClusterRole' : 'Role', name: chance.of([...roleNames, 'missing']) },
  };
}

const resourceOf = (sort: 'role' | 'rolebinding', namespace: string): RbacResource => `${namespace === '' ? 'cluster' : ''}${sort}s`;

/** A role or a binding is made, is another, or goes. */
function change(chance: Chance, cache: RbacCache): void {
  const namespace = chance.of(scopes);
  const ofRole = chance.below(2) === 0;
  const resource = resourceOf(ofRole ? 'role' : 'rolebinding', namespace);
  const name = chance.of(ofRole ? roleNames : bindingNames);
  if (chance.below(6) === 0) cache.delete(resource, namespace, name);
  else cache.set(resource, (ofRole ? role(chance, name, namespace) : binding(chance, name, namespace)) as unknown as JsonObject);
}

function fill(chance: Chance, cache: RbacCache): void {
  for (const scope of scopes) for (const name of roleNames) cache.set(resourceOf('role', scope), role(chance, name, scope) as unknown as JsonObject);
  for (const scope of scopes) for (const name of bindingNames) cache.set(resourceOf('rolebinding', scope), binding(chance, name, scope) as unknown as JsonObject);
}

function worldOf(cache: RbacCache): World {
  const list = <T extends KubeObject>(...resources: RbacResource[]): T[] => resources.flatMap((resource) => cache.list('rbac.authorization.k8s.io', resource).map((object) => typed<T>(object)));
  return { roles: list<ClusterRole>('clusterroles', 'roles'), bindings: list<RoleBinding>('clusterrolebindings', 'rolebindings') };
}

/** The definition, word by word, with no index. */
function model({ roles, bindings }: World, a: AuthorizationAttributes): boolean {
  const isOf = ({ kind, name, namespace = '' }: Subject): boolean => {
    if (kind === 'User') return a.user.name === name;
    return kind === 'Group' ? a.user.groups.includes(name) : a.user.name === `system:serviceaccount:${namespace}:${name}`;
  };
  const counts = bindings.filter(({ metadata }) => metadata?.namespace === undefined || (a.isResourceRequest && a.namespace !== '' && metadata.namespace === a.namespace));
  return counts.filter(({ subjects }) => (subjects ?? []).some(isOf)).some(({ roleRef, metadata }) => {
    const where = roleRef.kind === 'ClusterRole' ? undefined : metadata?.namespace;
    const found = roles.find((role) => role.metadata?.name === roleRef.name && role.metadata.namespace === where);
    return (found?.rules ?? []).some((one) => allows(one, a));
  });
}

function allows(one: PolicyRule, a: AuthorizationAttributes): boolean {
  if (!one.verbs.includes('*') && !one.verbs.includes(a.verb)) return false;
  if (!a.isResourceRequest) return (one.nonResourceURLs ?? []).some((url) => url === '*' || url === a.path || (url.endsWith('*') && a.path.startsWith(url.slice(0, -1))));
  const inGroup = (one.apiGroups ?? []).some((group) => group === '*' || group === a.group);
  const asked = a.subresource === '' ? a.resource : `${a.resource}/${a.subresource}`;
  const ofKind = (one.resources ?? []).some((kind) => kind === '*' || kind === asked || (a.subresource !== '' && kind === `*/${a.subresource}`));
  const named = (one.resourceNames ?? []).length === 0 || (one.resourceNames ?? []).includes(a.name);
  return inGroup && ofKind && named;
}

function question(chance: Chance): AuthorizationAttributes {
  const [namespace, name] = [chance.of(namespaces), chance.of(names)];
  const who = chance.below(3) === 0 ? user(serviceAccountName(namespace, name), '', serviceAccountGroups(namespace)) : user(name, '', chance.some(names));
  if (chance.below(4) === 0) return { user: who, verb: chance.of(verbs), isResourceRequest: false, path: chance.of(['/metrics', '/logs/x', '/logs', '/healthz', '/']), group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  return {
    user: who, verb: chance.of(verbs), isResourceRequest: true, path: '', group: chance.of(['', 'apps', 'batch']), version: 'v1', resource: chance.of(['pods', 'nodes']), subresource: chance.of(['', 'log', 'status']),
    namespace: chance.of(['', ...namespaces]), name: chance.of(['', ...names]),
  };
}

test('decisions agree with the definition in random worlds, at once after each change', async () => {
  let allowed = 0;
  let asked = 0;
  for (let seed = 1; seed <= 150; seed += 1) {
    const chance = new Chance(seed);
    const cache = new RbacCache();
    // Of some worlds the index has seen the beginning, of others it is told.
    const early = chance.below(2) === 0 ? new RoleIndex(cache) : undefined;
    fill(chance, cache);
    cache.ready();
    const authorizer = rbacAuthorizer(early ?? new RoleIndex(cache));
    for (let i = 0; i < 60; i += 1) {
      if (chance.below(3) === 0) change(chance, cache);
      const a = question(chance);
      const made = worldOf(cache);
      const expected = model(made, a);
      const { decision } = await authorizer.authorize(a);
      asked += 1;
      if (expected) allowed += 1;
      if ((decision === 'allow') !== expected) expect({ seed, i, a, decision }).toEqual({ expected, made });
    }
  }
  // Neither answer is rare, so both were tried.
  expect(allowed).toBeGreaterThan(asked / 20);
  expect(allowed).toBeLessThan(asked / 2);
});
