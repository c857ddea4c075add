import type { ApiResource } from '@coxswain/api';
import type { Registry } from '../registry/registry.ts';
import type { PathTable } from '../transport/paths.ts';
import { jsonResponse } from '../transport/responses.ts';
import { apiVersionOf } from '../registry/kind.ts';

function rowsOf(api: ApiResource): unknown[] {
  const main = { name: api.resource, singularName: api.singular, namespaced: api.namespaced, kind: api.kind, verbs: api.verbs, ...(api.shortNames.length > 0 ? { shortNames: api.shortNames } : {}), ...(api.categories.length > 0 ? { categories: api.categories } : {}) };
  return [main, ...api.subresources.map((sub) => ({ name: `${api.resource}/${sub.name}`, singularName: '', namespaced: api.namespaced, kind: sub.kind, verbs: sub.verbs }))];
}

/** Legacy discovery. */
export function addDiscovery(paths: PathTable, registry: Registry): void {
  const versions = new Map<string, ApiResource[]>();
  for (const api of registry.resources) versions.set(apiVersionOf(api), [...(versions.get(apiVersionOf(api)) ?? []), api]);
  for (const [groupVersion, apis] of versions) {
    const path = groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`;
    paths.exact(path, () => Promise.resolve(jsonResponse(200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: apis.flatMap(rowsOf) })));
  }
}
