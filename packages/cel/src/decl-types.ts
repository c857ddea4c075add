import { maxRequestSizeBytes } from './limits.ts';
import { anyType, dynType as dynCheck, listOf, mapOf, optionalOf, type CheckType } from './check-types.ts';
import { escapeName } from './names.ts';
import type { DeclField, DeclType, JsonObject, Json, ObjectDeclType } from './types.ts';

/** The smallest each can be in JSON. */
export const boolDecl: DeclType = { kind: 'bool', minSerializedSize: 4 };
export const intDecl: DeclType = { kind: 'int', minSerializedSize: 1 };
const doubleDecl: DeclType = { kind: 'double', minSerializedSize: 1 };
export const stringDecl: DeclType = { kind: 'string', minSerializedSize: 2 };
export const dynDecl: DeclType = { kind: 'dyn', minSerializedSize: 1 };
export const anyDecl: DeclType = { kind: 'dyn', minSerializedSize: 1, format: 'any' };
export const timestampDecl: DeclType = { kind: 'timestamp', minSerializedSize: 21, format: 'date-time' };
export const authorizerDecl: DeclType = { kind: 'opaque', name: 'kubernetes.authorization.Authorizer', minSerializedSize: 1 };
export const resourceCheckDecl: DeclType = { kind: 'opaque', name: 'kubernetes.authorization.ResourceCheck', minSerializedSize: 1 };

export const listDecl = (element: DeclType, maxElements?: number): DeclType => ({ kind: 'list', element, minSerializedSize: 2, ...(maxElements === undefined ? {} : { maxElements }) });
export const mapDecl = (value: DeclType, maxElements?: number): DeclType => ({ kind: 'map', key: stringDecl, value, minSerializedSize: 2, ...(maxElements === undefined ? {} : { maxElements }) });
export const optionalDecl = (of: DeclType): DeclType => ({ kind: 'optional', of, minSerializedSize: 0 });

export function objectDecl(name: string, fields: Readonly<Record<string, DeclType>>): ObjectDeclType {
  const made = new Map<string, DeclField>();
  for (const [jsonName, type] of Object.entries(fields)) made.set(escapeName(jsonName) ?? jsonName, { jsonName, type, required: false });
  return { kind: 'object', name, fields: made, minSerializedSize: 2 };
}

export interface SchemaOptions {
  /** The root of a resource, and of embedded ones: apiVersion, kind and metadata's names are there even if the schema is silent. */
  readonly isResourceRoot?: boolean;
  /** What `$ref` points to; undefined cuts it off (recursive types become objects without fields). */
  readonly resolveRef?: (ref: string) => JsonObject | undefined;
}

type Schema = Readonly<Record<string, Json>>;

const objectOf = (value: Json | undefined): JsonObject | undefined => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined);
const numberOf = (value: Json | undefined): number | undefined => (typeof value === 'number' ? Math.max(0, value) : typeof value === 'bigint' ? Number(value) : undefined);
const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const typeOf = ({ type }: Schema): string => textOf(Array.isArray(type) ? type[0] : type);

/** The type of what a structural or OpenAPI schema describes; undefined: expressions do not see it. */
export function schemaDeclType(schema: JsonObject, options: SchemaOptions = {}): DeclType | undefined {
  return declOf(schema, options.isResourceRoot ?? false, options.resolveRef ?? (() => undefined), []);
}

type Resolve = (ref: string) => JsonObject | undefined;

/** Follows `$ref` and the `allOf` of one that OpenAPI v3 writes beside a default. */
function resolved(schema: JsonObject, resolve: Resolve, path: readonly string[]): { readonly schema: JsonObject; readonly path: readonly string[] } {
  const only = Array.isArray(schema['allOf']) && schema['allOf'].length === 1 ? objectOf(schema['allOf'][0]) : undefined;
  const ref = schema['$ref'] ?? only?.['$ref'];
  if (typeof ref !== 'string') return { schema, path };
  const target = path.includes(ref) ? undefined : resolve(ref);
  if (target === undefined) return { schema: { type: 'object' }, path };
  const { $ref: _ref, allOf: _allOf, ...own } = schema;
  return resolved({ ...target, ...own }, resolve, [...path, ref]);
}

