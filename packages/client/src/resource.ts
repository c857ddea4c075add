import type { KubeObject, ObjectKey, ResourceType } from './types.ts';

export function resource<T extends KubeObject>(group: string, version: string, plural: string, kind: string, namespaced: boolean): ResourceType<T> {
  return { group, version, resource: plural, kind, namespaced };
}

/** The same resource, of which only metadata is asked for (PartialObjectMetadata). For reads. */
export function metadataOnly(type: ResourceType): ResourceType {
  return { ...type, metadataOnly: true };
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(type: Pick<ResourceType, 'group' | 'version'>): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

export interface PathParts {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** Path of a collection (no name), an object or a subresource. */
export function pathOf(type: ResourceType, parts: PathParts = {}): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const space = type.namespaced && parts.namespace !== undefined && parts.namespace !== '' ? `/namespaces/${encodeURIComponent(parts.namespace)}` : '';
  const name = parts.name === undefined ? '' : `/${encodeURIComponent(parts.name)}`;
  const subresource = parts.subresource === undefined ? '' : `/${parts.subresource}`;
  return `${root}${space}/${type.resource}${name}${subresource}`;
}

export function partsOf(key: ObjectKey, subresource?: string): PathParts {
  return { namespace: key.namespace, name: key.name, subresource };
}
