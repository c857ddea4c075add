import { forbidden } from '@coxswain/api';
import type { KubeObject } from '@coxswain/client';
import type { ClusterRole, PolicyRule, RoleBinding } from 'kubernetes-types/rbac/v1';
import { mastersGroup } from '../authn/users.ts';
import { typed, typedOrNone } from '../typed.ts';
import type { Authorizer, RegistryWrite, UserInfo, WriteHook } from '../types.ts';
import type { RoleIndex } from './role-index.ts';
import { describeRules, quoted, uncovered } from './rules.ts';

const group = 'rbac.authorization.k8s.io';
const done = (): Promise<void> => Promise.resolve();
const everything: readonly PolicyRule[] = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }];

/** Whether the garbage collector's fields are all that differs. Labels are not among them: by a label a role joins others. */
export function sameForRights(a: KubeObject | undefined, b: KubeObject): boolean {
  const rest = (object: KubeObject): string => {
    const { finalizers: _finalizers, ownerReferences: _owners, managedFields: _managed, resourceVersion: _version, ...metadata } = object.metadata ?? {};
    return JSON.stringify(Object.entries({ ...object, metadata: Object.entries(metadata).toSorted(byKey) }).toSorted(byKey));
  };
  return a !== undefined && rest(a) === rest(b);
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

interface Target {
  readonly user: UserInfo;
  readonly verb: 'escalate' | 'bind';
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

async function mayDoAnyway(authorizer: Authorizer, target: Target): Promise<boolean> {
  if (target.user.groups.includes(mastersGroup)) return true;
  const { decision } = await authorizer.authorize({ ...target, isResourceRequest: true, path: '', group, version: 'v1', subresource: '' });
  return decision === 'allow';
}

function refuseUncovered(resource: string, name: string, user: UserInfo, missing: readonly PolicyRule[]): void {
  if (missing.length === 0) return;
  const why = `user ${JSON.stringify(user.name)} (groups=${quoted(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${describeRules(missing).join('\n')}`;
  throw forbidden({ group, resource }, name, why);
}

/** Nobody writes a role that can do more than they can, except with the verb `escalate`. */
function roleHook(resource: 'roles' | 'clusterroles', index: RoleIndex, authorizer: Authorizer): WriteHook {
  return {
    group,
    resource,
    async begin(write) {
      if (write.operation === 'DELETE') return done;
      const role = typed<ClusterRole>(write.object);
      const before = typedOrNone<ClusterRole>(write.oldObject);
      const { name = '', namespace = '' } = role.metadata ?? {};
      if (sameForRights(before, role) || await mayDoAnyway(authorizer, { user: write.user, verb: 'escalate', resource, namespace, name })) return done;
      // Whoever aggregates may come to hold any rule.
      const wanted = resource === 'clusterroles' && role.aggregationRule !== undefined ? everything : (role.rules ?? []);
      refuseUncovered(resource, name, write.user, uncovered(index.rulesFor(write.user, namespace), wanted));
      return done;
    },
  };
}

/** Nobody binds a role that can do more than they can, except with the verb `bind` on that role. */
function bindingHook(resource: 'rolebindings' | 'clusterrolebindings', index: RoleIndex, authorizer: Authorizer): WriteHook {
  return {
    group,
    resource,
    async begin(write: RegistryWrite) {
      if (write.operation === 'DELETE') return done;
      const binding = typed<RoleBinding>(write.object);
      const before = typedOrNone<RoleBinding>(write.oldObject);
      if (sameForRights(before, binding)) return done;
      const { name = '', namespace = '' } = binding.metadata ?? {};
      const role = { resource: binding.roleRef?.kind === 'Role' ? 'roles' : 'clusterroles', name: binding.roleRef?.name ?? '' };
      if (await mayDoAnyway(authorizer, { user: write.user, verb: 'bind', namespace, ...role })) return done;
      const rules = index.rulesOf(binding.roleRef, namespace);
      if (rules === undefined) throw forbidden({ group, resource }, name, `${role.resource}.${group} ${JSON.stringify(role.name)} not found`);
      refuseUncovered(resource, name, write.user, uncovered(index.rulesFor(write.user, namespace), rules));
      return done;
    },
  };
}

export function escalationHooks(index: RoleIndex, authorizer: Authorizer): readonly WriteHook[] {
  return [
    roleHook('roles', index, authorizer), roleHook('clusterroles', index, authorizer),
    bindingHook('rolebindings', index, authorizer), bindingHook('clusterrolebindings', index, authorizer),
  ];
}
