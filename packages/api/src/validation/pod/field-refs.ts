import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { get, str } from '../access.ts';
import { eachInvalid, invalidValue, notSupported, required } from '../errors.ts';
import { isZeroQuantity } from '../../quantity/index.ts';
import { quantityText } from '../common.ts';
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
  if (str(reference, 'apiVersion') !== 'v1') return [invalidValue(`${field}.fieldPath`, path, `error converting fieldPath: unsupported pod version: ${str(reference, 'apiVersion')}`)];
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
const byteDivisors = ['1', ...['k', 'M', 'G', 'T', 'P', 'E', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix) => `1${suffix}`)];
const byteNames: Readonly<Record<string, string>> = { memory: 'memory', 'ephemeral-storage': 'local ephemeral storage' };

function divisor(reference: JsonObject, resource: string, field: string): FieldError[] {
  const text = quantityText(get(reference, 'divisor'));
  if (isZeroQuantity(text)) return [];
  const name = resource.replace(/^(limits|requests)\./, '');
  if (name === 'cpu') return text === '1' || text === '1m' ? [] : [invalidValue(`${field}.divisor`, resource, "only divisor's values 1m and 1 are supported with the cpu resource")];
  const words = byteNames[name] ?? (name.startsWith('hugepages-') ? 'hugepages' : undefined);
  if (words === undefined || byteDivisors.includes(text)) return [];
  return [invalidValue(`${field}.divisor`, resource, `only divisor's values ${byteDivisors.join(', ')} are supported with the ${words} resource`)];
}

export function validateResourceFieldRef(reference: JsonObject, field: string, isVolume: boolean): FieldError[] {
  const resource = str(reference, 'resource');
  const errors: FieldError[] = [];
  if (isVolume && str(reference, 'containerName') === '') errors.push(required(`${field}.containerName`));
  else if (resource === '') errors.push(required(`${field}.resource`));
  else if (!containerFields.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) errors.push(notSupported(`${field}.resource`, resource, containerFields));
  return [...errors, ...divisor(reference, resource, field)];
}
