import { storageVersionHash } from '../description/resources.ts';
import type { ApiResource, ApiSubresource, JsonObject } from '../resource.ts';

export interface GroupVersions {
  readonly group: string;
  /** Preferred first. */
  readonly versions: readonly string[];
}

/** Groups in the order of their first resource, versions likewise. */
export function groupsOf(resources: readonly ApiResource[]): GroupVersions[] {
  const groups = new Map<string, Set<string>>();
  for (const { group, version } of resources) {
    const versions = groups.get(group) ?? new Set();
    groups.set(group, versions.add(version));
  }
  return [...groups].map(([group, versions]) => ({ group, versions: [...versions] }));
}

/** `GET /api` */
export function apiVersions(serverAddress: string): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }] };
}

function groupBody({ group, versions }: GroupVersions): JsonObject {
  const all = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: all, preferredVersion: all[0] ?? null };
}

/** `GET /apis` */
export function apiGroupList(resources: readonly ApiResource[]): JsonObject {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(resources).filter(({ group }) => group !== '').map(groupBody) };
}

/** `GET /apis/GROUP`; undefined if there is no such group. */
export function apiGroup(resources: readonly ApiResource[], group: string): JsonObject | undefined {
  const found = groupsOf(resources).find((known) => known.group === group);
  return found === undefined || group === '' ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(found) };
}

function resourceBody(resource: ApiResource): JsonObject {
  const hash = resource.storageVersionHash ?? storageVersionHash(resource);
  return {
    name: resource.resource, singularName: resource.singular, namespaced: resource.namespaced, kind: resource.kind, verbs: [...resource.verbs],
    ...(resource.shortNames.length === 0 ? {} : { shortNames: [...resource.shortNames] }),
    ...(resource.categories.length === 0 ? {} : { categories: [...resource.categories] }),
    ...(hash === '' ? {} : { storageVersionHash: hash }),
  };
}

/** Whether a subresource speaks a kind of another group version than its resource. */
export function isForeign(resource: ApiResource, sub: ApiSubresource): boolean {
  return sub.group !== resource.group || sub.version !== resource.version;
}

function subresourceBody(resource: ApiResource, sub: ApiSubresource): JsonObject {
  return {
    name: `${resource.resource}/${sub.name}`, singularName: '', namespaced: resource.namespaced,
    ...(isForeign(resource, sub) ? { group: sub.group, version: sub.version } : {}),
    kind: sub.kind, verbs: [...sub.verbs],
  };
}

/** `GET /api/v1`, `GET /apis/GROUP/VERSION`; undefined if nothing is served there. */
export function apiResourceList(resources: readonly ApiResource[], group: string, version: string): JsonObject | undefined {
  const served = resources.filter((resource) => resource.group === group && resource.version === version);
  if (served.length === 0) return undefined;
  return {
    kind: 'APIResourceList', ...(group === '' ? {} : { apiVersion: 'v1' }), groupVersion: group === '' ? version : `${group}/${version}`,
    resources: served.flatMap((resource) => [resourceBody(resource), ...resource.subresources.map((sub) => subresourceBody(resource, sub))]),
  };
}
