import type { FieldError } from '../field-error.ts';
import { DecodeError } from '../decode/decode-object.ts';
import { isObject, own } from '../patch/values.ts';
import type { Json, JsonObject } from '../resource.ts';
import { stringifySorted } from '../json/any.ts';
import { dns1035Label } from '../validation/formats.ts';
import { duplicate, invalidValue, required } from '../validation/errors.ts';
import { validateMetadata } from '../validation/metadata.ts';
import type { CustomScale } from './definition.ts';
import { coerceMetadata } from './embedded.ts';
import { badJson, goFloat } from './go-value.ts';
import type { SchemaError } from './result.ts';
import { memberOf, type Structural } from './structural.ts';
import { ValueValidator } from './validate-value.ts';

function placed({ name, type, message }: SchemaError, field: string): FieldError {
  const relative = (name === undefined || name === '.' ? '' : name).replace(/^\./, '');
  const joined = relative === '' ? field : field === '' ? relative : `${field}.${relative}`;
  return { type, field: joined === '' ? '<nil>' : joined, message };
}

const validator = new ValueValidator();

/** What the schema itself refuses. `field` is where the value stands, '' for a whole object; with `old`, what was wrong and stays may stay. */
export function validateValue(value: Json, schema: Structural, field = '', old?: Json): FieldError[] {
  const result = validator.validate(value, { schema: schema.raw, path: '', old: old === undefined ? undefined : { value: old, schema } });
  return result.errors.map((error) => placed(error, field));
}

function doubles(keys: readonly Json[]): number[] {
  const seen = new Map<string, number>();
  const found: number[] = [];
  for (const [index, key] of keys.entries()) {
    const text = `${typeof key}${stringifySorted(key)}`;
    const times = seen.get(text) ?? 0;
    if (times === 1) found.push(index);
    seen.set(text, times + 1);
  }
  return found;
}

function checkKeyed(items: readonly Json[], schema: Structural, field: string): FieldError[] {
  const wrong = items.findIndex((item) => item !== null && !isObject(item));
  if (wrong >= 0) return [invalidValue(`${field}[${wrong}]`, badJson(items[wrong] as Json), 'must be an object for an array of list-type map')];
  const keys = items.map((item) => Object.fromEntries(schema.listMapKeys.flatMap((name) => (isObject(item) && Object.hasOwn(item, name) ? [[name, item[name] as Json]] : []))) as JsonObject);
  return doubles(keys).map((index) => duplicate(`${field}[${index}]`, badJson(keys[index] as Json)));
}

/** Doubles in lists of type set and map. */
export function validateLists(value: Json, schema: Structural | undefined, field = ''): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    const own = schema.listType === 'set' ? doubles(value).map((index) => duplicate(`${field}[${index}]`, badJson(value[index] as Json))) : schema.listType === 'map' ? checkKeyed(value, schema, field) : [];
    return [...own, ...value.flatMap((item, index) => validateLists(item, schema.items, `${field}[${index}]`))];
  }
  if (!isObject(value)) return [];
  return Object.keys(value).toSorted().flatMap((key) => {
    const member = memberOf(schema, key);
    return member === undefined || member === 'undeclared' ? [] : validateLists(value[key] as Json, member, childField(schema, field, key));
  });
}

function childField(schema: Structural, field: string, key: string): string {
  if (!schema.properties.has(key)) return `${field}[${key}]`;
  return field === '' ? key : `${field}.${key}`;
}

