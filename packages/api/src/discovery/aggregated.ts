import type { ApiResource, ApiSubresource, JsonObject } from '../resource.ts';
import { groupsOf, isForeign, type GroupVersions } from './legacy.ts';

export type AggregatedVersion = 'v2' | 'v2beta1';

function subresourceBody(resource: ApiResource, sub: ApiSubresource): JsonObject {
  const foreign = isForeign(resource, sub) || resource.custom === true;
  return { subresource: sub.name, responseKind: { group: foreign ? sub.group : '', version: foreign ? sub.version : '', kind: sub.kind }, verbs: [...sub.verbs] };
}

/** Custom resources say of which group and version their kind is, built-in ones leave that to where they stand. */
function responseKind(resource: ApiResource): JsonObject {
  const { group, version, kind } = resource;
  return resource.custom === true ? { group, version, kind } : { group: '', version: '', kind };
}

function resourceBody(resource: ApiResource): JsonObject {
  return {
    resource: resource.resource, responseKind: responseKind(resource), scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular, verbs: [...resource.verbs],
    ...(resource.shortNames.length === 0 ? {} : { shortNames: [...resource.shortNames] }),
    ...(resource.categories.length === 0 ? {} : { categories: [...resource.categories] }),
    ...(resource.subresources.length === 0 ? {} : { subresources: resource.subresources.map((sub) => subresourceBody(resource, sub)) }),
  };
}

function groupBody(resources: readonly ApiResource[], { group, versions }: GroupVersions): JsonObject {
  return {
    metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
    versions: versions.map((version) => ({
      version, resources: resources.filter((resource) => resource.group === group && resource.version === version).map(resourceBody), freshness: 'Current',
    })),
  };
}

/** Everything below `/api` or `/apis` in one document, for clients that accept APIGroupDiscoveryList. */
export function aggregatedDiscovery(resources: readonly ApiResource[], prefix: 'api' | 'apis', version: AggregatedVersion): JsonObject {
  const groups = groupsOf(resources).filter(({ group }) => (group === '') === (prefix === 'api'));
  return { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items: groups.map((group) => groupBody(resources, group)) };
}

/** The media type that such a document is sent as, protobuf aside. */
export function aggregatedMediaType(version: AggregatedVersion, type = 'application/json'): string {
  return `${type};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}
