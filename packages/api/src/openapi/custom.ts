import { isObject } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { bool, get, obj, objects, str, strings } from '../validation/access.ts';
import { reference, type CustomSchema, type FieldTexts, type OpenApiVersion } from './types.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const conventions = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
const copied = [
  'type', 'nullable', 'description', 'title', 'format', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum', 'maxLength', 'minLength', 'pattern', 'maxItems', 'minItems', 'multipleOf', 'enum', 'maxProperties',
  'minProperties', 'required', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string', 'x-kubernetes-list-map-keys', 'x-kubernetes-list-type', 'x-kubernetes-map-type', 'x-kubernetes-validations',
];

function kept(schema: JsonObject, keys: readonly string[]): JsonObject {
  const made: JsonObject = {};
  for (const key of keys) {
    const value = get(schema, key);
    if (value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)) made[key] = value;
  }
  return made;
}

/** A schema as version 3 publishes it. */
function published3(schema: JsonObject): JsonObject {
  const made = kept(schema, [...copied, 'default']);
  const items = obj(schema, 'items');
  const additional = get(schema, 'additionalProperties');
  if (items !== undefined) made['items'] = published3(items);
  if (isObject(additional) || additional === true) made['additionalProperties'] = isObject(additional) ? published3(additional) : true;
  addProperties(made, schema, published3);
  for (const key of ['allOf', 'anyOf', 'oneOf']) {
    const alternatives = objects(schema, key).map(published3);
    if (alternatives.length > 0) made[key] = alternatives;
  }
  const not = obj(schema, 'not');
  if (not !== undefined) made['not'] = published3(not);
  if (bool(schema, 'x-kubernetes-int-or-string') && made['anyOf'] === undefined && !objects(schema, 'allOf').some((part) => get(part, 'anyOf') !== undefined)) made['anyOf'] = [{ type: 'integer' }, { type: 'string' }];
  return made;
}

function addProperties(made: JsonObject, schema: JsonObject, publish: (property: JsonObject) => JsonObject): void {
  const properties = obj(schema, 'properties');
  if (properties === undefined) return;
  made['properties'] = Object.fromEntries(Object.keys(properties).toSorted().map((name) => [name, publish(obj(properties, name) ?? {})]));
}

/** Version 2 has no logic and no null, and its readers trip over what is only half declared: less is said, nothing wrong. */
function published2(schema: JsonObject): JsonObject {
  const made = kept(schema, copied.filter((key) => key !== 'nullable'));
  const nullable = bool(schema, 'nullable');
  const preserved = bool(schema, 'x-kubernetes-preserve-unknown-fields');
  const items = nullable || preserved ? undefined : obj(schema, 'items');
  const additional = get(schema, 'additionalProperties');
  if (items !== undefined) made['items'] = published2(items);
  if (isObject(additional) || additional === true) made['additionalProperties'] = isObject(additional) ? published2(additional) : true;
  if (!nullable && !preserved) addProperties(made, schema, published2);
  const type = str(schema, 'type');
  if (nullable || (type === 'array' && items === undefined) || (type === 'object' && preserved)) delete made['type'];
  const properties = obj(schema, 'properties');
  const required = strings(schema, 'required').filter((name) => !bool(obj(properties, name), 'nullable'));
  if (required.length === 0 || (isObject(additional) && bool(additional, 'nullable'))) delete made['required'];
  else made['required'] = [...required];
  return made;
}

function described(description: string | undefined, schema: JsonObject): JsonObject {
  return description === undefined ? schema : { description, ...schema };
}

/** Version 3 drops what stands beside a bare reference. */
function referring(description: string, typeName: string, version: OpenApiVersion): JsonObject {
  return version === 2 ? { description, ...reference(typeName, 2) } : { description, allOf: [reference(typeName, 3)] };
}

const metadataText = `Standard object's metadata. More info: ${conventions}#metadata`;

function addEmbedded(schema: JsonObject, version: OpenApiVersion): void {
  for (const property of Object.values(obj(schema, 'properties') ?? {})) if (isObject(property)) addEmbedded(property, version);
  for (const key of ['items', 'additionalProperties']) {
    const inner = obj(schema, key);
    if (inner !== undefined) addEmbedded(inner, version);
  }
  if (!bool(schema, 'x-kubernetes-embedded-resource') || (version === 2 && bool(schema, 'x-kubernetes-preserve-unknown-fields'))) return;
  schema['properties'] = {
    ...obj(schema, 'properties'),
    apiVersion: { description: `apiVersion defines the versioned schema of this representation of an object. More info: ${conventions}#resources`, type: 'string' },
    kind: { description: `kind is a string value representing the type of this object. In CamelCase. More info: ${conventions}#types-kinds`, type: 'string' },
    metadata: referring(metadataText, `${meta}.ObjectMeta`, version),
  };
  schema['required'] = [...new Set([...strings(schema, 'required'), 'kind', 'apiVersion'])];
}

function typeFields(texts: FieldTexts | undefined): JsonObject {
  const field = (name: string): JsonObject => described(texts?.ofField(`${meta}.Status`, name), { type: 'string' });
  return { apiVersion: field('apiVersion'), kind: field('kind') };
}

function extensions({ resource: { group, version }, selectablePaths }: CustomSchema, kind: string): JsonObject {
  const fields: Json = selectablePaths.map((path) => ({ fieldPath: path.replace(/^\./, '') }));
  return { 'x-kubernetes-group-version-kind': [{ group, version, kind }], 'x-kubernetes-selectable-fields': fields };
}

/** The kind's own schema, with what every object has. */
export function customSchema(custom: CustomSchema, version: OpenApiVersion, texts: FieldTexts | undefined): JsonObject {
  const { schema, preserveUnknownFields } = custom;
  const own = extensions(custom, custom.resource.kind);
  // Saying more would make clients refuse what the server takes.
  if (schema === undefined || (version === 2 && (preserveUnknownFields || bool(schema, 'x-kubernetes-preserve-unknown-fields')))) return { type: 'object', ...own };
  const made = version === 2 ? published2(schema) : published3(schema);
  made['properties'] = { ...typeFields(texts), ...obj(made, 'properties'), ...typeFields(texts), metadata: referring(metadataText, `${meta}.ObjectMeta`, version) };
  made['properties'] = Object.fromEntries(Object.entries(made['properties'] as JsonObject).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  addEmbedded(made, version);
  return { ...made, ...own };
}

export function customListSchema(custom: CustomSchema, version: OpenApiVersion, texts: FieldTexts | undefined): JsonObject {
  const { kind, listKind, resource, typeName } = custom.resource;
  const { apiVersion, kind: kindField } = typeFields(texts) as { apiVersion: Json; kind: Json };
  return {
    description: `${listKind} is a list of ${kind}`, type: 'object', required: ['items'],
    properties: {
      apiVersion, items: { description: `List of ${resource}. More info: ${conventions}`, type: 'array', items: reference(typeName, version) }, kind: kindField,
      metadata: referring(`Standard list metadata. More info: ${conventions}#types-kinds`, `${meta}.ListMeta`, version),
    },
    ...extensions(custom, listKind),
  };
}

/** Of the list of a custom kind, which need not be called after the kind. */
export function listTypeName({ typeName, kind, listKind }: CustomSchema['resource']): string {
  return `${typeName.slice(0, -kind.length)}${listKind}`;
}
