import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { obj, objects, optionalNumber, str } from '../access.ts';
import { invalidValue, required } from '../errors.ts';
import { each, requireString } from '../common.ts';
import { validateFieldRef, validateResourceFieldRef, volumeFields } from './field-refs.ts';

const modeText = 'must be a number between 0 and 0777 (octal), both inclusive';

export function noBacksteps(path: string, field: string): FieldError[] {
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : [];
}

export function descendingPath(path: string, field: string): FieldError[] {
  return [...(path.startsWith('/') ? [invalidValue(field, path, 'must be a relative path')] : []), ...noBacksteps(path, field)];
}

export function nonReservedPath(path: string, field: string): FieldError[] {
  const errors = descendingPath(path, field);
  if (path.startsWith('..') && !path.startsWith('../')) errors.push(invalidValue(field, path, "must not start with '..'"));
  return errors;
}

export function fileMode(object: JsonObject, key: string, field: string): FieldError[] {
  const mode = optionalNumber(object, key);
  return mode !== undefined && (mode < 0 || mode > 0o777) ? [invalidValue(`${field}.${key}`, mode, modeText)] : [];
}

function keyToPath(item: JsonObject, field: string): FieldError[] {
  return [...requireString(item, 'key', field), ...requireString(item, 'path', field), ...nonReservedPath(str(item, 'path'), `${field}.path`), ...fileMode(item, 'mode', field)];
}

export function items(source: JsonObject, field: string): FieldError[] {
  return each(objects(source, 'items'), `${field}.items`, keyToPath);
}

/** Upstream does not say which of the files it is. */
export function downwardFile(file: JsonObject, field: string): FieldError[] {
  const reference = obj(file, 'fieldRef');
  const resource = obj(file, 'resourceFieldRef');
  const errors = [...requireString(file, 'path', field), ...nonReservedPath(str(file, 'path'), `${field}.path`)];
  if (reference !== undefined) {
    append(errors, validateFieldRef(reference, `${field}.fieldRef`, volumeFields));
    if (resource !== undefined) errors.push(invalidValue(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (resource !== undefined) append(errors, validateResourceFieldRef(resource, `${field}.resourceFieldRef`, true));
  else errors.push(required(field, 'one of fieldRef and resourceFieldRef is required'));
  return [...errors, ...fileMode(file, 'mode', field)];
}
