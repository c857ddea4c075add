/** Claims of devices: those a pod has, and which of them a container uses. */
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { get, has, objects, str } from '../access.ts';
import { duplicate, eachInvalid, invalidValue, notFoundValue, required } from '../errors.ts';
import { each } from '../common.ts';
import { dns1123Label, dns1123Subdomain } from '../formats.ts';
import { goStruct } from '../go-value.ts';

const sources = ['resourceClaimName', 'resourceClaimTemplateName'] as const;

export function claimNames(spec: JsonObject | undefined): ReadonlySet<string> {
  return new Set(objects(spec, 'resourceClaims').map((claim) => str(claim, 'name')).filter((name) => name !== ''));
}

function sourceErrors(claim: JsonObject, field: string): FieldError[] {
  const given = sources.filter((key) => get(claim, key) !== undefined);
  const shown = goStruct('io.k8s.api.core.v1.PodResourceClaim', claim);
  return [
    ...(given.length > 1 ? [invalidValue(field, shown, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified')] : []),
    ...(given.length === 0 ? [invalidValue(field, shown, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`')] : []),
    ...given.flatMap((key) => eachInvalid(`${field}.${key}`, str(claim, key), dns1123Subdomain(str(claim, key)))),
  ];
}

export function validatePodClaims(spec: JsonObject | undefined, field: string): FieldError[] {
  if (!has(spec, 'resourceClaims')) return [];
  const seen = new Set<string>();
  return each(objects(spec, 'resourceClaims'), field, (claim, at) => {
    const name = str(claim, 'name');
    const errors = name === '' ? [required(`${at}.name`)] : seen.has(name) ? [duplicate(`${at}.name`, name)] : eachInvalid(`${at}.name`, name, dns1123Label(name));
    seen.add(name);
    return [...errors, ...sourceErrors(claim, at)];
  });
}

/** A claim stands once as a whole, or once a request of it. */
function repeated(name: string, request: string, seen: ReadonlySet<string>, field: string): FieldError[] {
  const key = request === '' ? name : `${name}/${request}`;
  if (seen.has(name)) return [duplicate(field, name)];
  if (seen.has(key)) return [duplicate(field, key)];
  return request === '' ? [...seen].filter((one) => one.startsWith(`${name}/`)).map(() => duplicate(field, name)) : [];
}

export function validateContainerClaims(container: JsonObject, field: string, known: ReadonlySet<string>): FieldError[] {
  const resources = get(container, 'resources') as JsonObject | undefined;
  if (!has(resources, 'claims')) return [];
  const seen = new Set<string>();
  const which = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
  return each(objects(resources, 'claims'), field, (claim, at) => {
    const [name, request] = [str(claim, 'name'), str(claim, 'request')];
    if (name === '') return [required(at)];
    const unknown = known.has(name) ? [] : [notFoundValue(at, name)].map((error) => ({ ...error, message: `${error.message}: must be one of the names in pod.spec.resourceClaims${which}` }));
    const whole = seen.has(name);
    const errors = [...(request === '' || whole ? [] : eachInvalid(`${at}.request`, request, dns1123Label(request))), ...repeated(name, request, seen, at)];
    if (!whole) seen.add(request === '' ? name : `${name}/${request}`);
    return [...errors, ...unknown];
  });
}
