import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import { equalJson, isObject } from '../../patch/values.ts';
import type { JsonObject } from '../../resource.ts';
import { bool, entries, get, has, list, obj, objects, str } from '../../validation/access.ts';
import { forbiddenField, invalidValue, required } from '../../validation/errors.ts';
import { compilePattern } from '../validate-value.ts';

type Level = 'root' | 'field' | 'item';

const intOrString = [{ type: 'integer' }, { type: 'string' }];
const emptyType: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root', item: 'must not be empty for specified array items', field: 'must not be empty for specified object fields',
};

function members(schema: JsonObject, key: string): [string, JsonObject][] {
  return entries(obj(schema, key)).map(([name, value]) => [name, isObject(value) ? value : {}]);
}

/** Every value that is restricted must be declared, and declarations and restrictions are told apart. Errors are sorted by their texts. */
export function validateStructural(schema: JsonObject, field: string): FieldError[] {
  const errors = [...invariants(schema, 'root', field), ...completeness(schema, schema, field, field)];
  const text = (error: FieldError): string => `${error.field}: ${error.message}`;
  return errors.toSorted((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0));
}

function invariants(schema: JsonObject, level: Level, field: string): FieldError[] {
  const items = obj(schema, 'items');
  const additional = get(schema, 'additionalProperties');
  const anyOf = list(schema, 'anyOf');
  const firstOfAll = objects(schema, 'allOf')[0];
  const errors: FieldError[] = [
    ...(str(schema, 'type') === 'array' && !has(schema, 'items') ? [required(`${field}.items`, 'must be specified')] : []),
    ...(items === undefined ? [] : invariants(items, 'item', `${field}.items`)),
    ...members(schema, 'properties').flatMap(([name, property]) => invariants(property, 'field', `${field}.properties[${name}]`)),
    ...(has(schema, 'additionalProperties') && level === 'root' ? [forbiddenField(`${field}.additionalProperties`, 'must not be used at the root')] : []),
    ...(isObject(additional) ? invariants(additional, 'field', `${field}.additionalProperties`) : []),
    ...extensions(schema, field),
    ...restrictions(schema, field, equalJson([...anyOf], intOrString), firstOfAll !== undefined && equalJson([...list(firstOfAll, 'anyOf')], intOrString)),
  ];
  return [...errors, ...typeOf(schema, level, field), ...envelope(schema, level, field)];
}

function extensions(schema: JsonObject, field: string): FieldError[] {
  if (!bool(schema, 'x-kubernetes-int-or-string')) return [];
  return ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'].filter((key) => bool(schema, key))
    .map((key) => invalidValue(`${field}.${key}`, true, 'must be false if x-kubernetes-int-or-string is true'));
}

function typeOf(schema: JsonObject, level: Level, field: string): FieldError[] {
  const type = str(schema, 'type');
  const embedded = bool(schema, 'x-kubernetes-embedded-resource');
  const errors: FieldError[] = [];
  if (embedded && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? required(`${field}.type`, why) : invalidValue(`${field}.type`, type, why));
  } else if (type === '' && !bool(schema, 'x-kubernetes-int-or-string') && !bool(schema, 'x-kubernetes-preserve-unknown-fields')) errors.push(required(`${field}.type`, emptyType[level]));
  if (embedded && has(schema, 'additionalProperties')) errors.push(forbiddenField(`${field}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'));
  if (level === 'root' && type !== '' && type !== 'object') errors.push(invalidValue(`${field}.type`, type, 'must be object at the root'));
  return errors;
}

function envelope(schema: JsonObject, level: Level, field: string): FieldError[] {
  const embedded = bool(schema, 'x-kubernetes-embedded-resource');
  const checked = level === 'root' || embedded;
  const properties = obj(schema, 'properties');
  const errors: FieldError[] = [];
  for (const key of ['kind', 'apiVersion']) {
    const property = obj(properties, key);
    if (checked && property !== undefined && str(property, 'type') !== 'string') errors.push(invalidValue(`${field}.properties[${key}].type`, str(property, 'type'), 'must be string'));
  }
  const metadata = obj(properties, 'metadata');
  if (metadata !== undefined) append(errors, metadataSchema(metadata, checked, level, `${field}.properties[metadata]`));
  if (embedded && !bool(schema, 'x-kubernetes-preserve-unknown-fields') && entries(properties).length === 0) {
    errors.push(required(`${field}.properties`, 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'));
  }
  return errors;
}

function metadataSchema(schema: JsonObject, checked: boolean, level: Level, field: string): FieldError[] {
  const errors = checked && str(schema, 'type') !== 'object' ? [invalidValue(`${field}.type`, str(schema, 'type'), 'must be object')] : [];
  if (level !== 'root') return errors;
  const names = entries(obj(schema, 'properties')).map(([name]) => name);
  const onlyNames = names.every((name) => name === 'name' || name === 'generateName');
  const others = Object.keys(schema).filter((key) => !['type', 'default', 'properties'].includes(key) && !(key === 'required' && list(schema, key).length === 0));
  if (!onlyNames || others.length > 0) errors.push(forbiddenField(field, 'must not specify anything other than name and generateName, but metadata is implicitly specified'));
  return errors;
}

/** The logic of a schema, which may restrict but not declare. */
function restrictions(schema: JsonObject, field: string, skipAnyOf = false, skipFirst = false): FieldError[] {
  const not = obj(schema, 'not');
  const pattern = str(schema, 'pattern');
  const compiled = pattern === '' ? undefined : compilePattern(pattern);
  return [
    ...(skipAnyOf ? [] : objects(schema, 'anyOf').flatMap((nested, index) => restriction(nested, `${field}.anyOf[${index}]`))),
    ...objects(schema, 'allOf').flatMap((nested, index) => restriction(nested, `${field}.allOf[${index}]`, skipFirst && index === 0)),
    ...objects(schema, 'oneOf').flatMap((nested, index) => restriction(nested, `${field}.oneOf[${index}]`)),
    ...(not === undefined ? [] : restriction(not, `${field}.not`)),
    ...(typeof compiled === 'string' ? [invalidValue(`${field}.pattern`, pattern, `must be a valid regular expression, but isn't: ${compiled}`)] : []),
  ];
}

