import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from 'kubernetes-types/rbac/v1';
import { deviceController, withDeviceRules } from './device-rbac.ts';
import data from '../../data/default-rbac.json' with { type: 'json' };

export type RbacObject = ClusterRole | ClusterRoleBinding | Role | RoleBinding;

export const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';

function complete(object: RbacObject): RbacObject {
  return {
    ...object,
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: {
      ...object.metadata,
      labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...object.metadata?.labels },
      annotations: { [autoUpdate]: 'true' },
    },
  } as RbacObject;
}

function selected(role: ClusterRole, by: ClusterRole): boolean {
  const labels = role.metadata?.labels ?? {};
  return (by.aggregationRule?.clusterRoleSelectors ?? []).some((selector) => Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value));
}

/** Rules gathered from the defaults, nested ones too; roles that users add are the aggregation controller's business. */
function gathered(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  if (role.aggregationRule === undefined) return role.rules ?? [];
  const rules = all.filter((one) => one !== role && selected(one, role)).flatMap((one) => gathered(one, all));
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}

function load(): readonly RbacObject[] {
  const objects = (data as unknown as RbacObject[]).map(complete);
  const roles = objects.filter((object): object is ClusterRole => object.kind === 'ClusterRole');
  return objects.map((object) => (object.kind === 'ClusterRole' ? { ...object, rules: gathered(object as ClusterRole, roles) } : object));
}

export const defaultRbac: readonly RbacObject[] = load();

const withDevices: readonly RbacObject[] = [...defaultRbac.map(withDeviceRules), ...deviceController.map(complete)];

/** What a cluster with these features begins with. */
export function rbacWith(features: ReadonlySet<string> | undefined): readonly RbacObject[] {
  return features?.has('DynamicResourceAllocation') === true ? withDevices : defaultRbac;
}

export function defaultClusterRoleRules(name: string, features?: ReadonlySet<string>): readonly PolicyRule[] {
  const role = rbacWith(features).find((object) => object.kind === 'ClusterRole' && object.metadata?.name === name) as ClusterRole | undefined;
  return role?.rules ?? [];
}
