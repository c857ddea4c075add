import { isObject, own } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';

/**
 * A schema of a custom resource as a tree of what is declared where. What only restricts values (`minimum`, `oneOf`, …) is read from `raw`.
 */
export interface Structural {
  readonly raw: JsonObject;
  /** '' where int-or-string or preserve-unknown-fields stand for it. */
  readonly type: string;
  readonly nullable: boolean;
  /** null is no default. */
  readonly default: Json | undefined;
  readonly properties: ReadonlyMap<string, Structural>;
  readonly items: Structural | undefined;
  /** `any`: `additionalProperties: true`. */
  readonly additional: Structural | 'any' | undefined;
  readonly preserveUnknownFields: boolean;
  readonly embeddedResource: boolean;
  readonly intOrString: boolean;
  readonly listType: 'atomic' | 'set' | 'map' | undefined;
  readonly listMapKeys: readonly string[];
  readonly mapType: 'granular' | 'atomic' | undefined;
}

function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function additionalOf(value: Json | undefined): Structural['additional'] {
  if (isObject(value)) return structuralOf(value);
  return value === true ? 'any' : undefined;
}

function listTypeOf(value: Json | undefined): Structural['listType'] {
  return value === 'atomic' || value === 'set' || value === 'map' ? value : undefined;
}

const made = new WeakMap<JsonObject, Structural>();

/** `schema` is an `openAPIV3Schema` or a part of one, and never changes. */
export function structuralOf(schema: JsonObject): Structural {
  const known = made.get(schema);
  if (known !== undefined) return known;
  const properties = own(schema, 'properties');
  const items = own(schema, 'items');
  const type = own(schema, 'type');
  const mapType = own(schema, 'x-kubernetes-map-type');
  const initial = own(schema, 'default');
  const structural: Structural = {
    raw: schema, type: typeof type === 'string' ? type : '', nullable: own(schema, 'nullable') === true, default: initial === null ? undefined : initial,
    properties: new Map(isObject(properties) ? Object.entries(properties).map(([name, property]) => [name, structuralOf(isObject(property) ? property : {})]) : []),
    items: isObject(items) ? structuralOf(items) : undefined,
    additional: additionalOf(own(schema, 'additionalProperties')),
    preserveUnknownFields: own(schema, 'x-kubernetes-preserve-unknown-fields') === true, embeddedResource: own(schema, 'x-kubernetes-embedded-resource') === true,
    intOrString: own(schema, 'x-kubernetes-int-or-string') === true,
    listType: listTypeOf(own(schema, 'x-kubernetes-list-type')), listMapKeys: texts(own(schema, 'x-kubernetes-list-map-keys')),
    mapType: mapType === 'granular' || mapType === 'atomic' ? mapType : undefined,
  };
  made.set(schema, structural);
  return structural;
}

/** What is declared for the member `key` of an object; 'undeclared' if nothing is, undefined if anything goes unseen. */
export function memberOf(schema: Structural, key: string): Structural | 'undeclared' | undefined {
  const property = schema.properties.get(key);
  if (property !== undefined) return property;
  if (schema.additional === undefined) return 'undeclared';
  return schema.additional === 'any' ? undefined : schema.additional;
}

/** What every object with an apiVersion has, whether its schema says so or not. */
export const envelopeFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);
