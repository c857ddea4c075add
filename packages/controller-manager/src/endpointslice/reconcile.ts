import { append } from '@coxswain/host';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { IpFamily } from '../endpoints/addresses.ts';
import { deepEqual } from '../common/object.ts';
import { groupKey, type EndpointGroup } from './desired.ts';

export const maxEndpointsPerSlice = 100;

export interface SlicePlan {
  readonly create: readonly Pick<EndpointSlice, 'addressType' | 'ports' | 'endpoints'>[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

function idOf(endpoint: Endpoint): string {
  return endpoint.targetRef?.uid ?? endpoint.addresses.join(',');
}

/**
 * Changes that lead from the existing slices to the wanted endpoints, touching as few slices as it can: an endpoint stays in its
 * slice, new ones go first into slices that change anyway, then where there is room, then into new ones. Each address type
 * keeps at least one slice, though it be empty, so that consumers can tell "none" from "not yet known".
 */
export function planSlices(existing: readonly EndpointSlice[], wanted: ReadonlyMap<string, EndpointGroup>, families: readonly IpFamily[]): SlicePlan {
  const plan = { create: [] as SlicePlan['create'][number][], update: [] as EndpointSlice[], remove: [] as EndpointSlice[] };
  const kept = new Set<string>();
  const byGroup = Map.groupBy(existing, (slice) => groupKey(slice.addressType, slice.ports));
  for (const [key, group] of wanted) {
    planGroup(group, byGroup.get(key) ?? [], plan);
    if (group.endpoints.length > 0) kept.add(group.addressType);
  }
  for (const [key, slices] of byGroup) if (!wanted.has(key)) append(plan.remove, slices);
  for (const family of families) if (!kept.has(family)) keepPlaceholder(family, existing, plan);
  return plan;
}

interface Draft { readonly slice: EndpointSlice; endpoints: Endpoint[]; changed: boolean }

function planGroup(group: EndpointGroup, slices: readonly EndpointSlice[], plan: { create: SlicePlan['create'][number][]; update: EndpointSlice[]; remove: EndpointSlice[] }): void {
  const missing = new Map(group.endpoints.map((endpoint) => [idOf(endpoint), endpoint]));
  const drafts = slices.map((slice): Draft => {
    const endpoints: Endpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const wanted = missing.get(idOf(endpoint));
      if (wanted !== undefined) endpoints.push(wanted);
      missing.delete(idOf(endpoint));
    }
    return { slice, endpoints, changed: !deepEqual(endpoints, slice.endpoints ?? []) };
  });
  const rest = fill(drafts, [...missing.values()]);
  for (const draft of drafts) {
    if (draft.endpoints.length === 0) plan.remove.push(draft.slice);
    else if (draft.changed) plan.update.push({ ...draft.slice, endpoints: draft.endpoints });
  }
  for (let at = 0; at < rest.length; at += maxEndpointsPerSlice) {
    plan.create.push({ addressType: group.addressType, ports: [...group.ports], endpoints: rest.slice(at, at + maxEndpointsPerSlice) });
  }
}

/** Answers what found no room. */
function fill(drafts: readonly Draft[], missing: readonly Endpoint[]): Endpoint[] {
  const rest = [...missing];
  const room = (draft: Draft): number => maxEndpointsPerSlice - draft.endpoints.length;
  const sorted = drafts.toSorted((a, b) => Number(b.changed) - Number(a.changed) || room(a) - room(b));
  for (const draft of sorted) {
    const taken = rest.splice(0, Math.max(0, room(draft)));
    if (taken.length === 0) continue;
    append(draft.endpoints, taken);
    draft.changed = true;
  }
  return rest;
}

function keepPlaceholder(family: IpFamily, existing: readonly EndpointSlice[], plan: { create: SlicePlan['create'][number][]; update: EndpointSlice[]; remove: EndpointSlice[] }): void {
  const own = existing.filter((slice) => slice.addressType === family);
  const empty = own.find((slice) => (slice.endpoints ?? []).length === 0 && (slice.ports ?? []).length === 0);
  const spared = empty ?? own[0];
  if (spared === undefined) {
    plan.create.push({ addressType: family, ports: [], endpoints: [] });
    return;
  }
  plan.remove.splice(plan.remove.indexOf(spared), 1);
  if (empty === undefined) plan.update.push({ ...spared, ports: [], endpoints: [] });
}
