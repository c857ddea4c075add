import { goText } from '../errors.ts';
import type { FieldError } from '../../field-error.ts';
import { equalJson } from '../../patch/values.ts';
import type { Json, JsonObject } from '../../resource.ts';
import { stringifyAny } from '../../json/any.ts';
import { get, has, num, obj, objects, str, strings } from '../access.ts';
import { immutableText } from '../common.ts';
import { invalidValue, notSupported, required } from '../errors.ts';
import { goStruct } from '../go-value.ts';
import { driverName, eachOf, eachOnce, fullyQualifiedName, label, subdomain, tooLongText } from './names.ts';
import { selectorErrors } from './selectors.ts';

export const maxRequests = 32;
export const maxConfigs = 32;
const maxConstraints = 32;
const longestParameters = 10 * 1024;

/** What a driver is told: nobody else knows what is right in it. `stored`: it may be as long as it was. */
export function opaqueObject(value: Json | undefined, field: string, stored: boolean): FieldError[] {
  if (value === undefined || value === null) return [required(field)];
  const long = stored ? [] : tooLongText(stringifyAny(value), field, longestParameters);
  if (long.length > 0) return long;
  return typeof value === 'object' && !Array.isArray(value) ? [] : [invalidValue(field, '<value omitted>', 'parameters must be a valid JSON object')];
}

export function configuration(config: JsonObject, field: string, stored: boolean): FieldError[] {
  const opaque = obj(config, 'opaque');
  if (opaque === undefined) return [required(`${field}.opaque`)];
  return [...driverName(str(opaque, 'driver'), `${field}.opaque.driver`), ...opaqueObject(get(opaque, 'parameters'), `${field}.opaque.parameters`, stored)];
}

export function requestNamesOf(spec: JsonObject | undefined): ReadonlySet<string> {
  return new Set(objects(obj(spec, 'devices'), 'requests').map((request) => str(request, 'name')));
}

export function requestReference(name: string, field: string, known: ReadonlySet<string>): FieldError[] {
  return [...label(name, field), ...(known.has(name) ? [] : [invalidValue(field, name, 'must be the name of a request in the claim')])];
}

export function requestReferences(owner: JsonObject, field: string, known: ReadonlySet<string>): FieldError[] {
  return eachOnce(strings(owner, 'requests'), `${field}.requests`, maxRequests, (name, at) => requestReference(name, at, known), (key) => ({ key, at: '' }));
}

function amount(request: JsonObject, field: string): FieldError[] {
  const mode = str(request, 'allocationMode');
  const count = num(request, 'count');
  switch (mode) {
    case 'All': return count === 0 ? [] : [invalidValue(`${field}.count`, count, "must not be specified when allocationMode is 'All'")];
    case 'ExactCount': return count > 0 ? [] : [invalidValue(`${field}.count`, count, 'must be greater than zero')];
    default: return [notSupported(`${field}.allocationMode`, mode, ['All', 'ExactCount'])];
  }
}

function deviceRequest(request: JsonObject, field: string): FieldError[] {
  const className = str(request, 'deviceClassName');
  return [
    ...label(str(request, 'name'), `${field}.name`), ...(className === '' ? [required(`${field}.deviceClassName`)] : subdomain(className, `${field}.deviceClassName`)),
    ...selectorErrors(request, field), ...amount(request, field),
  ];
}

function constraint(one: JsonObject, field: string, known: ReadonlySet<string>): FieldError[] {
  const at = `${field}.matchAttribute`;
  return [...requestReferences(one, field, known), ...(has(one, 'matchAttribute') ? fullyQualifiedName(str(one, 'matchAttribute'), at) : [required(at)])];
}

export function claimSpecErrors(spec: JsonObject | undefined, field: string, stored: boolean): FieldError[] {
  const devices = obj(spec, 'devices');
  const at = `${field}.devices`;
  const known = requestNamesOf(spec);
  return [
    ...eachOnce(objects(devices, 'requests'), `${at}.requests`, maxRequests, deviceRequest, (request) => ({ key: str(request, 'name'), at: '.name' })),
    ...eachOf(objects(devices, 'constraints'), `${at}.constraints`, maxConstraints, (one, oneAt) => constraint(one, oneAt, known)),
    ...eachOf(objects(devices, 'config'), `${at}.config`, maxConfigs, (config, configAt) => [...requestReferences(config, configAt, known), ...configuration(config, configAt, stored)]),
  ];
}

/** Of claims and of what they are made from. */
export function sameSpec(object: JsonObject, old: JsonObject, type: string): FieldError[] {
  const spec = obj(object, 'spec');
  if (equalJson(spec ?? null, obj(old, 'spec') ?? null)) return [];
  return [invalidValue('spec', spec === undefined ? goText('{}') : goStruct(`io.k8s.api.resource.v1beta1.${type}`, spec), immutableText)];
}
