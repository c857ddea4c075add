import type { FieldError } from '../field-error.ts';
import type { Json, JsonObject } from '../resource.ts';
import { compareQuantity } from '../quantity/index.ts';
import { entries, get, has, obj, objects, str, strings } from './access.ts';
import { duplicate, forbiddenField, goStrings, goText, invalidValue } from './errors.ts';
import { each, quantityText } from './common.ts';
import { qualifiedNameProblems } from './formats.ts';
import { goQuantity, isExtended, isHugePages, isNative, isOvercommitAllowed, resourceQuantity } from './resources.ts';
import type { Validator } from './validator.ts';

const compute = ['cpu', 'memory', 'ephemeral-storage'];
const requestsAndLimits = ['requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage'];
const counted = ['pods', 'services', 'replicationcontrollers', 'resourcequotas', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers'];
const standardForQuota = [...compute, ...requestsAndLimits, ...counted];
const scopes = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity'];
const conflicting = [['Terminating', 'NotTerminating'], ['BestEffort', 'NotBestEffort']] as const;

function quotaResourceName(name: string, field: string): FieldError[] {
  const errors = qualifiedNameProblems(name).map((text) => invalidValue(field, goText(name), text));
  const standard = standardForQuota.includes(name) || name.includes('hugepages-');
  if (!name.includes('/') && !standard) errors.push(invalidValue(field, goText(name), 'must be a standard resource for quota'));
  return errors;
}

/** What a scope can be about: pods, and their compute resources unless they must not have any. */
function scopeFits(scope: string, resource: string): boolean {
  switch (scope) {
    case 'BestEffort': return resource === 'pods';
    case 'Terminating': case 'NotTerminating': case 'NotBestEffort': case 'PriorityClass':
      return resource === 'pods' || compute.includes(resource) || requestsAndLimits.includes(resource);
    default: return resource === 'pods' || compute.includes(resource) || requestsAndLimits.includes(resource);
  }
}

function quotaScopes(spec: JsonObject | undefined): FieldError[] {
  const asked = strings(spec, 'scopes');
  if (asked.length === 0) return [];
  const shown = goStrings('[]core.ResourceQuotaScope', asked);
  const hard = entries(obj(spec, 'hard')).map(([name]) => name);
  const errors: FieldError[] = [];
  for (const scope of asked) {
    if (!scopes.includes(scope)) errors.push(invalidValue('spec.scopes', shown, 'unsupported scope'));
    else errors.push(...hard.filter((name) => !scopeFits(scope, name)).map(() => invalidValue('spec.scopes', shown, 'unsupported scope applied to resource')));
  }
  for (const pair of conflicting) if (pair.every((scope) => asked.includes(scope))) errors.push(invalidValue('spec.scopes', shown, 'conflicting scopes'));
  return errors;
}

function resourceQuota(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const errors = entries(obj(spec, 'hard')).flatMap(([name, value]) => [...quotaResourceName(name, `spec.hard[${name}]`), ...resourceQuantity(name, value, `spec.hard[${name}]`)]);
  return [...errors, ...quotaScopes(spec)];
}

function limitResourceName(name: string, type: string, field: string): FieldError[] {
  const errors = qualifiedNameProblems(name).map((text) => invalidValue(field, goText(name), text));
  const known = type === 'PersistentVolumeClaim' ? ['storage'] : compute;
  if (['Pod', 'Container'].includes(type) && !name.includes('/') && !known.includes(name) && !isHugePages(name)) errors.push(invalidValue(field, name, 'must be a standard limit type or fully qualified'));
  return errors;
}

interface Bound { readonly key: string; readonly words: string }

/** Pairs that must be in this order, with the words for the greater side. */
const orders: readonly (readonly [Bound, Bound, string])[] = [
  [{ key: 'min', words: 'min value' }, { key: 'max', words: 'max value' }, 'min'],
  [{ key: 'min', words: 'min value' }, { key: 'defaultRequest', words: 'default request value' }, 'defaultRequest'],
  [{ key: 'defaultRequest', words: 'default request value' }, { key: 'max', words: 'max value' }, 'defaultRequest'],
  [{ key: 'defaultRequest', words: 'default request value' }, { key: 'default', words: 'default value' }, 'defaultRequest'],
  [{ key: 'min', words: 'min value' }, { key: 'default', words: 'default value' }, 'default'],
  [{ key: 'default', words: 'default value' }, { key: 'max', words: 'max value' }, 'default'],
];

function limitOrder(limit: JsonObject, name: string, field: string): FieldError[] {
  const value = (key: string): Json | undefined => get(obj(limit, key), name);
  const errors: FieldError[] = [];
  for (const [low, high, at] of orders) {
    const least = value(low.key);
    const most = value(high.key);
    if (least === undefined || most === undefined || compareQuantity(quantityText(least), quantityText(most)) <= 0) continue;
    // Upstream shows the lower bound where only the default is at fault.
    const shown = at === 'default' && low.key === 'min' ? least : value(at) as Json;
    errors.push(invalidValue(`${field}.${at}[${name}]`, goQuantity(shown), `${low.words} ${quantityText(least)} is greater than ${high.words} ${quantityText(most)}`));
  }
  return errors;
}

function limitRatio(limit: JsonObject, name: string, field: string): FieldError[] {
  const ratio = get(obj(limit, 'maxLimitRequestRatio'), name);
  if (ratio === undefined || compareQuantity(quantityText(ratio), '1') >= 0) return [];
  return [invalidValue(`${field}.maxLimitRequestRatio[${name}]`, goQuantity(ratio), `ratio ${quantityText(ratio)} is less than 1`)];
}

function limitItem(limit: JsonObject, field: string): FieldError[] {
  const type = str(limit, 'type');
  const errors = qualifiedNameProblems(type).map((text) => invalidValue(`${field}.type`, type, text));
  if (type === 'Pod') {
    for (const key of ['default', 'defaultRequest']) if (entries(obj(limit, key)).length > 0) errors.push(forbiddenField(`${field}.${key}`, "may not be specified when `type` is 'Pod'"));
  }
  const names = new Set(['max', 'min', ...(type === 'Pod' ? [] : ['default', 'defaultRequest']), 'maxLimitRequestRatio'].flatMap((key) => entries(obj(limit, key)).map(([name]) => name)));
  for (const key of ['max', 'min']) for (const [name] of entries(obj(limit, key))) errors.push(...limitResourceName(name, type, `${field}.${key}[${name}]`));
  if (type === 'PersistentVolumeClaim' && !has(obj(limit, 'min'), 'storage') && !has(obj(limit, 'max'), 'storage')) {
    errors.push({ type: 'Required', field: `${field}.limits`, message: 'Required value: either minimum or maximum storage value is required, but neither was provided' });
  }
  for (const name of [...names].toSorted()) {
    errors.push(...limitOrder(limit, name, field), ...limitRatio(limit, name, field));
    if (!isOvercommitAllowed(name) && (isNative(name) || isExtended(name))) {
      const request = get(obj(limit, 'defaultRequest'), name);
      const value = get(obj(limit, 'default'), name);
      if (request !== undefined && value !== undefined && compareQuantity(quantityText(request), quantityText(value)) !== 0) {
        errors.push(invalidValue(`${field}.default[${name}]`, quantityText(value), `default value ${quantityText(value)} must equal to defaultRequest value ${quantityText(request)} in ${name}`));
      }
    }
  }
  return errors;
}

function limitRange(object: JsonObject): FieldError[] {
  const types = new Set<string>();
  return each(objects(obj(object, 'spec'), 'limits'), 'spec.limits', (limit, at) => {
    const type = str(limit, 'type');
    const errors = types.has(type) ? [duplicate(`${at}.type`, type)] : [];
    types.add(type);
    return [...errors, ...limitItem(limit, at)];
  });
}

function quotaUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const now = strings(obj(object, 'spec'), 'scopes');
  const before = strings(obj(old, 'spec'), 'scopes');
  const same = now.toSorted().join(',') === before.toSorted().join(',');
  return [...resourceQuota(object), ...(same ? [] : [invalidValue('spec.scopes', goStrings('[]core.ResourceQuotaScope', now), 'field is immutable')])];
}

export const quotaValidators: Readonly<Record<string, Validator>> = {
  resourcequotas: { create: resourceQuota, update: quotaUpdate },
  limitranges: { create: limitRange },
};
