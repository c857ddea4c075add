import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { Json, JsonObject } from '../resource.ts';

import { get, has, obj, str, strings } from './access.ts';
import { eachInvalid, forbiddenField, goText, invalidValue, notSupported, required } from './errors.ts';
import { isPositiveQuantity, quantityText, requireOneOf, requireString, validateLabelSelector } from './common.ts';
import { dns1123Label, dns1123Subdomain } from './formats.ts';
import { validateAnnotations, validateLabels } from './metadata.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const positiveText = 'must be greater than zero';

export function validateAccessModes(spec: JsonObject | undefined, field: string): FieldError[] {
  const modes = strings(spec, 'accessModes');
  const known = modes.filter((mode) => accessModes.includes(mode));
  const errors = modes.filter((mode) => !accessModes.includes(mode)).map((mode) => notSupported(`${field}.accessModes`, mode, accessModes));
  if (known.includes('ReadWriteOncePod') && known.some((mode) => mode !== 'ReadWriteOncePod')) {
    errors.push(forbiddenField(`${field}.accessModes`, 'may not use ReadWriteOncePod with other access modes'));
  }
  return errors;
}

/** Amounts of storage are said twice to be wrong: once as no positive number, once as no whole one. */
export function positiveQuantity(value: Json, field: string): FieldError[] {
  return isPositiveQuantity(value) ? [] : [invalidValue(field, quantityText(value), positiveText)];
}

export function validateClassName(name: string, field: string): FieldError[] {
  return name === '' ? [] : eachInvalid(field, name, dns1123Subdomain(name));
}

function dataSource(source: JsonObject, field: string): FieldError[] {
  const group = str(source, 'apiGroup');
  const kind = str(source, 'kind');
  const namespace = str(source, 'namespace');
  const errors = [...requireString(source, 'name', field), ...requireString(source, 'kind', field)];
  if (group === '' && kind !== 'PersistentVolumeClaim') errors.push(invalidValue(field, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (group !== '') append(errors, eachInvalid(`${field}.apiGroup`, group, dns1123Subdomain(group)));
  return namespace === '' ? errors : [...errors, ...eachInvalid(`${field}.namespace`, namespace, dns1123Label(namespace))];
}

function dataSources(spec: JsonObject | undefined, field: string): FieldError[] {
  const source = obj(spec, 'dataSource');
  const reference = obj(spec, 'dataSourceRef');
  const errors = [
    ...(source === undefined ? [] : dataSource(source, `${field}.dataSource`)), ...(reference === undefined ? [] : dataSource(reference, `${field}.dataSourceRef`)),
  ];
  if (source === undefined || reference === undefined) return errors;
  if (str(reference, 'namespace') !== '') return [...errors, invalidValue(field, goText('field.Path{name:"dataSource", index:"", parent:(*field.Path)(0x0)}'), 'may not be specified when dataSourceRef.namespace is specified')];
  const same = ['apiGroup', 'kind', 'name'].every((key) => get(source, key) === get(reference, key));
  return same ? errors : [...errors, invalidValue(field, goText('field.Path{name:"dataSource", index:"", parent:(*field.Path)(0x0)}'), 'must match dataSourceRef')];
}

export function validateClaimSpec(spec: JsonObject | undefined, field: string): FieldError[] {
  const errors = strings(spec, 'accessModes').length === 0 ? [required(`${field}.accessModes`, 'at least 1 access mode is required')] : [];
  append(errors, [...validateLabelSelector(obj(spec, 'selector'), `${field}.selector`), ...validateAccessModes(spec, field)]);
  const storage = get(obj(obj(spec, 'resources'), 'requests'), 'storage');
  append(errors, (storage === undefined ? [required(`${field}.resources[storage]`)] : positiveQuantity(storage, `${field}.resources[storage]`)));
  append(errors, validateClassName(str(spec, 'storageClassName'), `${field}.storageClassName`));
  if (has(spec, 'volumeMode')) append(errors, requireOneOf(str(spec, 'volumeMode'), `${field}.volumeMode`, ['Block', 'Filesystem'], 'unsupported'));
  return [...errors, ...dataSources(spec, field)];
}

const otherMetadata = ['name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion', 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'ownerReferences', 'finalizers', 'managedFields'];

/** Of an ephemeral volume: it may say labels and annotations, and nothing else of the claim's metadata. */
export function validateClaimTemplate(template: JsonObject, field: string): FieldError[] {
  const metadata = obj(template, 'metadata');
  return [
    ...validateLabels(obj(metadata, 'labels'), `${field}.metadata.labels`),
    ...validateAnnotations(obj(metadata, 'annotations'), `${field}.metadata.annotations`),
    ...otherMetadata.filter((key) => isSet(get(metadata, key))).map((key) => forbiddenField(`${field}.metadata.${key === 'uid' ? 'uID' : key}`, 'cannot be set')),
    ...validateClaimSpec(obj(template, 'spec'), `${field}.spec`),
  ];
}

function isSet(value: ReturnType<typeof get>): boolean {
  return value !== undefined && value !== '' && value !== 0 && !(Array.isArray(value) && value.length === 0);
}

