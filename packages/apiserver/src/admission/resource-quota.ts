import { addAmounts, amountsText, compareQuantity, pickAmounts, podInScope, positiveAmounts, quotaCovers, quotaNames, quotaUsage, subtractAmounts, StatusError, unspecified, type Amounts, type ScopeRequirement } from '@coxswain/api';
import type { Clock } from '@coxswain/host';
import type { Pod, ResourceQuota } from 'kubernetes-types/core/v1';
import { readyList } from '../ready-list.ts';
import { typed, typedOrNone } from '../typed.ts';
import type { AdmissionAttributes, AdmissionPlugin, CacheReader, ObjectMutator } from '../types.ts';
import { groupResource, isResource, refuse } from './attributes.ts';
import { QuotaBook, type Taking } from './quota-book.ts';

/** What nobody may consume without a quota that speaks of it. */
export interface LimitedResource {
  readonly group: string;
  readonly resource: string;
  /** Parts of the names of amounts. */
  readonly matchContains: readonly string[];
  readonly matchScopes: readonly ScopeRequirement[];
}

/** What can grow by an update. */
const growing = new Set(['services', 'persistentvolumeclaims']);

function asksForMore(a: AdmissionAttributes): boolean {
  const { group, resource } = a.resource;
  if (a.namespace === '' || a.object === undefined || (group === '' && (resource === 'namespaces' || resource === 'events'))) return false;
  if (a.operation === 'CREATE') return a.subresource === '';
  return a.operation === 'UPDATE' && (isResource(a, '', 'pods', 'resize') || (group === '' && growing.has(resource) && a.subresource === ''));
}

const byName = (left: string, right: string): number => (left < right ? -1 : 1);

interface Wish {
  /** All that the object counts for. */
  readonly usage: Amounts;
  /** What is new of it. */
  readonly added: Amounts;
}

function wishOf(a: AdmissionAttributes, nowMs: number): Wish {
  const usage = quotaUsage(groupResource(a), a.object ?? {}, nowMs);
  const negative = Object.keys(usage).filter((name) => compareQuantity(usage[name] ?? '0', '0') < 0);
  if (negative.length > 0) throw refuse(a, `quota usage is negative for resource(s): ${negative.toSorted(byName).join(',')}`);
  const before = a.operation === 'UPDATE' && a.oldObject !== undefined ? quotaUsage(groupResource(a), a.oldObject, nowMs) : {};
  return { usage, added: positiveAmounts(subtractAmounts(usage, before)) };
}

function podOf(a: AdmissionAttributes): Pod | undefined {
  return a.resource.group === '' && a.resource.resource === 'pods' ? typedOrNone<Pod>(a.object) : undefined;
}

function checkKnown(a: AdmissionAttributes, { metadata, status }: ResourceQuota): void {
  const names = quotaNames(groupResource(a), Object.keys(status?.hard ?? {}));
  const pod = podOf(a);
  const missing = pod === undefined ? [] : unspecified(pod, names);
  if (missing.length > 0) throw refuse(a, `failed quota: ${metadata?.name ?? ''}: must specify ${missing.join('; ')}`);
  if (names.some((name) => status?.used?.[name] === undefined)) throw refuse(a, `status unknown for quota: ${metadata?.name ?? ''}, resources: ${names.toSorted(byName).join(',')}`);
}

function scopesOf({ spec }: ResourceQuota): ScopeRequirement[] {
  return [...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })), ...spec?.scopeSelector?.matchExpressions ?? []];
}

