import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { bool, entries, get, has, list, obj, objects, str, strings } from './access.ts';
import { duplicate, eachInvalid, goStrings, goText, invalidValue, notSupported, quote, required } from './errors.ts';
import { each, immutableText, requireOneOf } from './common.ts';
import { dns1035Label, dns1123Subdomain } from './formats.ts';
import type { Validator } from './validator.ts';

const schemaTypes = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** Upstream names the one schema of a one-version kind by the field where it once stood. */
function schemaField(versions: readonly JsonObject[], index: number): string {
  return versions.length === 1 ? 'spec.validation.openAPIV3Schema' : `spec.versions[${index}].schema.openAPIV3Schema`;
}

function matchesType(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer': return typeof value === 'bigint' || Number.isInteger(value);
    case 'number': return typeof value === 'number' || typeof value === 'bigint';
    case 'array': return Array.isArray(value);
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value);
    default: return typeof value === type;
  }
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value;
}

function checkDefault(schema: JsonObject, field: string): FieldError[] {
  const type = str(schema, 'type');
  const value = get(schema, 'default');
  if (value === undefined || type === '' || matchesType(value, type)) return [];
  const shown = jsonType(value);
  return [{ type: 'TypeInvalid', field: `${field}.default`, message: `Invalid value: ${quote(shown)}:  in body must be of type ${type}: ${quote(shown)}` }];
}

/** A structural schema says the type of everything that it names. */
function structural(schema: JsonObject, field: string, what: 'root' | 'field' | 'item'): FieldError[] {
  const type = str(schema, 'type');
  const free = bool(schema, 'x-kubernetes-int-or-string') || bool(schema, 'x-kubernetes-preserve-unknown-fields');
  const errors: FieldError[] = [];
  const words = { root: 'must not be empty at the root', field: 'must not be empty for specified object fields', item: 'must not be empty for specified array items' };
  if (type === '' && !free) errors.push(required(`${field}.type`, words[what]));
  else if (what === 'root' && type !== 'object') errors.push(invalidValue(`${field}.type`, type, 'must be object at the root'));
  else if (type !== '' && !schemaTypes.includes(type)) errors.push(notSupported(`${field}.type`, type, schemaTypes));
  for (const [name, property] of entries(obj(schema, 'properties'))) errors.push(...structural(property as JsonObject, `${field}.properties[${name}]`, 'field'));
  const items = obj(schema, 'items');
  if (type === 'array' && items === undefined) errors.push(required(`${field}.items`, 'must be specified'));
  if (items !== undefined) errors.push(...structural(items, `${field}.items`, 'item'));
  const additional = obj(schema, 'additionalProperties');
  if (additional !== undefined) errors.push(...structural(additional, `${field}.additionalProperties`, 'field'));
  return errors.length > 0 ? errors : checkDefault(schema, field);
}

function validateSchemas(versions: readonly JsonObject[]): FieldError[] {
  return versions.flatMap((version, index) => {
    const schema = obj(obj(version, 'schema'), 'openAPIV3Schema');
    return schema === undefined
      ? [required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required')] : structural(schema, schemaField(versions, index), 'root');
  });
}

function validateNames(names: JsonObject | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of ['plural', 'singular', 'kind', 'listKind']) {
    const value = str(names, key);
    const field = `spec.names.${key}`;
    if (value === '') {
      if (key === 'plural' || key === 'kind' || key === 'listKind') errors.push(required(field));
    } else errors.push(...eachInvalid(field, value, dns1035Label(value.toLowerCase())));
  }
  if (str(names, 'kind') !== '' && str(names, 'kind') === str(names, 'listKind')) errors.push(invalidValue('spec.names.listKind', str(names, 'listKind'), 'kind and listKind may not be the same'));
  for (const key of ['shortNames', 'categories']) {
    errors.push(...strings(names, key).flatMap((name, index) => eachInvalid(`spec.names.${key}[${index}]`, name, dns1035Label(name))));
  }
  return errors;
}