function envelope(object: JsonObject, field: string): FieldError[] {
  const at = (key: string): string => (field === '' ? key : `${field}.${key}`);
  const errors: FieldError[] = ['apiVersion', 'kind'].filter((key) => !Object.hasOwn(object, key)).map((key) => required(at(key), 'must not be empty'));
  const apiVersion = own(object, 'apiVersion');
  if (apiVersion === '') errors.push(invalidValue(at('apiVersion'), '', 'must not be empty'));
  else if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2) errors.push(invalidValue(at('apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  const kind = own(object, 'kind');
  if (kind === '') errors.push(invalidValue(at('kind'), '', 'must not be empty'));
  else if (typeof kind === 'string') {
    const problems = dns1035Label(kind.toLowerCase());
    if (problems.length > 0) errors.push(invalidValue(at('kind'), kind, `may have mixed case, but should otherwise match: ${problems.join(',')}`));
  }
  return [...errors, ...embeddedMetadata(object, at('metadata'))];
}

function embeddedMetadata(object: JsonObject, field: string): FieldError[] {
  const given = own(object, 'metadata');
  if (given === undefined) return [];
  try {
    const { metadata } = coerceMetadata(given, false);
    const named = typeof metadata['name'] === 'string' && metadata['name'] !== '' ? metadata : { ...metadata, name: 'fakename' };
    const namespaced = typeof metadata['namespace'] === 'string' && metadata['namespace'] !== '';
    return validateMetadata(named, { namespaced, nameRule: 'path-segment', custom: true }).map((error) => ({ ...error, field: error.field.replace(/^metadata/, field) }));
  } catch (error) {
    if (error instanceof DecodeError) return [invalidValue(field, badJson(given), error.message)];
    throw error;
  }
}

/** Resources inside the object have a kind and metadata like others. */
export function validateEmbedded(value: Json, schema: Structural | undefined, field = ''): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => validateEmbedded(item, schema.items, `${field}[${index}]`));
  if (!isObject(value)) return [];
  return [
    ...(schema.embeddedResource ? envelope(value, field) : []),
    ...Object.keys(value).toSorted().flatMap((key) => {
      const member = memberOf(schema, key);
      return member === undefined || member === 'undeclared' ? [] : validateEmbedded(value[key] as Json, member, childField(schema, field, key));
    }),
  ];
}

/** The value at `.spec.replicas` and the like; a text says why there can be none. */
function nestedValue(object: JsonObject, path: string): { readonly value: Json | undefined } | { readonly trouble: string } {
  let value: Json | undefined = object;
  const parts = path.replace(/^\./, '').split('.');
  for (const [index, key] of parts.entries()) {
    if (value === undefined || value === null) return { value: undefined };
    if (!isObject(value)) return { trouble: `${parts.slice(0, index + 1).map((part) => `.${part}`).join('')} accessor error: ${goPlain(value)} is of the type ${goTypeName(value)}, expected map[string]interface{}` };
    value = own(value, key);
  }
  return { value };
}

function goTypeName(value: Json): string {
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'string': return 'string';
    case 'boolean': return 'bool';
    case 'object': return value === null ? '<nil>' : 'map[string]interface {}';
    default: return typeof value === 'number' && !Number.isSafeInteger(value) ? 'float64' : 'int64';
  }
}

/** Go's `%v`. */
function goPlain(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(goPlain).join(' ')}]`;
  if (isObject(value)) return `map[${Object.keys(value).toSorted().map((key) => `${key}:${goPlain(value[key] as Json)}`).join(' ')}]`;
  if (value === null) return '<nil>';
  return typeof value === 'number' && !Number.isSafeInteger(value) ? goFloat(value) : String(value);
}

const maxInt32 = 2 ** 31 - 1;

function validateCount(object: JsonObject, path: string): FieldError[] {
  const found = nestedValue(object, path);
  if ('trouble' in found) return [invalidValue(path, 0, found.trouble)];
  const { value } = found;
  if (value === undefined) return [];
  if (!(typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value)))) {
    return [invalidValue(path, 0, `${path.startsWith('.') ? path : `.${path}`} accessor error: ${goPlain(value)} is of the type ${goTypeName(value)}, expected int64`)];
  }
  if (value < 0) return [invalidValue(path, value, 'should be a non-negative integer')];
  return value > maxInt32 ? [invalidValue(path, value, `should be less than or equal to ${maxInt32}`)] : [];
}

/** Counts and selector where the scale subresource looks for them. */
export function validateScale(object: JsonObject, scale: CustomScale | undefined, what: 'all' | 'status'): FieldError[] {
  if (scale === undefined) return [];
  const errors = [...(what === 'all' ? validateCount(object, scale.specReplicasPath) : []), ...validateCount(object, scale.statusReplicasPath)];
  if (scale.labelSelectorPath === '') return errors;
  const found = nestedValue(object, scale.labelSelectorPath);
  if ('trouble' in found) return [...errors, invalidValue(scale.labelSelectorPath, '', found.trouble)];
  if (found.value === undefined || typeof found.value === 'string') return errors;
  return [...errors, invalidValue(scale.labelSelectorPath, '', `${scale.labelSelectorPath} accessor error: ${goPlain(found.value)} is of the type ${goTypeName(found.value)}, expected string`)];
}

const blocking: ReadonlySet<FieldError['type']> = new Set(['NotSupported', 'Required', 'TooLong', 'TooMany', 'TypeInvalid']);

/** Rules are not evaluated over an object with such errors: what is said then. */
export function uncheckedRules(errors: readonly FieldError[]): FieldError | undefined {
  if (!errors.some((error) => blocking.has(error.type))) return undefined;
  return { type: 'Invalid', field: '<nil>', message: 'Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation' };
}
