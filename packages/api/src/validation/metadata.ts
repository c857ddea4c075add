import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { equalJson, isObject } from '../patch/values.ts';
import { bool, entries, get, list, num, objects, str, strings } from './access.ts';
import { badValue, eachInvalid, forbiddenField, goStrings, goText, invalidValue, quote, required, tooLong } from './errors.ts';
import { goStruct, goStructs } from './go-value.ts';
import { dns1035Label, dns1123Label, dns1123Subdomain, labelValueProblems, pathSegmentProblems, qualifiedNameProblems } from './formats.ts';

const maxAnnotationsBytes = 256 * 1024;
const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion'];

export type NameRule = NonNullable<Strategy['nameRule']>;

/** A prefix may end in '-', since more letters follow. */
function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -1)}a` : name;
}

export function nameProblems(rule: NameRule, name: string, prefix = false): string[] {
  if (rule === 'path-segment') return pathSegmentProblems(name, prefix);
  const value = prefix ? maskTrailingDash(name) : name;
  switch (rule) {
    case 'dns1123-label': return dns1123Label(value);
    case 'dns1035-label': return dns1035Label(value);
    case 'dns1123-subdomain': return dns1123Subdomain(value);
  }
}

export function validateLabels(labels: JsonObject | undefined, field: string): FieldError[] {
  return entries(labels).flatMap(([key, value]) => [
    ...eachInvalid(field, key, qualifiedNameProblems(key)),
    ...eachInvalid(field, value as string, labelValueProblems(value as string)),
  ]);
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

export function validateAnnotations(annotations: JsonObject | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  let sizeBytes = 0;
  for (const [key, value] of entries(annotations)) {
    append(errors, eachInvalid(field, key, qualifiedNameProblems(key.toLowerCase())));
    sizeBytes += utf8Bytes(key) + utf8Bytes(value as string);
  }
  if (sizeBytes > maxAnnotationsBytes) errors.push(tooLong(field, maxAnnotationsBytes));
  return errors;
}

const ownerType = 'io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference';

function validateOwner(owner: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const apiVersion = str(owner, 'apiVersion');
  // Of what cannot be taken apart upstream sees no version either.
  if (apiVersion.split('/').length > 2 || (apiVersion.split('/').at(-1) ?? '') === '') errors.push(invalidValue(`${field}.apiVersion`, apiVersion, 'version must not be empty'));
  for (const key of ['kind', 'name', 'uid']) {
    if (str(owner, key) === '') errors.push(invalidValue(`${field}.${key}`, '', `${key} must not be empty`));
  }
  if (apiVersion === 'v1' && str(owner, 'kind') === 'Event') errors.push(invalidValue(field, goStruct(ownerType, owner), '/v1, Kind=Event is disallowed from being an owner'));
  return errors;
}

function validateOwners(metadata: JsonObject, field: string): FieldError[] {
  const owners = objects(metadata, 'ownerReferences');
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const owner of owners) {
    append(errors, validateOwner(owner, field));
    if (!bool(owner, 'controller')) continue;
    const shown = `${str(owner, 'kind')}/${str(owner, 'name')}`;
    if (controller === undefined) controller = shown;
    else errors.push(invalidValue(field, goStructs(ownerType, owners), `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${shown}`));
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[], field: string): FieldError[] {
  const errors = finalizers.flatMap((name) => eachInvalid(field, name, qualifiedNameProblems(name)));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalidValue(field, goStrings('[]string', finalizers), 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}

function validateKubeFinalizers(finalizers: readonly string[], field: string): FieldError[] {
  return finalizers.flatMap((name, index) => (!name.includes('/') && !standardFinalizers.includes(name)
    ? [invalidValue(`${field}[${index}]`, name, 'name is neither a standard finalizer name nor is it fully qualified')] : []));
}

function validateManagedFields(metadata: JsonObject, field: string): FieldError[] {
  return objects(metadata, 'managedFields').flatMap((entry, index) => {
    const at = `${field}[${index}]`;
    const errors: FieldError[] = [];
    const operation = str(entry, 'operation');
    const fieldsType = str(entry, 'fieldsType');
    if (operation !== 'Apply' && operation !== 'Update') errors.push(invalidValue(`${at}.operation`, operation, 'must be `Apply` or `Update`'));
    if (fieldsType !== '' && fieldsType !== 'FieldsV1') errors.push(invalidValue(`${at}.fieldsType`, fieldsType, 'must be `FieldsV1`'));
    append(errors, fieldManagerProblems(str(entry, 'manager'), `${at}.manager`));
    if (str(entry, 'subresource').length > 256) errors.push(tooLong(`${at}.subresource`, 256));
    return errors;
  });
}

/** Also the rule for the query parameter `fieldManager`. */
export function fieldManagerProblems(manager: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (manager.length > 128) errors.push(tooLong(field, 128));
  const chars = Array.from(manager);
  const bad = chars.findIndex((char) => !/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char));
  if (bad >= 0) errors.push(invalidValue(field, manager, `invalid character U+${((chars[bad] as string).codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')} (at position ${bad})`));
  return errors;
}

export interface RequiredName {
  readonly name: string;
  readonly problem: string;
}

export interface MetadataRules {
  readonly namespaced: boolean;
  readonly nameRule?: NameRule | undefined;
  /** Built-in kinds know their finalizers; those of custom kinds are free. */
  readonly custom?: boolean;
  /** Kinds whose name follows from their content. */
  readonly requiredName?: RequiredName | undefined;
}

function validateNamespace(metadata: JsonObject, namespaced: boolean): FieldError[] {
  const namespace = str(metadata, 'namespace');
  const field = 'metadata.namespace';
  if (!namespaced) return namespace === '' ? [] : [forbiddenField(field, 'not allowed on this type')];
  if (namespace === '') return [required(field)];
  return eachInvalid(field, namespace, dns1123Label(namespace));
}

function validateCommon(metadata: JsonObject, withGeneration: boolean): FieldError[] {
  return [
    ...(withGeneration && num(metadata, 'generation') < 0 ? [invalidValue('metadata.generation', num(metadata, 'generation'), 'must be greater than or equal to 0')] : []),
    ...validateLabels(isObject(get(metadata, 'labels')) ? (metadata['labels'] as JsonObject) : undefined, 'metadata.labels'),
    ...validateAnnotations(isObject(get(metadata, 'annotations')) ? (metadata['annotations'] as JsonObject) : undefined, 'metadata.annotations'),
    ...validateOwners(metadata, 'metadata.ownerReferences'),
  ];
}

/** Of what cannot be a path segment nothing more is said. */
function allNameProblems(rules: MetadataRules, name: string, prefix: boolean): string[] {
  const rule = rules.nameRule ?? 'dns1123-subdomain';
  const problems = nameProblems(rule, name, prefix);
  const { requiredName } = rules;
  return requiredName === undefined || name === requiredName.name || (rule === 'path-segment' && problems.length > 0) ? problems : [...problems, requiredName.problem];
}

/** For create (and, before the update rules, for update). Names are generated before. */
export function validateMetadata(metadata: JsonObject, rules: MetadataRules): FieldError[] {
  const generateName = str(metadata, 'generateName');
  const name = str(metadata, 'name');
  const finalizers = strings(metadata, 'finalizers');
  return [
    ...(generateName === '' ? [] : eachInvalid('metadata.generateName', generateName, allNameProblems(rules, generateName, true))),
    ...(name === '' ? [required('metadata.name', 'name or generateName is required')] : eachInvalid('metadata.name', name, allNameProblems(rules, name, false))),
    ...validateNamespace(metadata, rules.namespaced),
    ...validateCommon(metadata, true),
    ...validateFinalizers(finalizers, 'metadata.finalizers'),
    ...validateManagedFields(metadata, 'metadata.managedFields'),
    ...(rules.custom === true ? [] : validateKubeFinalizers(finalizers, 'metadata.finalizers')),
  ];
}

const immutableText = 'field is immutable';

function validateImmutable(metadata: JsonObject, old: JsonObject): FieldError[] {
  return ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'].flatMap((key) => {
    const value = get(metadata, key);
    if (equalJson(value ?? null, get(old, key) ?? null)) return [];
    const shown = key.endsWith('Timestamp') && typeof value === 'string' ? goText(`${value.slice(0, 10)} ${value.slice(11, 19)} +0000 UTC`) : badValue(value);
    return [invalidValue(`metadata.${key}`, shown, immutableText)];
  });
}

