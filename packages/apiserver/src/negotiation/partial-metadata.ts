import type { JsonObject } from '@coxswain/api';

export function partialMetadata(object: JsonObject, version: string): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object['metadata'] ?? {} };
}

/** Items of a typed list say nothing about their kind; those of a metadata list do not either. */
export function partialMetadataList(listMeta: JsonObject, objects: readonly JsonObject[], version: string): JsonObject {
  return { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${version}`, metadata: listMeta, items: objects.map((object) => partialMetadata(object, version)) };
}
