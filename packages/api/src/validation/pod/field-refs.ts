import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { get, str } from '../access.ts';
import { eachInvalid, invalidValue, notSupported, required } from '../errors.ts';
import { isNegativeQuantity, quantityText } from '../common.ts';
import { qualifiedNameProblems } from '../formats.ts';

/** What the pod field labels know; more than the downward API serves. */
const known = new Set([
  'metadata.name', 'metadata.namespace', 'metadata.uid', 'metadata.annotations', 'metadata.labels', 'spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName',
  'spec.serviceAccountName', 'spec.hostNetwork', 'status.phase', 'status.podIP', 'status.podIPs', 'status.hostIP', 'status.hostIPs', 'status.nominatedNodeName', 'spec.host',
]);

export const envFields: readonly string[] = [
  'metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs',
];
export const volumeFields: readonly string[] = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

export function validateFieldRef(reference: JsonObject, field: string, supported: readonly string[]): FieldError[] {
  if (str(reference, 'apiVersion') === '') return [required(`${field}.apiVersion`)];
  const path = str(reference, 'fieldPath');
  if (path === '') return [required(`${field}.fieldPath`)];
  const subscript = /^(.*)\['(.*)'\]$/.exec(path);
  const base = subscript?.[1] ?? path;
  if (!known.has(base)) return [invalidValue(`${field}.fieldPath`, path, `error converting fieldPath: field label not supported: ${base}`)];
  if (subscript !== null) {
    const key = subscript[2] as string;
    if (base !== 'metadata.annotations' && base !== 'metadata.labels') return [invalidValue(`${field}`, base, 'does not support subscript')];
    return eachInvalid(field, key, qualifiedNameProblems(base === 'metadata.annotations' ? key.toLowerCase() : key));
  }
  return supported.includes(base) ? [] : [notSupported(`${field}.fieldPath`, path, supported)];
}

const containerFields = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory'];

export function validateResourceFieldRef(reference: JsonObject, field: string, isVolume: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const resource = str(reference, 'resource');
  if (isVolume && str(reference, 'containerName') === '') return [required(`${field}.containerName`)];
  if (resource === '') return [required(`${field}.resource`)];
  if (!containerFields.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) return [notSupported(`${field}.resource`, resource, containerFields)];
  const divisor = get(reference, 'divisor');
  if (divisor !== undefined && isNegativeQuantity(divisor)) errors.push(invalidValue(`${field}.divisor`, quantityText(divisor), 'must be greater than or equal to 0'));
  return errors;
}