function declOf(original: JsonObject, isResourceRoot: boolean, resolve: Resolve, refs: readonly string[]): DeclType | undefined {
  const { schema, path } = resolved(original, resolve, refs);
  if (schema['x-kubernetes-int-or-string'] === true || schema['format'] === 'int-or-string') {
    return { kind: 'dyn', format: 'int-or-string', minSerializedSize: 1, maxElements: maxRequestSizeBytes - 2, ...nullable(schema) };
  }
  switch (typeOf(schema)) {
    case 'array': return arrayDecl(schema, resolve, path);
    case 'object': return objectSchemaDecl(isResourceRoot ? withObjectMeta(schema) : schema, resolve, path);
    case 'string': return { ...stringSchemaDecl(schema), ...nullable(schema) };
    case 'boolean': return { ...boolDecl, ...nullable(schema) };
    case 'number': return { ...doubleDecl, ...nullable(schema) };
    case 'integer': return { ...intDecl, ...nullable(schema) };
    default: return undefined;
  }
}

const nullable = (schema: Schema): { readonly nullable?: true } => (schema['nullable'] === true ? { nullable: true } : {});
const isEmbedded = (schema: JsonObject): boolean => schema['x-kubernetes-embedded-resource'] === true;

function arrayDecl(schema: JsonObject, resolve: Resolve, path: readonly string[]): DeclType | undefined {
  const items = objectOf(schema['items']);
  const element = items === undefined ? undefined : declOf(items, isEmbedded(items), resolve, path);
  if (element === undefined) return undefined;
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'];
  return {
    kind: 'list', element, minSerializedSize: 2, maxElements: numberOf(schema['maxItems']) ?? Math.trunc((maxRequestSizeBytes - 2) / (element.minSerializedSize + 1)), ...nullable(schema),
    ...(listType === 'set' || listType === 'map' || listType === 'atomic' ? { listType } : {}), ...(Array.isArray(keys) ? { mapKeys: keys.map(String) } : {}),
  };
}

function objectSchemaDecl(schema: JsonObject, resolve: Resolve, path: readonly string[]): DeclType | undefined {
  const additional = objectOf(schema['additionalProperties']);
  const hasAdditional = additional !== undefined && Object.keys(additional).length > 0;
  if (hasAdditional) {
    const value = declOf(additional, isEmbedded(additional), resolve, path);
    if (value === undefined) return undefined;
    return { kind: 'map', key: stringDecl, value, minSerializedSize: 2, maxElements: numberOf(schema['maxProperties']) ?? Math.trunc((maxRequestSizeBytes - 2) / (value.minSerializedSize + 6)), ...nullable(schema) };
  }
  const properties = objectOf(schema['properties']) ?? {};
  const required = new Set(Array.isArray(schema['required']) ? schema['required'].map(String) : []);
  const fields = new Map<string, DeclField>();
  let minSerializedSize = 2;
  for (const [jsonName, value] of Object.entries(properties)) {
    const property = objectOf(value) ?? {};
    const type = declOf(property, isEmbedded(property), resolve, path);
    if (type === undefined) continue;
    const escaped = escapeName(jsonName);
    if (escaped !== undefined) fields.set(escaped, { jsonName, type, required: required.has(jsonName) });
    if (required.has(jsonName) && property['default'] === undefined) minSerializedSize += jsonName.length + type.minSerializedSize + 4;
  }
  return { kind: 'object', name: 'object', fields, minSerializedSize, ...(schema['x-kubernetes-preserve-unknown-fields'] === true ? { preserveUnknownFields: true } : {}), ...nullable(schema) };
}

function stringSchemaDecl(schema: JsonObject): DeclType {
  const maxLength = numberOf(schema['maxLength']);
  switch (schema['format']) {
    case 'byte': return { kind: 'bytes', format: 'byte', minSerializedSize: 2, maxElements: maxLength ?? maxRequestSizeBytes - 2 };
    case 'duration': return { kind: 'duration', format: 'duration', minSerializedSize: 3, maxElements: 32 };
    case 'date': return { kind: 'timestamp', format: 'date', minSerializedSize: 12, maxElements: 12 };
    case 'date-time': return { kind: 'timestamp', format: 'date-time', minSerializedSize: 21, maxElements: 32 };
    default:
  }
  // A length is counted in characters, sizes in bytes: up to four each.
  if (maxLength !== undefined) return { kind: 'string', minSerializedSize: 2, maxElements: maxLength * 4 };
  const choices = Array.isArray(schema['enum']) ? schema['enum'].filter((choice) => typeof choice === 'string') : [];
  const longest = Math.max(0, ...choices.map((choice) => new TextEncoder().encode(choice).length));
  return { kind: 'string', minSerializedSize: 2, maxElements: choices.length > 0 ? longest : maxRequestSizeBytes - 2 };
}

