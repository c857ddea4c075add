import type { JsonObject } from '@coxswain/api';
import type { KubeObject, ResourceType } from '@coxswain/client';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1';
import type { FlowSchema, PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { ConfigMap, Endpoints, Namespace, Node, Pod, Secret, Service, ServiceAccount } from 'kubernetes-types/core/v1';

/** The one place where decoded JSON is taken for what its kind says; the registry has checked its shape. */
export function typed<T extends KubeObject>(object: JsonObject): T {
  return object as unknown as T;
}

export function typedOrNone<T extends KubeObject>(object: JsonObject | undefined): T | undefined {
  return object as unknown as T | undefined;
}

export function untyped(object: object): JsonObject {
  return object as unknown as JsonObject;
}

function type<T extends KubeObject>(group: string, version: string, resource: string, kind: string, namespaced: boolean): ResourceType<T> {
  return { group, version, resource, kind, namespaced };
}

/** The resources that the stages themselves read and write. */
export const types = {
  namespaces: type<Namespace>('', 'v1', 'namespaces', 'Namespace', false),
  nodes: type<Node>('', 'v1', 'nodes', 'Node', false),
  pods: type<Pod>('', 'v1', 'pods', 'Pod', true),
  secrets: type<Secret>('', 'v1', 'secrets', 'Secret', true),
  services: type<Service>('', 'v1', 'services', 'Service', true),
  endpoints: type<Endpoints>('', 'v1', 'endpoints', 'Endpoints', true),
  configMaps: type<ConfigMap>('', 'v1', 'configmaps', 'ConfigMap', true),
  serviceAccounts: type<ServiceAccount>('', 'v1', 'serviceaccounts', 'ServiceAccount', true),
  endpointSlices: type<EndpointSlice>('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice', true),
  leases: type<Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease', true),
  priorityClasses: type<PriorityClass>('scheduling.k8s.io', 'v1', 'priorityclasses', 'PriorityClass', false),
  flowSchemas: type<FlowSchema>('flowcontrol.apiserver.k8s.io', 'v1', 'flowschemas', 'FlowSchema', false),
  priorityLevels: type<PriorityLevelConfiguration>('flowcontrol.apiserver.k8s.io', 'v1', 'prioritylevelconfigurations', 'PriorityLevelConfiguration', false),
  clusterRoles: type<ClusterRole>('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', false),
  clusterRoleBindings: type<ClusterRoleBinding>('rbac.authorization.k8s.io', 'v1', 'clusterrolebindings', 'ClusterRoleBinding', false),
  roles: type<Role>('rbac.authorization.k8s.io', 'v1', 'roles', 'Role', true),
  roleBindings: type<RoleBinding>('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding', true),
  podDisruptionBudgets: type<PodDisruptionBudget>('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', true),
} as const;