const forbiddenInside: readonly (readonly [string, string])[] = [
  ['type', 'must be empty to be structural'], ['additionalProperties', 'must be undefined to be structural'], ['default', 'must be undefined to be structural'], ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'], ['nullable', 'must be false to be structural'], ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'], ['x-kubernetes-int-or-string', 'must be false to be structural'], ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'], ['x-kubernetes-map-type', 'must be undefined to be structural'], ['x-kubernetes-validations', 'must be empty to be structural'],
];

function isSet(schema: JsonObject, key: string): boolean {
  const value = get(schema, key);
  if (value === undefined || value === '' || (value === false && key !== 'additionalProperties')) return false;
  return !(Array.isArray(value) && value.length === 0);
}

function restriction(schema: JsonObject, field: string, skipAnyOf = false): FieldError[] {
  const items = obj(schema, 'items');
  return [
    ...restrictions(schema, field, skipAnyOf),
    ...(items === undefined ? [] : restriction(items, `${field}.items`)),
    ...members(schema, 'properties').flatMap(([name, property]) => restriction(property, `${field}.properties[${name}]`)),
    ...forbiddenInside.filter(([key]) => isSet(schema, key)).map(([key, why]) => forbiddenField(`${field}.${key}`, why)),
    ...(obj(obj(schema, 'properties'), 'metadata') === undefined ? [] : [forbiddenField(`${field}.properties[metadata]`, 'must not be specified in a nested context')]),
  ];
}

function alternatives(schema: JsonObject): (readonly [string, JsonObject])[] {
  const not = obj(schema, 'not');
  return [
    ...(not === undefined ? [] : [['not', not] as const]),
    ...['allOf', 'anyOf', 'oneOf'].flatMap((key) => objects(schema, key).map((nested, index) => [`${key}[${index}]`, nested] as const)),
  ];
}

/** What `schema`'s logic speaks of must be declared in `declared`, which stands at `at`. */
function completeness(schema: JsonObject, declared: JsonObject, at: string, field: string): FieldError[] {
  return alternatives(schema).flatMap(([key, nested]) => declaredIn(nested, declared, at, `${field}.${key}`));
}

function declaredIn(schema: JsonObject, declared: JsonObject | undefined, at: string, field: string): FieldError[] {
  if (declared === undefined) return [required(at, `because it is defined in ${field}`)];
  const items = obj(schema, 'items');
  const properties = obj(declared, 'properties');
  return [
    ...completeness(schema, declared, at, field),
    ...(items === undefined ? [] : declaredIn(items, obj(declared, 'items'), `${at}.items`, `${field}.items`)),
    ...members(schema, 'properties').flatMap(([name, property]) => declaredIn(property, obj(properties, name), `${at}.properties[${name}]`, `${field}.properties[${name}]`)),
  ];
}
