import { addAmounts, pickAmounts, quotaCovers, quotaUsage, type Amounts } from '@coxswain/api/quota';
import type { GroupResource } from '@coxswain/api/status';
import type { KubeObject } from '@coxswain/client';
import type { ResourceQuota, ResourceQuotaStatus } from 'kubernetes-types/core/v1';

export interface Counted { readonly type: GroupResource; readonly objects: readonly KubeObject[] }

/** What is used of everything that the quota limits; zero where nothing is. */
export function quotaStatus(quota: ResourceQuota, counted: readonly Counted[], nowMs: number): ResourceQuotaStatus {
  const hard = (quota.spec?.hard ?? {}) as Amounts;
  const names = Object.keys(hard);
  let used: Amounts = Object.fromEntries(names.map((name) => [name, '0']));
  for (const { type, objects } of counted) {
    for (const object of objects) if (quotaCovers(quota, type, object)) used = addAmounts(used, pickAmounts(quotaUsage(type, object, nowMs), names));
  }
  return { hard: { ...hard }, used: { ...used } };
}

const plain: Readonly<Record<string, GroupResource>> = Object.fromEntries(
  ['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas', 'services', 'persistentvolumeclaims', 'pods'].map((resource) => [resource, { group: '', resource }]),
);

/** The resource whose objects count for a name in `hard`. Pods for whatever containers ask for. */
export function resourceBehind(name: string): GroupResource {
  const known = plain[name];
  if (known !== undefined) return known;
  if (name.startsWith('count/')) {
    const [resource = '', ...group] = name.slice('count/'.length).split('.');
    return { group: group.join('.'), resource };
  }
  if (name.startsWith('services.')) return { group: '', resource: 'services' };
  if (name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/')) return { group: '', resource: 'persistentvolumeclaims' };
  return { group: '', resource: 'pods' };
}
