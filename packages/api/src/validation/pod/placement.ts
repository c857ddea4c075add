import { append } from '@coxswain/host';
import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { get, has, list, num, obj, objects, optionalNumber, str, strings } from '../access.ts';
import { duplicate, eachInvalid, forbiddenField, invalidValue, notSupported, required } from '../errors.ts';
import { each, labelName, requireOneOf, validateLabelSelector } from '../common.ts';
import { dns1123Label, dns1123Subdomain, labelValueProblems } from '../formats.ts';

function nodeRequirement(one: JsonObject, field: string): FieldError[] {
  const operator = str(one, 'operator');
  const count = list(one, 'values').length;
  const errors: FieldError[] = [];
  switch (operator) {
    case 'In': case 'NotIn':
      if (count === 0) errors.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists': case 'DoesNotExist':
      if (count > 0) errors.push(forbiddenField(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    case 'Gt': case 'Lt':
      if (count !== 1) errors.push(required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default: errors.push(invalidValue(`${field}.operator`, operator, 'not a valid selector operator'));
  }
  return [...errors, ...labelName(str(one, 'key'), `${field}.key`)];
}

function nodeTerm(term: JsonObject, field: string): FieldError[] {
  return [
    ...each(objects(term, 'matchExpressions'), `${field}.matchExpressions`, nodeRequirement),
    ...each(objects(term, 'matchFields'), `${field}.matchFields`, (one, at) => {
      const errors: FieldError[] = [];
      if (!['In', 'NotIn'].includes(str(one, 'operator'))) errors.push(invalidValue(`${at}.operator`, str(one, 'operator'), 'not a valid selector operator'));
      else if (list(one, 'values').length !== 1) errors.push(required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
      if (str(one, 'key') !== 'metadata.name') return [...errors, invalidValue(`${at}.key`, str(one, 'key'), 'not a valid field selector key')];
      return [...errors, ...strings(one, 'values').flatMap((name, index) => eachInvalid(`${at}.values[${index}]`, name, dns1123Subdomain(name)))];
    }),
  ];
}

export function validateNodeSelectorTerms(selector: JsonObject | undefined, field: string): FieldError[] {
  const terms = objects(selector, 'nodeSelectorTerms');
  if (terms.length === 0) return [required(`${field}.nodeSelectorTerms`, 'must have at least one node selector term')];
  return each(terms, `${field}.nodeSelectorTerms`, nodeTerm);
}

function weight(one: JsonObject, field: string): FieldError[] {
  const value = num(one, 'weight');
  return value < 1 || value > 100 ? [invalidValue(`${field}.weight`, value, 'must be in the range 1-100')] : [];
}

export function validatePreferredTerms(terms: readonly JsonObject[], field: string): FieldError[] {
  return each(terms, field, (one, at) => [...weight(one, at), ...nodeTerm(obj(one, 'preference') ?? {}, `${at}.preference`)]);
}

function podTerm(term: JsonObject | undefined, field: string): FieldError[] {
  const key = str(term, 'topologyKey');
  return [
    ...validateLabelSelector(obj(term, 'labelSelector'), `${field}.labelSelector`),
    ...validateLabelSelector(obj(term, 'namespaceSelector'), `${field}.namespaceSelector`),
    ...strings(term, 'namespaces').flatMap((name) => eachInvalid(`${field}.namespace`, name, dns1123Label(name))),
    ...affinityLabelKeys(term, field),
    ...(key === '' ? [required(`${field}.topologyKey`, 'can not be empty')] : []),
    ...labelName(key, `${field}.topologyKey`),
  ];
}

function repeated(keys: readonly string[]): ReadonlyMap<string, number> {
  return new Map(keys.map((key, index) => [key, index]));
}

/** Labels of the pod itself that join the selector, on either side: on one side only, and not where they are already. */
function affinityLabelKeys(term: JsonObject | undefined, field: string): FieldError[] {
  const errors = [...labelKeys(term, 'matchLabelKeys', field), ...labelKeys(term, 'mismatchLabelKeys', field)];
  const selector = obj(term, 'labelSelector');
  const match = repeated(strings(term, 'matchLabelKeys'));
  if (selector !== undefined) {
    const seen = new Set(Object.keys(obj(selector, 'matchLabels') ?? {}));
    for (const one of objects(selector, 'matchExpressions')) {
      const key = str(one, 'key');
      const index = match.get(key);
      if (index !== undefined && seen.has(key)) errors.push(invalidValue(`${field}[${index}]`, key, 'exists in both matchLabelKeys and labelSelector'));
      seen.add(key);
    }
  }
  const other = repeated(strings(term, 'mismatchLabelKeys'));
  for (const [key, index] of match) if (other.has(key)) errors.push(invalidValue(`${field}.matchLabelKeys[${index}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  return errors;
}

function podTerms(affinity: JsonObject | undefined, field: string): FieldError[] {
  return [
    ...each(objects(affinity, 'requiredDuringSchedulingIgnoredDuringExecution'), `${field}.requiredDuringSchedulingIgnoredDuringExecution`, podTerm),
    ...each(objects(affinity, 'preferredDuringSchedulingIgnoredDuringExecution'), `${field}.preferredDuringSchedulingIgnoredDuringExecution`, (one, at) => [
      ...weight(one, at), ...podTerm(obj(one, 'podAffinityTerm'), `${at}.podAffinityTerm`),
    ]),
  ];
}

export function validateAffinity(affinity: JsonObject | undefined, field: string): FieldError[] {
  const node = obj(affinity, 'nodeAffinity');
  const requiredTerms = obj(node, 'requiredDuringSchedulingIgnoredDuringExecution');
  return [
    ...(requiredTerms === undefined ? [] : validateNodeSelectorTerms(requiredTerms, `${field}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`)),
    ...validatePreferredTerms(objects(node, 'preferredDuringSchedulingIgnoredDuringExecution'), `${field}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution`),
    ...podTerms(obj(affinity, 'podAffinity'), `${field}.podAffinity`),
    ...podTerms(obj(affinity, 'podAntiAffinity'), `${field}.podAntiAffinity`),
  ];
}

export function taintEffect(effect: string, field: string): FieldError[] {
  if (effect === '') return [required(field)];
  return ['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(effect) ? [] : [notSupported(field, effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'])];
}

export function validateTolerations(tolerations: readonly JsonObject[], field: string): FieldError[] {
  return each(tolerations, field, (one, at) => {
    const key = str(one, 'key');
    const operator = str(one, 'operator');
    const value = str(one, 'value');
    const effect = str(one, 'effect');
    const errors = key === '' ? [] : labelName(key, `${at}.key`);
    if (key === '' && operator !== 'Exists') errors.push(invalidValue(`${at}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'));
    if (has(one, 'tolerationSeconds') && effect !== 'NoExecute') errors.push(invalidValue(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    switch (operator) {
      case 'Equal': case '': {
        const problems = labelValueProblems(value);
        if (problems.length > 0) errors.push(invalidValue(`${at}.operator`, value, problems.join(';')));
        break;
      }
      case 'Exists':
        if (value !== '') errors.push(invalidValue(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
        break;
      default: errors.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']));
    }
    if (effect !== '') append(errors, taintEffect(effect, `${at}.effect`));
    return errors;
  });
}

/** Of two constraints that say the same, upstream refuses the earlier. */
function spreadRepeats(one: JsonObject, later: readonly JsonObject[]): boolean {
  return later.some((other) => str(other, 'topologyKey') === str(one, 'topologyKey') && str(other, 'whenUnsatisfiable') === str(one, 'whenUnsatisfiable'));
}

export function validateSpread(spec: JsonObject | undefined, field: string): FieldError[] {
  const all = objects(spec, 'topologySpreadConstraints');
  return each(all, `${field}.topologySpreadConstraints`, (one, at, index) => {
    const key = str(one, 'topologyKey');
    const when = str(one, 'whenUnsatisfiable');
    const errors: FieldError[] = [];
    if (num(one, 'maxSkew') <= 0) errors.push(invalidValue(`${at}.maxSkew`, num(one, 'maxSkew'), 'must be greater than zero'));
    if (key === '') errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    append(errors, requireOneOf(when, `${at}.whenUnsatisfiable`, ['DoNotSchedule', 'ScheduleAnyway'], 'unsupported'));
    if (spreadRepeats(one, all.slice(index + 1))) errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${key}, ${when}}`));
    const minDomains = optionalNumber(one, 'minDomains');
    if (minDomains !== undefined && minDomains <= 0) errors.push(invalidValue(`${at}.minDomains`, minDomains, 'must be greater than zero'));
    if (minDomains !== undefined && when !== 'DoNotSchedule') errors.push(invalidValue(`${at}.minDomains`, minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${when}`));
    for (const policy of ['nodeAffinityPolicy', 'nodeTaintsPolicy']) if (has(one, policy)) append(errors, requireOneOf(str(one, policy), `${at}.${policy}`, ['Honor', 'Ignore'], 'unsupported'));
    return [...errors, ...spreadLabelKeys(one, at), ...validateLabelSelector(obj(one, 'labelSelector'), `${at}.labelSelector`)];
  });
}

function selectorKeys(selector: JsonObject | undefined): ReadonlySet<string> {
  return new Set([...Object.keys(obj(selector, 'matchLabels') ?? {}), ...objects(selector, 'matchExpressions').map((one) => str(one, 'key'))]);
}

/** Names of labels of the pod itself; they need a selector to join. */
function labelKeys(one: JsonObject | undefined, key: string, field: string): FieldError[] {
  const keys = strings(one, key);
  if (keys.length === 0) return [];
  return [
    ...(get(one, 'labelSelector') === undefined ? [forbiddenField(`${field}.${key}`, 'must not be specified when labelSelector is not set')] : []),
    ...keys.flatMap((name, index) => labelName(name, `${field}.${key}[${index}]`)),
  ];
}

function spreadLabelKeys(one: JsonObject, field: string): FieldError[] {
  const taken = selectorKeys(obj(one, 'labelSelector'));
  const keys = strings(one, 'matchLabelKeys');
  if (keys.length === 0) return [];
  return [
    ...(get(one, 'labelSelector') === undefined ? [forbiddenField(`${field}.matchLabelKeys`, 'must not be specified when labelSelector is not set')] : []),
    ...keys.flatMap((key, index) => [
      ...labelName(key, `${field}.matchLabelKeys[${index}]`),
      ...(taken.has(key) ? [invalidValue(`${field}.matchLabelKeys[${index}]`, key, 'exists in both matchLabelKeys and labelSelector')] : []),
    ]),
  ];
}