function validateNoNewFinalizers(metadata: JsonObject, old: JsonObject): FieldError[] {
  if (get(old, 'deletionTimestamp') === undefined) return [];
  const added = strings(metadata, 'finalizers').filter((name) => !list(old, 'finalizers').includes(name)).toSorted();
  if (added.length === 0) return [];
  return [forbiddenField('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map(quote).join(', ')}}`)];
}

/** What an update alone may do wrong. */
function validateChange(metadata: JsonObject, old: JsonObject): FieldError[] {
  const generation = num(metadata, 'generation');
  return [
    ...validateNoNewFinalizers(metadata, old),
    ...(str(metadata, 'resourceVersion') === '' ? [invalidValue('metadata.resourceVersion', '', 'must be specified for an update')] : []),
    ...(generation < num(old, 'generation') ? [invalidValue('metadata.generation', generation, 'must not be decremented')] : []),
    ...validateImmutable(metadata, old),
  ];
}

/** One look by the rules of a change. */
export function validateUpdatePass(metadata: JsonObject, old: JsonObject, rules: MetadataRules): FieldError[] {
  return [
    ...validateChange(metadata, old),
    ...validateCommon(metadata, false),
    ...validateManagedFields(metadata, 'metadata.managedFields'),
    ...(rules.custom === true ? [] : validateKubeFinalizers(strings(metadata, 'finalizers'), 'metadata.finalizers')),
  ];
}

/** One of the looks that upstream takes at an updated object's metadata: by the rules of a new object, or by those of a change. */
export type MetadataPass = 'new' | 'change';

/**
 * Upstream looks as for any kind first, by both rules, and then as the kind does it (`passes`); a cause stands in the answer as often as it was found.
 * What is right is looked at once.
 */
export function validateMetadataUpdate(metadata: JsonObject, old: JsonObject, rules: MetadataRules, passes: readonly MetadataPass[] = ['change']): FieldError[] {
  const anyKind: MetadataRules = { namespaced: rules.namespaced, nameRule: 'path-segment', custom: true };
  const kindOfRules = { ...(passes.includes('new') ? rules : anyKind), custom: passes.length === 0 || rules.custom === true };
  if (validateMetadata(metadata, kindOfRules).length === 0 && validateChange(metadata, old).length === 0) return [];
  return [
    ...validateMetadata(metadata, anyKind), ...validateUpdatePass(metadata, old, anyKind),
    ...passes.flatMap((pass) => (pass === 'new' ? validateMetadata(metadata, rules) : validateUpdatePass(metadata, old, rules))),
  ];
}
