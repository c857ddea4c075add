import { addAmounts, amountsText, compareQuantity, pickAmounts, positiveAmounts, quotaCovers, quotaUsage, subtractAmounts, unspecified, type Amounts } from '@coxswain/api';
import type { Clock } from '@coxswain/host';
import type { Pod, ResourceQuota } from 'kubernetes-types/core/v1';
import { readyList } from '../ready-list.ts';
import { typed } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin, CacheReader, ObjectMutator } from '../types.ts';
import { groupResource, podOf, refuse } from './attributes.ts';

/** What can grow by an update. */
const growing = new Set(['services', 'persistentvolumeclaims']);

function asksForMore(a: AdmissionAttributes): boolean {
  if (a.namespace === '' || a.subresource !== '' || a.object === undefined || (a.resource.group === '' && a.resource.resource === 'namespaces')) return false;
  return a.operation === 'CREATE' || (a.resource.group === '' && growing.has(a.resource.resource));
}

function wantedBy(a: AdmissionAttributes, nowMs: number): Amounts {
  const after = quotaUsage(groupResource(a), a.object ?? {}, nowMs);
  return positiveAmounts(a.operation === 'UPDATE' && a.oldObject !== undefined ? subtractAmounts(after, quotaUsage(groupResource(a), a.oldObject, nowMs)) : after);
}

/** Adds what is asked for to what the quota knows to be used, in place. Throws if that is more than it allows. */
function take(a: AdmissionAttributes, quota: ResourceQuota, wanted: Amounts): void {
  const name = quota.metadata?.name ?? '';
  const { hard = {}, used = {} } = quota.status ?? {};
  const asked = pickAmounts(wanted, Object.keys(hard));
  const names = Object.keys(asked);
  const unknown = names.filter((one) => used[one] === undefined);
  if (unknown.length > 0) throw refuse(a, `status unknown for quota: ${name}, resources: ${unknown.toSorted((left, right) => (left < right ? -1 : 1)).join(',')}`);
  const next = addAmounts(pickAmounts(used, names), asked);
  const over = names.filter((one) => compareQuantity(next[one] ?? '0', hard[one] ?? '0') > 0);
  if (over.length > 0) {
    throw refuse(a, `exceeded quota: ${name}, requested: ${amountsText(pickAmounts(asked, over))}, used: ${amountsText(pickAmounts(used, over))}, limited: ${amountsText(pickAmounts(hard, over))}`);
  }
  quota.status = { ...quota.status, used: { ...used, ...next } };
}

/**
 * Nothing beyond the quotas of a namespace. Each take is one compare-and-swap of the quota's status, so that requests at the same
 * time cannot both have the last of it. What was taken for an object that then was not stored comes back with the controller's next count.
 */
export function resourceQuotaAdmission(clock: Clock, cache: CacheReader, objects: ObjectMutator): AdmissionPlugin {
  return {
    name: 'ResourceQuota',
    operations: ['CREATE', 'UPDATE'],
    async validate(a) {
      if (!asksForMore(a)) return;
      const quotas = (await readyList(cache, '', 'resourcequotas', a.namespace)).map((object) => typed<ResourceQuota>(object)).filter((quota) => quotaCovers(quota, groupResource(a), a.object ?? {}));
      const pod = podOf(a);
      for (const quota of quotas) {
        const missing = pod === undefined ? [] : unspecified(pod as Pod, Object.keys(quota.status?.hard ?? {}));
        if (missing.length > 0) throw refuse(a, `failed quota: ${quota.metadata?.name ?? ''}: must specify ${missing.join('; ')}`);
      }
      const wanted = wantedBy(a, clock.nowMs());
      for (const quota of quotas) {
        if (!Object.keys(wanted).some((name) => quota.status?.hard?.[name] !== undefined)) continue;
        const key = { namespace: a.namespace, name: quota.metadata?.name ?? '' };
        await objects.mutate('', 'resourcequotas', key, (object) => take(a, typed<ResourceQuota>(object), wanted), { dryRun: a.dryRun });
      }
    },
  };
}
