import type { ClusterRole, ClusterRoleBinding, PolicyRule } from 'kubernetes-types/rbac/v1';
import type { RbacObject } from './default-rbac.ts';

const group = 'resource.k8s.io';
const read = ['get', 'list', 'watch'];
const rule = (apiGroup: string, resources: readonly string[], ...verbs: readonly string[]): PolicyRule => ({ apiGroups: [apiGroup], resources: [...resources], verbs: [...verbs].sort() });

/** What DynamicResourceAllocation adds to roles that there are without it. */
const added: Readonly<Record<string, readonly PolicyRule[]>> = {
  'system:node': [rule(group, ['resourceclaims'], 'get'), rule(group, ['resourceslices'], 'deletecollection')],
  'system:kube-scheduler': [
    rule(group, ['deviceclasses'], ...read), rule(group, ['resourceclaims'], ...read, 'patch', 'update'), rule(group, ['resourceclaims/status'], ...read, 'patch', 'update'),
    rule('', ['pods/finalizers'], ...read, 'patch', 'update'), rule(group, ['resourceslices'], ...read),
  ],
};

const name = 'resource-claim-controller';
const roleName = `system:controller:${name}`;

export const deviceController: readonly (ClusterRole | ClusterRoleBinding)[] = [
  {
    kind: 'ClusterRole', metadata: { name: roleName },
    rules: [
      rule('', ['pods'], ...read), rule('', ['pods/finalizers'], 'update'), rule(group, ['resourceclaims'], ...read, 'create', 'delete'),
      rule(group, ['resourceclaims', 'resourceclaims/status'], 'patch', 'update'), rule('', ['pods/status'], 'patch', 'update'),
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    ],
  },
  {
    kind: 'ClusterRoleBinding', metadata: { name: roleName }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
    subjects: [{ kind: 'ServiceAccount', name, namespace: 'kube-system' }],
  },
];

export function withDeviceRules(object: RbacObject): RbacObject {
  const rules = object.kind === 'ClusterRole' ? added[object.metadata?.name ?? ''] : undefined;
  return rules === undefined ? object : { ...object as ClusterRole, rules: [...(object as ClusterRole).rules ?? [], ...rules] };
}
