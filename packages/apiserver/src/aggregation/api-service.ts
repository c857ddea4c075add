import type { JsonObject } from '@coxswain/api';
import type { KubeObject, ResourceType } from '@coxswain/client';

export interface ApiServiceCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

export interface ServiceReference {
  namespace: string;
  name: string;
  port?: number;
}

export interface ApiService extends KubeObject {
  spec?: {
    group?: string;
    version?: string;
    service?: ServiceReference | null;
    insecureSkipTLSVerify?: boolean;
    caBundle?: string;
    groupPriorityMinimum?: number;
    versionPriority?: number;
  };
  status?: { conditions?: ApiServiceCondition[] };
}

export const apiServiceGroup = 'apiregistration.k8s.io';

export const apiServices: ResourceType<ApiService> = { group: apiServiceGroup, version: 'v1', resource: 'apiservices', kind: 'APIService', namespaced: false };

export function apiServiceOf(object: JsonObject): ApiService {
  return object as unknown as ApiService;
}

export function apiServiceName(group: string, version: string): string {
  return `${version}.${group}`;
}

export function availableCondition(service: ApiService): ApiServiceCondition | undefined {
  return service.status?.conditions?.find((condition) => condition.type === 'Available');
}

const kubeVersion = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/;
const stages: Readonly<Record<string, number>> = { '': 2, beta: 1, alpha: 0 };

/** Newer and more stable first: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [kubeVersion.exec(a), kubeVersion.exec(b)];
  if (left === null || right === null) return left === null && right === null ? (a < b ? -1 : a > b ? 1 : 0) : left === null ? 1 : -1;
  const parts = (match: RegExpExecArray): readonly number[] => [stages[match[2] ?? ''] ?? 0, Number(match[1]), Number(match[3] ?? 0)];
  const [of, other] = [parts(left), parts(right)];
  return of.map((part, index) => (other[index] ?? 0) - part).find((difference) => difference !== 0) ?? 0;
}

/** Groups by priority and name; in each its services, the preferred version first. */
export function sortedByGroup(services: readonly ApiService[]): readonly (readonly ApiService[])[] {
  const groups = new Map<string, ApiService[]>();
  for (const service of services) {
    const group = service.spec?.group ?? '';
    groups.set(group, [...(groups.get(group) ?? []), service]);
  }
  const priority = (list: readonly ApiService[]): number => Math.max(...list.map((service) => service.spec?.groupPriorityMinimum ?? 0));
  const version = (a: ApiService, b: ApiService): number =>
    (b.spec?.versionPriority ?? 0) - (a.spec?.versionPriority ?? 0) || compareVersions(a.spec?.version ?? '', b.spec?.version ?? '');
  return [...groups].sort(([a, left], [b, right]) => priority(right) - priority(left) || (a < b ? -1 : 1)).map(([, list]) => list.sort(version));
}
