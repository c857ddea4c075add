import type { JsonObject, OpenApiDocument } from '@coxswain/api';
import type { HttpRequest, HttpResponse } from '@coxswain/host';
import { sortedByGroup, type ApiService } from './api-service.ts';
import type { RemoteVersion } from './remote-discovery.ts';

/** Groups and versions that other servers serve through this one, as they are now. */
export interface OtherGroups {
  /** All APIServices, local ones too; empty while nothing is served by others: then local order is the order. */
  services(): readonly ApiService[];
  /** undefined: nothing was ever heard of it. */
  resourcesOf(name: string): RemoteVersion | undefined;
}

/** OpenAPI documents of other servers. */
export interface OtherDocuments {
  /** Those of version 2, the most important first. The same objects as long as nothing changes. */
  v2(): readonly JsonObject[];
  /** Of version 3: names (`apis/GROUP/VERSION`) and relative URLs. */
  index(): readonly (readonly [string, string])[];
  serve(name: string, request: HttpRequest): Promise<HttpResponse> | OpenApiDocument | undefined;
}

export const noOtherGroups: OtherGroups = { services: () => [], resourcesOf: () => undefined };

export function isRemote(service: ApiService): boolean {
  return service.spec?.service !== undefined && service.spec.service !== null;
}

function legacyGroup(services: readonly ApiService[]): JsonObject {
  const versions = services.map(({ spec }) => ({ groupVersion: `${spec?.group ?? ''}/${spec?.version ?? ''}`, version: spec?.version ?? '' }));
  return { name: services[0]?.spec?.group ?? '', versions, preferredVersion: versions[0] ?? null };
}

function groupName(group: JsonObject): string {
  const name = group['name'] ?? (group['metadata'] as JsonObject | undefined)?.['name'];
  return typeof name === 'string' ? name : '';
}

/** `local`: groups as they are without others. apiregistration.k8s.io has no APIService and comes first. */
export function mergeGroupList(local: readonly JsonObject[], others: OtherGroups): readonly JsonObject[] {
  const services = others.services();
  if (services.length === 0) return local;
  const named = new Map(local.map((group) => [groupName(group), group]));
  const listed = sortedByGroup(services.filter(({ spec }) => (spec?.group ?? '') !== '')).map((group) => (group.some(isRemote) ? legacyGroup(group) : named.get(group[0]?.spec?.group ?? '') ?? legacyGroup(group)));
  const names = new Set(listed.map(groupName));
  return [...local.filter((group) => !names.has(groupName(group))), ...listed];
}

/** `GET /apis/GROUP` where others serve some or all of it. */
export function mergedGroup(group: string, others: OtherGroups): JsonObject | undefined {
  const [found] = sortedByGroup(others.services().filter(({ spec }) => (spec?.group ?? '') === group));
  return found?.some(isRemote) === true ? { kind: 'APIGroup', apiVersion: 'v1', ...legacyGroup(found) } : undefined;
}

function aggregatedVersion(service: ApiService, local: JsonObject | undefined, others: OtherGroups): JsonObject | undefined {
  const version = service.spec?.version ?? '';
  if (!isRemote(service)) return (local?.['versions'] as JsonObject[] | undefined)?.find((one) => one['version'] === version);
  const heard = others.resourcesOf(service.metadata?.name ?? '');
  return { version, ...(heard === undefined || heard.resources.length === 0 ? {} : { resources: [...heard.resources] }), freshness: heard?.fresh === true ? 'Current' : 'Stale' };
}

/** `items` of aggregated discovery below /apis. */
export function mergeAggregated(local: readonly JsonObject[], others: OtherGroups): readonly JsonObject[] {
  const services = others.services();
  if (services.length === 0) return local;
  const named = new Map(local.map((group) => [groupName(group), group]));
  const listed = sortedByGroup(services.filter(({ spec }) => (spec?.group ?? '') !== '')).flatMap((group): JsonObject[] => {
    const name = group[0]?.spec?.group ?? '';
    const known = named.get(name);
    if (!group.some(isRemote)) return known === undefined ? [] : [known];
    const versions = group.map((service) => aggregatedVersion(service, known, others)).filter((version) => version !== undefined);
    return [{ metadata: { name, creationTimestamp: null }, versions }];
  });
  const names = new Set(listed.map(groupName));
  return [...local.filter((group) => !names.has(groupName(group))), ...listed];
}
