import type { FieldError } from '../field-error.ts';
import type { Json, JsonObject } from '../resource.ts';
import { compareQuantity } from '../quantity/index.ts';
import { entries, get, obj } from './access.ts';
import { eachInvalid, goText, invalidValue, quote, required } from './errors.ts';
import { isNegativeQuantity, isWholeQuantity, nonNegativeText, quantityText } from './common.ts';
import { qualifiedNameProblems } from './formats.ts';

const containerResources = ['cpu', 'memory', 'ephemeral-storage'];
const wholeResources = /^(pods|services|replicationcontrollers|resourcequotas|secrets|configmaps|persistentvolumeclaims|services\.nodeports|services\.loadbalancers)$/;

export function isHugePages(name: string): boolean {
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

export function resourceNameErrors(name: string, field: string): FieldError[] {
  return eachInvalid(field, name, qualifiedNameProblems(name));
}

function containerResourceName(name: string, field: string): FieldError[] {
  const errors = resourceNameErrors(name, field);
  if (!name.includes('/')) {
    if (!containerResources.includes(name) && !isHugePages(name)) errors.push(invalidValue(field, name, 'must be a standard resource for containers'));
  } else if (!isNative(name) && !isExtended(name)) {
    errors.push(invalidValue(field, name, "doesn't follow extended resource name standard"));
  }
  return errors;
}

export function resourceQuantity(name: string, value: Json, field: string): FieldError[] {
  const errors = isNegativeQuantity(value) ? [invalidValue(field, quantityText(value), nonNegativeText)] : [];
  if ((wholeResources.test(name) || isExtended(name)) && !isWholeQuantity(value)) errors.push(invalidValue(field, goText(quantityText(value)), 'must be an integer'));
  return errors;
}

/** Requests and limits of a container or claim. */
export function validateResourceRequirements(resources: JsonObject | undefined, field: string): FieldError[] {
  const limits = obj(resources, 'limits');
  const requests = obj(resources, 'requests');
  const errors = entries(limits).flatMap(([name, value]) => [
    ...containerResourceName(name, `${field}.limits[${name}]`), ...resourceQuantity(name, value, `${field}.limits[${name}]`),
  ]);
  for (const [name, value] of entries(requests)) {
    const at = `${field}.requests[${name}]`;
    errors.push(...containerResourceName(name, at), ...resourceQuantity(name, value, at), ...againstLimit(name, value, get(limits, name), field));
  }
  return errors;
}

function againstLimit(name: string, value: Json, limit: Json | undefined, field: string): FieldError[] {
  if (limit === undefined) return isOvercommitAllowed(name) ? [] : [required(`${field}.limits`, 'Limit must be set for non overcommitable resources')];
  const order = compareQuantity(quantityText(value), quantityText(limit));
  const shown = quantityText(value);
  if (!isOvercommitAllowed(name) && order !== 0) return [invalidValue(`${field}.requests`, shown, `must be equal to ${name} limit of ${quantityText(limit)}`)];
  return order > 0 ? [invalidValue(`${field}.requests`, shown, `must be less than or equal to ${name} limit of ${quantityText(limit)}`)] : [];
}

/** Go's `%#v` of a small decimal quantity. */
export function goQuantity(value: Json): ReturnType<typeof goText> {
  const text = quantityText(value);
  const match = /^([0-9]+)(m?)$/.exec(text);
  const format = text.endsWith('i') ? 'BinarySI' : 'DecimalSI';
  return goText(`resource.Quantity{i:resource.int64Amount{value:${match?.[1] ?? '0'}, scale:${match?.[2] === 'm' ? '-3' : '0'}}, d:resource.infDecAmount{Dec:(*inf.Dec)(nil)}, s:${quote(text)}, Format:"${format}"}`);
}
