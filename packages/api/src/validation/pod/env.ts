import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { has, obj, objects, str } from '../access.ts';
import { eachInvalid, invalidValue, required } from '../errors.ts';
import { each } from '../common.ts';
import { configMapKeyProblems, dns1123Subdomain, relaxedEnvNameProblems } from '../formats.ts';
import { nameProblems } from '../metadata.ts';
import { envFields, validateFieldRef, validateResourceFieldRef } from './field-refs.ts';

function validateKeyRef(reference: JsonObject, field: string): FieldError[] {
  const key = str(reference, 'key');
  const name = str(reference, 'name');
  return [
    ...eachInvalid(`${field}.name`, name, dns1123Subdomain(name)),
    ...(key === '' ? [required(`${field}.key`)] : eachInvalid(`${field}.key`, key, configMapKeyProblems(key))),
  ];
}

const sources: readonly (readonly [string, (reference: JsonObject, field: string) => FieldError[]])[] = [
  ['fieldRef', (reference, field) => validateFieldRef(reference, field, envFields)],
  ['resourceFieldRef', (reference, field) => validateResourceFieldRef(reference, field, false)],
  ['configMapKeyRef', validateKeyRef],
  ['secretKeyRef', validateKeyRef],
];

function validateValueFrom(variable: JsonObject, field: string): FieldError[] {
  const from = obj(variable, 'valueFrom');
  if (from === undefined) return [];
  const present = sources.filter(([name]) => has(from, name));
  const errors = present.flatMap(([name, check]) => check(obj(from, name) ?? {}, `${field}.${name}`));
  if (present.length === 0) errors.push(invalidValue(field, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'));
  if (str(variable, 'value') !== '' && present.length > 0) errors.push(invalidValue(field, '', 'may not be specified when `value` is not empty'));
  else if (present.length > 1) errors.push(invalidValue(field, '', 'may not have more than one field specified at a time'));
  return errors;
}

export function validateEnv(container: JsonObject, field: string): FieldError[] {
  return each(objects(container, 'env'), `${field}.env`, (variable, at) => {
    const name = str(variable, 'name');
    return [...(name === '' ? [required(`${at}.name`)] : eachInvalid(`${at}.name`, name, relaxedEnvNameProblems(name))), ...validateValueFrom(variable, `${at}.valueFrom`)];
  });
}

export function validateEnvFrom(container: JsonObject, field: string): FieldError[] {
  return each(objects(container, 'envFrom'), `${field}.envFrom`, (source, at) => {
    const prefix = str(source, 'prefix');
    const errors = prefix === '' ? [] : eachInvalid(`${at}.prefix`, prefix, relaxedEnvNameProblems(prefix));
    const present = ['configMapRef', 'secretRef'].filter((name) => has(source, name));
    for (const name of present) {
      const target = str(obj(source, name), 'name');
      append(errors, (target === '' ? [required(`${at}.${name}.name`)] : eachInvalid(`${at}.${name}.name`, target, nameProblems('dns1123-subdomain', target, true))));
    }
    if (present.length === 0) errors.push(invalidValue(at.replace(/\[\d+\]$/, ''), '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (present.length > 1) errors.push(invalidValue(at.replace(/\[\d+\]$/, ''), '', 'may not have more than one field specified at a time'));
    return errors;
  });
}
