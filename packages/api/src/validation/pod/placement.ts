import type { FieldError } from '../../field-error.ts';
import type { JsonObject } from '../../resource.ts';
import { get, has, list, num, obj, objects, optionalNumber, str, strings } from '../access.ts';
import { duplicate, eachInvalid, forbiddenField, goText, invalidValue, notSupported, quote, required } from '../errors.ts';
import { each, labelName, requireOneOf, validateLabelSelector } from '../common.ts';
import { dns1123Label, labelValueProblems, qualifiedNameProblems } from '../formats.ts';

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
      if (str(one, 'key') !== 'metadata.name') errors.push(invalidValue(`${at}.key`, str(one, 'key'), 'not a valid field selector key'));
      return errors;
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

function podTerm(term: JsonObject | undefined, field: string): FieldError[] {
  const key = str(term, 'topologyKey');
  return [
    ...validateLabelSelector(obj(term, 'labelSelector'), `${field}.labelSelector`),
    ...validateLabelSelector(obj(term, 'namespaceSelector'), `${field}.namespaceSelector`),
    ...strings(term, 'namespaces').flatMap((name) => eachInvalid(`${field}.namespace`, name, dns1123Label(name))),
    ...(key === '' ? [required(`${field}.topologyKey`, 'can not be empty')] : []),
    ...labelName(key, `${field}.topologyKey`),
  ];
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
    ...each(objects(node, 'preferredDuringSchedulingIgnoredDuringExecution'), `${field}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution`, (one, at) => [
      ...weight(one, at), ...nodeTerm(obj(one, 'preference') ?? {}, `${at}.preference`),
    ]),
    ...podTerms(obj(affinity, 'podAffinity'), `${field}.podAffinity`),
    ...podTerms(obj(affinity, 'podAntiAffinity'), `${field}.podAntiAffinity`),
  ];
}

export function taintEffect(effect: string, field: string): FieldError[] {
  return ['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(effect) ? [] : [notSupported(field, effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'])];
}

function goToleration(one: JsonObject): ReturnType<typeof goText> {
  const seconds = has(one, 'tolerationSeconds') ? '(*int64)(0x0)' : '(*int64)(nil)';
  return goText(`core.Toleration{Key:${quote(str(one, 'key'))}, Operator:${quote(str(one, 'operator'))}, Value:${quote(str(one, 'value'))}, Effect:${quote(str(one, 'effect'))}, TolerationSeconds:${seconds}}`);
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
        if (value !== '') errors.push(invalidValue(`${at}.operator`, goToleration(one), "value must be empty when `operator` is 'Exists'"));
        break;
      default: errors.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']));
    }
    if (effect !== '') errors.push(...taintEffect(effect, `${at}.effect`));
    return errors;
  });
}

export function validateSpread(spec: JsonObject | undefined, field: string): FieldError[] {
  const seen = new Set<string>();
  return each(objects(spec, 'topologySpreadConstraints'), `${field}.topologySpreadConstraints`, (one, at) => {
    const key = str(one, 'topologyKey');
    const when = str(one, 'whenUnsatisfiable');
    const errors: FieldError[] = [];
    if (num(one, 'maxSkew') <= 0) errors.push(invalidValue(`${at}.maxSkew`, num(one, 'maxSkew'), 'must be greater than zero'));
    if (key === '') errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    errors.push(...requireOneOf(when, `${at}.whenUnsatisfiable`, ['DoNotSchedule', 'ScheduleAnyway'], 'unsupported'));
    if (seen.has(`${key}/${when}`)) errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${key}, ${when}}`));
    seen.add(`${key}/${when}`);
    const minDomains = optionalNumber(one, 'minDomains');
    if (minDomains !== undefined && minDomains <= 0) errors.push(invalidValue(`${at}.minDomains`, minDomains, 'must be greater than zero'));
    if (minDomains !== undefined && when !== 'DoNotSchedule') errors.push(invalidValue(`${at}.minDomains`, minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${when}`));
    for (const policy of ['nodeAffinityPolicy', 'nodeTaintsPolicy']) errors.push(...requireOneOf(str(one, policy), `${at}.${policy}`, ['Honor', 'Ignore'], 'allowed'));
    errors.push(...matchLabelKeys(one, at));
    return [...errors, ...validateLabelSelector(obj(one, 'labelSelector'), `${at}.labelSelector`)];
  });
}

function matchLabelKeys(one: JsonObject, field: string): FieldError[] {
  const keys = strings(one, 'matchLabelKeys');
  if (keys.length === 0) return [];
  if (get(one, 'labelSelector') === undefined) return [forbiddenField(`${field}.matchLabelKeys`, 'must not be specified when labelSelector is not set')];
  return keys.flatMap((key, index) => eachInvalid(`${field}.matchLabelKeys[${index}]`, key, qualifiedNameProblems(key)));
}
