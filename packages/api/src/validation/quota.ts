import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { Json, JsonObject } from '../resource.ts';
import { compareQuantity, quantityMilliValue } from '../quantity/index.ts';
import { entries, get, has, obj, objects, str, strings } from './access.ts';
import { duplicate, eachInvalid, forbiddenField, goStrings, goText, invalidValue, required } from './errors.ts';
import { each, quantityText } from './common.ts';
import { qualifiedNameProblems } from './formats.ts';
import { goStruct } from './go-value.ts';
import { containerResourceName, goQuantity, isExtended, isNative, isOvercommitAllowed, resourceNameErrors, resourceQuantity } from './resources.ts';
import type { Validator } from './validator.ts';

const compute = ['cpu', 'memory', 'ephemeral-storage'];
const requestsAndLimits = ['requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage'];
const counted = ['pods', 'services', 'replicationcontrollers', 'resourcequotas', 'secrets', 'configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers'];
const standardForQuota = [...compute, ...requestsAndLimits, ...counted];
const scopes = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity'];
const conflicting = [['Terminating', 'NotTerminating'], ['BestEffort', 'NotBestEffort']] as const;

function quotaResourceName(name: string, field: string): FieldError[] {
  const errors = resourceNameErrors(name, field);
  const isStandard = standardForQuota.includes(name) || name.startsWith('hugepages-') || name.startsWith('requests.hugepages-');
  return name.includes('/') || isStandard ? errors : [...errors, invalidValue(field, goText(name), 'must be a standard resource for quota')];
}

/** What a scope can be about: pods, and their compute resources unless they must not have any. */
function scopeFits(scope: string, resource: string): boolean {
  if (!standardForQuota.includes(resource) && !resource.startsWith('hugepages-') && !resource.startsWith('requests.hugepages-')) return true;
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
    else append(errors, hard.filter((name) => !scopeFits(scope, name)).map(() => invalidValue('spec.scopes', shown, 'unsupported scope applied to resource')));
  }
  for (const pair of conflicting) if (pair.every((scope) => asked.includes(scope))) errors.push(invalidValue('spec.scopes', shown, 'conflicting scopes'));
  return errors;
}

function resourceQuota(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const errors = entries(obj(spec, 'hard')).flatMap(([name, value]) => [...quotaResourceName(name, `spec.hard[${name}]`), ...resourceQuantity(name, value, `spec.hard[${name}]`)]);
  return [...errors, ...quotaScopes(spec), ...scopeSelector(spec)];
}

function limitResourceName(name: string, type: string, field: string): FieldError[] {
  return type === 'Pod' || type === 'Container' ? containerResourceName(name, field) : resourceNameErrors(name, field);
}

const limitTypes = ['Pod', 'Container', 'PersistentVolumeClaim'];

function limitType(type: string, field: string): FieldError[] {
  const errors = eachInvalid(field, type, qualifiedNameProblems(type));
  return errors.length === 0 && !type.includes('/') && !limitTypes.includes(type) ? [invalidValue(field, type, 'must be a standard limit type or fully qualified')] : errors;
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
    // Upstream shows the other side where the default is at fault.
    const shown = at === 'default' ? value(low.key === 'min' ? 'min' : 'max') as Json : value(at) as Json;
    errors.push(invalidValue(`${field}.${at}[${name}]`, goQuantity(shown), `${low.words} ${quantityText(least)} is greater than ${high.words} ${quantityText(most)}`));
  }
  return errors;
}

function limitRatio(limit: JsonObject, name: string, field: string): FieldError[] {
  const [ratio, least, most] = ['maxLimitRequestRatio', 'min', 'max'].map((key) => get(obj(limit, key), name));
  if (ratio === undefined) return [];
  const wrong = (detail: string): FieldError => invalidValue(`${field}.maxLimitRequestRatio[${name}]`, goQuantity(ratio), `ratio ${quantityText(ratio)} ${detail}`);
  const errors = compareQuantity(quantityText(ratio), '1') < 0 ? [wrong('is less than 1')] : [];
  if (least === undefined || most === undefined) return errors;
  const allowed = quantityMilliValue(quantityText(most)) / quantityMilliValue(quantityText(least));
  return quantityMilliValue(quantityText(ratio)) / 1000 > allowed ? [...errors, wrong(`is greater than max/min = ${allowed.toFixed(6)}`)] : errors;
}

