import { zeroObject } from '../apply/zero.ts';
import { apiDescription } from '../description/builtin.ts';
import { knownResources } from '../description/resources.ts';
import { cloneJson, equalJson, isObject, own, setOwn } from '../patch/values.ts';
import type { ApiResource, Json, JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';

/** What makes a new generation: a list of top-level fields, `annotations` among them if they count. */
export type GenerationRule = readonly string[];

export interface Kind {
  readonly resource: ApiResource | undefined;
  readonly hasStatus: boolean;
  readonly generation: GenerationRule | undefined;
}

export function metadataOf(object: JsonObject): JsonObject {
  const metadata = own(object, 'metadata');
  if (isObject(metadata)) return metadata;
  const fresh: JsonObject = {};
  object['metadata'] = fresh;
  return fresh;
}

export function generationOf(object: JsonObject): number {
  const generation = metadataOf(object)['generation'];
  return typeof generation === 'number' || typeof generation === 'bigint' ? Number(generation) : 0;
}

/** Takes a field from another object as it is there, absence included. */
export function keep(object: JsonObject, old: JsonObject, key: string): void {
  const value = own(old, key);
  if (value === undefined) delete object[key];
  else setOwn(object, key, cloneJson(value));
}

/** The status that a Go server would write if nothing were set; undefined where it would write none. */
function zeroStatus(resource: ApiResource | undefined): Json | undefined {
  if (resource === undefined || !apiDescription.hasType(resource.typeName)) return undefined;
  return zeroObject(apiDescription, resource.typeName)['status'];
}

export function resetStatus(object: JsonObject, resource: ApiResource | undefined): void {
  const zero = zeroStatus(resource);
  if (zero === undefined || zero === null) delete object['status'];
  else object['status'] = zero;
}

function watched(object: JsonObject, field: string): Json {
  const value = field === 'annotations' || field === 'labels' ? own(metadataOf(object), field) : own(object, field);
  return value ?? null;
}

function same(a: Json, b: Json): boolean {
  const empty = (value: Json): boolean => value === null || (typeof value === 'object' && Object.keys(value).length === 0);
  return equalJson(a, b) || (empty(a) && empty(b));
}

function raiseGeneration(object: JsonObject, old: JsonObject, rule: GenerationRule): void {
  const changed = rule.some((field) => !same(watched(object, field), watched(old, field)));
  metadataOf(object)['generation'] = generationOf(old) + (changed ? 1 : 0);
}

function keepAllButStatus(object: JsonObject, old: JsonObject): void {
  for (const key of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (!['status', 'metadata', 'kind', 'apiVersion'].includes(key)) keep(object, old, key);
  }
}

/** Whose status writers change nothing of the metadata. */
const ownsStatusOnly: ReadonlySet<string> = new Set(['flowschemas', 'prioritylevelconfigurations', 'volumeattachments', 'resourceclaims', 'validatingadmissionpolicies', 'apiservices']);

function keepMetadata(object: JsonObject, old: JsonObject): void {
  const metadata = metadataOf(object);
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences']) keep(metadata, metadataOf(old), key);
}

/** What most kinds do; special ones call it and go on from there. */
export function genericStrategy(kind: Kind): Required<Pick<Strategy, 'prepareForCreate' | 'prepareForUpdate'>> {
  return {
    prepareForCreate(object) {
      if (kind.hasStatus) resetStatus(object, kind.resource);
      if (kind.generation !== undefined) metadataOf(object)['generation'] = 1;
    },
    prepareForUpdate(object, old, context) {
      if (context.subresource === 'status') {
        keepAllButStatus(object, old);
        if (ownsStatusOnly.has(kind.resource?.resource ?? '')) keepMetadata(object, old);
      }
      else if (kind.hasStatus) keep(object, old, 'status');
      if (kind.generation !== undefined && context.subresource !== 'status') raiseGeneration(object, old, kind.generation);
    },
  };
}

export function hasStatus(resource: ApiResource | undefined): boolean {
  return resource?.subresources.some((subresource) => subresource.name === 'status') ?? false;
}

export function builtinResource(group: string, resource: string): ApiResource | undefined {
  return knownResources.find((one) => one.group === group && one.resource === resource);
}