/** Nothing that is limited by default goes without a quota. */
function checkCovered(a: AdmissionAttributes, { usage }: Wish, limited: readonly LimitedResource[], all: readonly ResourceQuota[], covering: readonly ResourceQuota[]): void {
  const { group, resource } = a.resource;
  const covered = new Set(covering.flatMap(({ status }) => quotaNames(groupResource(a), Object.keys(status?.hard ?? {}))));
  const parts = limited.filter((one) => one.group === group && one.resource === resource).flatMap(({ matchContains }) => matchContains);
  const open = Object.keys(positiveAmounts(usage)).filter((name) => !covered.has(name) && parts.some((part) => name.includes(part)));
  if (open.length > 0) throw refuse(a, `insufficient quota to consume: ${open.toSorted(byName).join(',')}`);
  const pod = podOf(a);
  if (pod === undefined) return;
  const inScope = (scopes: readonly ScopeRequirement[]): ScopeRequirement[] => scopes.filter((scope) => podInScope(pod, scope));
  const spokenOf = new Set(all.flatMap((quota) => inScope(scopesOf(quota))).map(({ scopeName }) => scopeName));
  const missing = inScope(limited.flatMap(({ matchScopes }) => matchScopes)).filter(({ scopeName }) => !spokenOf.has(scopeName));
  if (missing.length > 0) throw new StatusError('', `insufficient quota to match these scopes: [${missing.map(({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(' ')}]}`).join(' ')}]`);
}

/** Adds what is asked for to what the quota knows to be used, in place. Throws if that is more than it allows. */
function takeFrom(a: AdmissionAttributes, wanted: Amounts): Taking['take'] {
  return (object) => {
    const quota = typed<ResourceQuota>(object);
    checkKnown(a, quota);
    const { hard = {}, used = {} } = quota.status ?? {};
    const asked = pickAmounts(wanted, Object.keys(hard));
    const names = Object.keys(asked);
    const next = addAmounts(pickAmounts(used, names), asked);
    const over = names.filter((one) => compareQuantity(next[one] ?? '0', hard[one] ?? '0') > 0);
    if (over.length > 0) {
      throw refuse(a, `exceeded quota: ${quota.metadata?.name ?? ''}, requested: ${amountsText(pickAmounts(asked, over))}, used: ${amountsText(pickAmounts(used, over))}, limited: ${amountsText(pickAmounts(hard, over))}`);
    }
    quota.status = { ...quota.status, used: { ...used, ...next } };
  };
}

function giveBack(wanted: Amounts): Taking['take'] {
  return (object) => {
    const quota = typed<ResourceQuota>(object);
    const { hard = {}, used = {} } = quota.status ?? {};
    const names = Object.keys(pickAmounts(wanted, Object.keys(hard))).filter((name) => used[name] !== undefined);
    quota.status = { ...quota.status, used: { ...used, ...subtractAmounts(pickAmounts(used, names), pickAmounts(wanted, names)) } };
  };
}

/**
 * Nothing beyond the quotas of a namespace. Each take is one compare-and-swap of the quota's status, so that requests at the same
 * time cannot both have the last of it; those that wait for it share the next one. What was taken for an object that then was not
 * stored comes back with the controller's next count.
 */
export function resourceQuotaAdmission(clock: Clock, cache: CacheReader, objects: ObjectMutator, limited: readonly LimitedResource[] = []): AdmissionPlugin {
  const book = new QuotaBook(objects);

  async function takeAll(a: AdmissionAttributes, quotas: readonly ResourceQuota[], wanted: Amounts): Promise<void> {
    const taken: string[] = [];
    try {
      for (const { metadata } of quotas) {
        await book.take({ namespace: a.namespace, name: metadata?.name ?? '', dryRun: a.dryRun, take: takeFrom(a, wanted) });
        taken.push(metadata?.name ?? '');
      }
    } catch (error) {
      if (!a.dryRun) await Promise.all(taken.map((name) => book.take({ namespace: a.namespace, name, dryRun: false, take: giveBack(wanted) })));
      throw error;
    }
  }

  async function reckon(a: AdmissionAttributes): Promise<void> {
      const all = (await readyList(cache, '', 'resourcequotas', a.namespace)).map((object) => typed<ResourceQuota>(object));
      if (all.length === 0 && limited.length === 0) return;
      const covering = all.filter((quota) => quotaCovers(quota, groupResource(a), a.object ?? {}) && quotaNames(groupResource(a), Object.keys(quota.status?.hard ?? {})).length > 0);
      for (const quota of covering) checkKnown(a, quota);
      const wish = wishOf(a, clock.nowMs());
      if (Object.keys(wish.added).length === 0) return;
      checkCovered(a, wish, limited, all, covering);
      await takeAll(a, covering.filter(({ status }) => Object.keys(wish.added).some((name) => status?.hard?.[name] !== undefined)), wish.added);
  }

  /** There is nothing to wait for, and no quota. */
  const isFree = ({ namespace }: AdmissionAttributes): boolean => limited.length === 0 && cache.list('', 'resourcequotas', namespace).length === 0 && cache.isReady === true;

  return {
    name: 'ResourceQuota',
    operations: ['CREATE', 'UPDATE'],
    validate: (a) => (!asksForMore(a) || isFree(a) ? undefined : reckon(a)),
  };
}