const text: Json = { type: 'string' };

function withObjectMeta(schema: JsonObject): JsonObject {
  const properties = objectOf(schema['properties']);
  const metadata = objectOf(properties?.['metadata']);
  const own = objectOf(metadata?.['properties']);
  if (properties !== undefined && own?.['name'] !== undefined && own['generateName'] !== undefined && properties['kind'] !== undefined && properties['apiVersion'] !== undefined) return schema;
  return { ...schema, properties: { ...properties, kind: text, apiVersion: text, metadata: metadata?.['$ref'] === undefined && metadata?.['allOf'] === undefined ? { type: 'object', properties: { name: text, generateName: text } } : metadata } };
}

/** Objects within `type` named by where they stand: `selfType.spec.ports.@idx`. */
export function nameDeclType(type: DeclType, name: string): DeclType {
  switch (type.kind) {
    case 'object': {
      const own = type.name === 'object' ? name : type.name;
      const fields = new Map<string, DeclField>();
      for (const [field, declared] of type.fields) fields.set(field, { ...declared, type: nameDeclType(declared.type, `${own}.${field}`) });
      return { ...type, name: own, fields };
    }
    case 'list': return { ...type, element: nameDeclType(type.element, `${name}.@idx`) };
    case 'map': return { ...type, value: nameDeclType(type.value, `${name}.@elem`) };
    case 'optional': return { ...type, of: nameDeclType(type.of, name) };
    default: return type;
  }
}

/** What the checker sees of it. */
export function checkTypeOf(type: DeclType): CheckType {
  switch (type.kind) {
    case 'list': return listOf(checkTypeOf(type.element));
    case 'map': return mapOf(checkTypeOf(type.key), checkTypeOf(type.value));
    case 'object': return { kind: 'object', name: type.name };
    case 'optional': return optionalOf(checkTypeOf(type.of));
    case 'opaque': return type.name.startsWith('net.') ? { kind: 'opaque', name: type.name, params: [] } : { kind: 'object', name: type.name };
    case 'dyn': return type.format === 'any' ? anyType : dynCheck;
    default: return { kind: type.kind };
  }
}

/** All object types in `type`, by name. */
export function objectTypesIn(type: DeclType, into: Map<string, ObjectDeclType>): void {
  switch (type.kind) {
    case 'object':
      if (into.get(type.name) === type) return;
      into.set(type.name, type);
      for (const field of type.fields.values()) objectTypesIn(field.type, into);
      return;
    case 'list': objectTypesIn(type.element, into); return;
    case 'map': objectTypesIn(type.value, into); return;
    case 'optional': objectTypesIn(type.of, into); return;
    default:
  }
}

/** The way back; undefined where only dyn would do. */
export function declOfCheckType(type: CheckType, objects: ReadonlyMap<string, ObjectDeclType>): DeclType | undefined {
  switch (type.kind) {
    case 'list': return listDecl(declOfCheckType(type.params[0], objects) ?? dynDecl);
    case 'map': return { kind: 'map', key: declOfCheckType(type.params[0], objects) ?? dynDecl, value: declOfCheckType(type.params[1], objects) ?? dynDecl, minSerializedSize: 2 };
    case 'object': return objects.get(type.name) ?? { kind: 'opaque', name: type.name, minSerializedSize: 1 };
    case 'opaque': return type.name === 'optional_type' ? optionalDecl(declOfCheckType(type.params[0] as CheckType, objects) ?? dynDecl) : { kind: 'opaque', name: type.name, minSerializedSize: 1 };
    case 'dyn': case 'error': case 'type': case 'param': return undefined;
    default: return { kind: type.kind, minSerializedSize: 1 };
  }
}