function validateGroup(group: string): FieldError[] {
  if (group === '') return [required('spec.group')];
  const problems = dns1123Subdomain(group);
  if (problems.length > 0) return eachInvalid('spec.group', group, problems);
  return group.includes('.') ? [] : [invalidValue('spec.group', group, 'should be a domain with at least one dot')];
}

function validateVersions(versions: readonly JsonObject[], object: JsonObject): FieldError[] {
  const seen = new Set<string>();
  const errors = each(versions, 'spec.versions', (version, at) => {
    const name = str(version, 'name');
    const found = name === '' ? [required(`${at}.name`)] : eachInvalid(`${at}.name`, name, dns1035Label(name));
    if (seen.has(name)) found.push(duplicate(`${at}.name`, name));
    seen.add(name);
    return found;
  });
  const storage = versions.filter((version) => bool(version, 'storage'));
  if (storage.length !== 1) {
    const shown = versions.length === 0 ? '[]apiextensions.CustomResourceDefinitionVersion{}' : '[]apiextensions.CustomResourceDefinitionVersion{…}';
    errors.push(invalidValue('spec.versions', goText(shown), 'must have exactly one version marked as storage version'));
  }
  const stored = strings(obj(object, 'status'), 'storedVersions');
  if (stored.length === 0) errors.push(invalidValue('status.storedVersions', goStrings('[]string', undefined), 'must have at least one stored version'));
  return [...errors, ...stored.flatMap((name, index) => (seen.has(name) ? [] : [invalidValue(`status.storedVersions[${index}]`, name, 'must appear in spec.versions')]))];
}

function definition(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const name = str(obj(object, 'metadata'), 'name');
  const versions = objects(spec, 'versions');
  const nameText = 'must be spec.names.plural+"."+spec.group';
  const errors = name === `${str(obj(spec, 'names'), 'plural')}.${str(spec, 'group')}` ? [] : [invalidValue('metadata.name', name, nameText)];
  errors.push(...validateGroup(str(spec, 'group')), ...requireOneOf(str(spec, 'scope'), 'spec.scope', ['Cluster', 'Namespaced'], 'required'));
  errors.push(...validateVersions(versions, object), ...validateNames(obj(spec, 'names')));
  const columns = each(versions, 'spec.versions', (version, at) => each(objects(version, 'additionalPrinterColumns'), `${at}.additionalPrinterColumns`, (column, columnAt) => [
    ...(str(column, 'name') === '' ? [required(`${columnAt}.name`)] : []),
    ...(has(column, 'type') && ['boolean', 'date', 'integer', 'number', 'string'].includes(str(column, 'type')) ? [] : [invalidValue(`${columnAt}.type`, str(column, 'type'), 'must be one of boolean,date,integer,number,string')]),
    ...(str(column, 'jsonPath') === '' ? [required(`${columnAt}.JSONPath`)] : []),
  ]));
  return [...errors, ...columns, ...(list(spec, 'versions').length === 0 ? [] : validateSchemas(versions))];
}

function definitionUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const errors = definition(object);
  const spec = obj(object, 'spec');
  const before = obj(old, 'spec');
  const established = objects(obj(old, 'status'), 'conditions').some((one) => str(one, 'type') === 'Established' && str(one, 'status') === 'True');
  if (!established) return errors;
  if (str(spec, 'scope') !== str(before, 'scope')) errors.push(invalidValue('spec.scope', str(spec, 'scope'), immutableText));
  if (str(obj(spec, 'names'), 'kind') !== str(obj(before, 'names'), 'kind')) errors.push(invalidValue('spec.names.kind', str(obj(spec, 'names'), 'kind'), immutableText));
  return errors;
}

export const extensionValidators: Readonly<Record<string, Validator>> = {
  'customresourcedefinitions.apiextensions.k8s.io': { create: definition, update: definitionUpdate },
};