function limitItem(limit: JsonObject, field: string): FieldError[] {
  const type = str(limit, 'type');
  const errors: FieldError[] = [];
  const named = (...keys: readonly string[]): void => {
    for (const key of keys) for (const [name] of entries(obj(limit, key))) append(errors, limitResourceName(name, type, `${field}.${key}[${name}]`));
  };
  named('max', 'min');
  if (type === 'Pod') {
    for (const key of ['default', 'defaultRequest']) if (entries(obj(limit, key)).length > 0) errors.push(forbiddenField(`${field}.${key}`, "may not be specified when `type` is 'Pod'"));
  } else named('default', 'defaultRequest');
  const names = new Set(['max', 'min', ...(type === 'Pod' ? [] : ['default', 'defaultRequest']), 'maxLimitRequestRatio'].flatMap((key) => entries(obj(limit, key)).map(([name]) => name)));
  if (type === 'PersistentVolumeClaim' && !has(obj(limit, 'min'), 'storage') && !has(obj(limit, 'max'), 'storage')) {
    errors.push({ type: 'Required', field: `${field}.limits`, message: 'Required value: either minimum or maximum storage value is required, but neither was provided' });
  }
  named('maxLimitRequestRatio');
  for (const name of [...names].toSorted()) {
    append(errors, [...limitOrder(limit, name, field), ...limitRatio(limit, name, field)]);
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
    const errors = limitType(type, `${at}.type`);
    if (types.has(type)) errors.push(duplicate(`${at}.type`, type));
    types.add(type);
    return [...errors, ...limitItem(limit, at)];
  });
}

/** Scopes that ask about the pod's priority, or its own relations, by an expression. */
function scopeSelector(spec: JsonObject | undefined): FieldError[] {
  const field = 'spec.scopeSelector.matchExpressions';
  const seen = new Set<string>();
  const hard = entries(obj(spec, 'hard')).map(([name]) => name);
  const errors = objects(obj(spec, 'scopeSelector'), 'matchExpressions').flatMap((one) => {
    const scope = str(one, 'scopeName');
    const operator = str(one, 'operator');
    const count = strings(one, 'values').length;
    const found = scopes.includes(scope) ? [] : [invalidValue(`${field}.scopeName`, scope, 'unsupported scope')];
    append(found, hard.filter((name) => scopes.includes(scope) && !scopeFits(scope, name)).map(() => invalidValue(field, goSelectorOf(spec), 'unsupported scope applied to resource')));
    if (['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity'].includes(scope) && operator !== 'Exists') {
      found.push(invalidValue(`${field}.operator`, operator, 'must be \'Exists\' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity'));
    }
    switch (operator) {
      case 'In': case 'NotIn': if (count === 0) found.push(required(`${field}.values`, 'must be at least one value when `operator` is \'In\' or \'NotIn\' for scope selector')); break;
      case 'Exists': case 'DoesNotExist': if (count > 0) found.push(invalidValue(`${field}.values`, goStrings('[]string', strings(one, 'values')), 'must be no value when `operator` is \'Exist\' or \'DoesNotExist\' for scope selector')); break;
      default: found.push(invalidValue(`${field}.operator`, operator, 'not a valid selector operator'));
    }
    seen.add(scope);
    return found;
  });
  for (const pair of conflicting) if (pair.every((scope) => seen.has(scope))) errors.push(invalidValue(field, goSelectorOf(spec), 'conflicting scopes'));
  return errors;
}

function goSelectorOf(spec: JsonObject | undefined): ReturnType<typeof goStruct> {
  return goStruct('io.k8s.api.core.v1.ScopeSelector', obj(spec, 'scopeSelector'));
}

function quotaStatus(object: JsonObject): FieldError[] {
  return ['hard', 'used'].flatMap((key) => entries(obj(obj(object, 'status'), key)).flatMap(([name, value]) => [
    ...quotaResourceName(name, `status.${key}[${name}]`), ...resourceQuantity(name, value, `status.${key}[${name}]`),
  ]));
}

function quotaUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const [now, before] = [object, old].map((quota) => new Set(strings(obj(quota, 'spec'), 'scopes')));
  if (now === undefined || before === undefined || now.symmetricDifference(before).size === 0) return resourceQuota(object);
  const shown = has(obj(object, 'spec'), 'scopes') ? goStrings('[]core.ResourceQuotaScope', strings(obj(object, 'spec'), 'scopes')) : goText('[]core.ResourceQuotaScope(nil)');
  return [...resourceQuota(object), invalidValue('spec.scopes', shown, 'field is immutable')];
}

export const quotaValidators: Readonly<Record<string, Validator>> = {
  resourcequotas: { create: resourceQuota, update: quotaUpdate, updateStatus: quotaStatus },
  limitranges: { create: limitRange },
};
