import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { Json, JsonObject } from '../resource.ts';
import { compareQuantity, parseQuantity, QuantityError, quantityValue } from '../quantity/index.ts';
import { entries, get, obj } from './access.ts';
import { eachInvalid, forbiddenField, goText, invalidValue, required } from './errors.ts';
import { isNegativeQuantity, isWholeQuantity, nonNegativeText, quantityText } from './common.ts';
import { qualifiedNameProblems } from './formats.ts';
import { goQuantity } from './go-value.ts';

const containerResources = ['cpu', 'memory', 'ephemeral-storage'];
const wholeResources = /^(pods|services|replicationcontrollers|resourcequotas|secrets|configmaps|persistentvolumeclaims|services\.nodeports|services\.loadbalancers)$/;

function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}

export function isNative(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

/** Those of device plugins: asked for exactly, never more than promised. */
export function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith('requests.') && qualifiedNameProblems(`requests.${name}`).length === 0;
}

export function isOvercommitAllowed(name: string): boolean {
  return isNative(name) && !isHugePages(name);
}

const counted = ['pods', 'services', 'replicationcontrollers', 'resourcequotas', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers'];
const standard = new Set([
  ...containerResources, 'storage', ...['cpu', 'memory', 'ephemeral-storage'].flatMap((name) => [`requests.${name}`, `limits.${name}`]), 'requests.storage', ...counted,
]);

export function resourceNameErrors(name: string, field: string): FieldError[] {
  const errors = eachInvalid(field, goText(name), qualifiedNameProblems(name));
  if (errors.length > 0 || name.includes('/')) return errors;
  return standard.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-') ? [] : [invalidValue(field, goText(name), 'must be a standard resource type or fully qualified')];
}

export function containerResourceName(name: string, field: string): FieldError[] {
  const errors = resourceNameErrors(name, field);
  if (!name.includes('/')) {
    if (!containerResources.includes(name) && !isHugePages(name)) errors.push(invalidValue(field, goText(name), 'must be a standard resource for containers'));
  } else if (!isNative(name) && !isExtended(name)) {
    errors.push(invalidValue(field, goText(name), "doesn't follow extended resource name standard"));
  }
  return errors;
}

export function resourceQuantity(name: string, value: Json, field: string): FieldError[] {
  const errors = isNegativeQuantity(value) ? [invalidValue(field, quantityText(value), nonNegativeText)] : [];
  if ((wholeResources.test(name) || isExtended(name)) && !isWholeQuantity(value)) errors.push(invalidValue(field, goQuantity(value), 'must be an integer'));
  return errors;
}

function pageBytes(name: string): bigint {
  try {
    return parseQuantity(name.slice('hugepages-'.length)).nanos / 1_000_000_000n;
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    return 0n;
  }
}

function hugePages(name: string, value: Json, field: string): FieldError[] {
  if (!isHugePages(name)) return [];
  const bytes = pageBytes(name);
  if (bytes > 0n && BigInt(quantityValue(quantityText(value))) % bytes === 0n) return [];
  return [invalidValue(field, quantityText(value), `${quantityText(value)} is not positive integer multiple of ${name}`)];
}

/** Requests and limits of a container or claim. */
export function validateResourceRequirements(resources: JsonObject | undefined, field: string): FieldError[] {
  const limits = obj(resources, 'limits');
  const requests = obj(resources, 'requests');
  const one = (name: string, value: Json, at: string): FieldError[] => [...containerResourceName(name, at), ...resourceQuantity(name, value, at)];
  const errors = entries(limits).flatMap(([name, value]) => [...one(name, value, `${field}.limits[${name}]`), ...hugePages(name, value, `${field}.limits[${name}]`)]);
  for (const [name, value] of entries(requests)) {
    const at = `${field}.requests[${name}]`;
    append(errors, [...one(name, value, at), ...againstLimit(name, value, get(limits, name), field), ...hugePages(name, value, at)]);
  }
  const names = [...entries(limits), ...entries(requests)].map(([name]) => name);
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) errors.push(forbiddenField(field, 'HugePages require cpu or memory'));
  return errors;
}

function againstLimit(name: string, value: Json, limit: Json | undefined, field: string): FieldError[] {
  if (limit === undefined) return isOvercommitAllowed(name) ? [] : [required(`${field}.limits`, 'Limit must be set for non overcommitable resources')];
  const order = compareQuantity(quantityText(value), quantityText(limit));
  const shown = quantityText(value);
  if (!isOvercommitAllowed(name) && order !== 0) return [invalidValue(`${field}.requests`, shown, `must be equal to ${name} limit of ${quantityText(limit)}`)];
  return order > 0 ? [invalidValue(`${field}.requests`, shown, `must be less than or equal to ${name} limit of ${quantityText(limit)}`)] : [];
}

export { goQuantity } from './go-value.ts';
