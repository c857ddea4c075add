import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { entries, obj, objects, str, strings } from './access.ts';
import { cidrProblems, parseCidr } from './addresses.ts';
import { each, labelName } from './common.ts';
import { duplicate, eachInvalid, forbiddenField, goStrings, invalidValue } from './errors.ts';
import { labelValueProblems } from './formats.ts';
import { goStruct } from './go-value.ts';
import { taintEffect } from './pod/placement.ts';
import { resourceQuantity } from './resources.ts';
import type { Validator } from './validator.ts';

/** Upstream says `metadata` where it means `spec`. */
const taintsField = 'metadata.taints';

function taints(spec: JsonObject | undefined): FieldError[] {
  const seen = new Set<string>();
  return each(objects(spec, 'taints'), taintsField, (taint, at) => {
    const [key, value, effect] = [str(taint, 'key'), str(taint, 'value'), str(taint, 'effect')];
    const problems = labelValueProblems(value);
    const errors = [...labelName(key, `${at}.key`), ...(problems.length === 0 ? [] : [invalidValue(`${at}.value`, value, problems.join(';'))]), ...taintEffect(effect, `${at}.effect`)];
    const id = `${effect} ${key}`;
    if (seen.has(id)) {
      const again = duplicate(at, goStruct('io.k8s.api.core.v1.Taint', taint));
      errors.push({ ...again, message: `${again.message}: taints must be unique by key and effect pair` });
    }
    seen.add(id);
    return errors;
  });
}

function statusResources(node: JsonObject): FieldError[] {
  const status = obj(node, 'status');
  return ['capacity', 'allocatable'].flatMap((field) => entries(obj(status, field)).flatMap(([name, value]) => resourceQuantity(name, value, `status.${field}.${name}`)));
}

function podRanges(spec: JsonObject | undefined): FieldError[] {
  const field = 'spec.podCIDRs';
  const ranges = strings(spec, 'podCIDRs');
  const errors = each(ranges, field, (range, at) => eachInvalid(at, range, cidrProblems(range)));
  if (ranges.length < 2) return errors;
  const parsed = ranges.map(parseCidr);
  const wrong = parsed.indexOf(undefined);
  if (wrong >= 0) {
    const cause = `invalid CIDR[${wrong}]: <nil> (invalid CIDR address: ${ranges[wrong] ?? ''})`;
    errors.push({ type: 'InternalError', field, message: `Internal error: invalid PodCIDRs. failed to check with dual stack with error:${cause}` });
  }
  const dual = wrong < 0 && ranges.some((range) => range.includes(':')) && ranges.some((range) => !range.includes(':'));
  if (!dual || ranges.length > 2) errors.push(invalidValue(field, goStrings('[]string', ranges), 'may specify no more than one CIDR for each IP family'));
  return [...errors, ...each(ranges, field, (range, at, index) => (ranges.indexOf(range) < index ? [duplicate(at, range)] : []))];
}

function node(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  return [...taints(spec), ...statusResources(object), ...podRanges(spec)];
}

function rangesChanged(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  const [now, before] = [strings(spec, 'podCIDRs'), strings(old, 'podCIDRs')];
  if (before.length === 0) return [];
  const changes = now.length === before.length ? before.filter((range, index) => range !== now[index]) : [''];
  return changes.map(() => forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
}

/** What a change of the status is held to; a change of the node as well. */
function nodeChange(object: JsonObject, old: JsonObject): FieldError[] {
  const [spec, before] = [obj(object, 'spec'), obj(old, 'spec')];
  const addresses = objects(obj(object, 'status'), 'addresses');
  const repeated = each(addresses, 'status.addresses', (one, at, index) => (
    addresses.slice(0, index).some((other) => equalJson(other, one)) ? [duplicate(at, goStruct('io.k8s.api.core.v1.NodeAddress', one))] : []));
  const provider = str(before, 'providerID');
  return [
    ...statusResources(object), ...repeated, ...rangesChanged(spec, before),
    ...(provider !== '' && provider !== str(spec, 'providerID') ? [forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid')] : []),
    ...taints(spec),
    ...(str(spec, 'externalID') === str(before, 'externalID') ? [] : [forbiddenField('spec.externalID', 'may not be updated')]),
  ];
}

export const nodeValidators: Readonly<Record<string, Validator>> = {
  nodes: { create: node, update: (object, old) => [...node(object), ...nodeChange(object, old)], updateStatus: nodeChange },
};
