import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { equalJson } from '../patch/values.ts';
import { get, has, num, obj, objects, optionalNumber, str, strings } from './access.ts';
import { eachInvalid, forbiddenField, goStrings, goText, invalidValue, notSupported, required } from './errors.ts';
import { each, immutableText, nonNegative, nonNegativeIntOrPercent, notMoreThan100Percent, oneOfIfGiven, selectorMatches, validateLabelSelector } from './common.ts';
import { conditionErrors } from './conditions.ts';
import { dns1123Subdomain, pathSegmentProblems } from './formats.ts';
import { goStruct } from './go-value.ts';
import type { Validator } from './validator.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

/** Upstream looks at these objects twice when they change, and says twice what it finds. */
function policyRule(rule: JsonObject, field: string, namespaced: boolean): FieldError[] {
  const urls = strings(rule, 'nonResourceURLs');
  const errors = strings(rule, 'verbs').length === 0 ? [required(`${field}.verbs`, 'verbs must contain at least one value')] : [];
  if (urls.length > 0) {
    if (namespaced) errors.push(invalidValue(`${field}.nonResourceURLs`, goStrings('[]string', urls), 'namespaced rules cannot apply to non-resource URLs'));
    if (['apiGroups', 'resources', 'resourceNames'].some((key) => strings(rule, key).length > 0)) {
      errors.push(invalidValue(`${field}.nonResourceURLs`, goStrings('[]string', urls), 'rules cannot apply to both regular resources and non-resource URLs'));
    }
    return errors;
  }
  if (strings(rule, 'apiGroups').length === 0) errors.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  if (strings(rule, 'resources').length === 0) errors.push(required(`${field}.resources`, 'resource rules must supply at least one resource'));
  return errors;
}

function role(object: JsonObject): FieldError[] {
  return each(objects(object, 'rules'), 'rules', (rule, at) => policyRule(rule, at, true));
}

function clusterRole(object: JsonObject): FieldError[] {
  const errors = each(objects(object, 'rules'), 'rules', (rule, at) => policyRule(rule, at, false));
  const aggregation = obj(object, 'aggregationRule');
  if (aggregation === undefined) return errors;
  const selectors = objects(aggregation, 'clusterRoleSelectors');
  if (selectors.length === 0) return [...errors, required('aggregationRule.clusterRoleSelectors', 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  return [...errors, ...each(selectors, 'aggregationRule.clusterRoleSelectors', (selector, at) => [
    ...validateLabelSelector(selector, at), ...(selectorMatches(selector, {}) === undefined ? [invalidValue(at, null, 'invalid label selector.')] : []),
  ])];
}

function subject(one: JsonObject, field: string, namespaced: boolean): FieldError[] {
  const name = str(one, 'name');
  const group = str(one, 'apiGroup');
  const kind = str(one, 'kind');
  const errors = name === '' ? [required(`${field}.name`)] : [];
  switch (kind) {
    case 'ServiceAccount':
      if (name !== '') append(errors, eachInvalid(`${field}.name`, name, dns1123Subdomain(name)));
      if (group !== '') errors.push(notSupported(`${field}.apiGroup`, group, ['']));
      if (!namespaced && str(one, 'namespace') === '') errors.push(required(`${field}.namespace`));
      return errors;
    case 'User': case 'Group':
      return group === rbacGroup ? errors : [...errors, notSupported(`${field}.apiGroup`, group, [rbacGroup])];
    default: return [...errors, notSupported(`${field}.kind`, kind, ['ServiceAccount', 'User', 'Group'])];
  }
}

function binding(object: JsonObject, namespaced: boolean): FieldError[] {
  const reference = obj(object, 'roleRef');
  const errors: FieldError[] = [];
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (str(reference, 'apiGroup') !== rbacGroup) errors.push(notSupported('roleRef.apiGroup', str(reference, 'apiGroup'), [rbacGroup]));
  if (!kinds.includes(str(reference, 'kind'))) errors.push(notSupported('roleRef.kind', str(reference, 'kind'), kinds));
  const name = str(reference, 'name');
  append(errors, (name === '' ? [required('roleRef.name')] : eachInvalid('roleRef.name', name, pathSegmentProblems(name))));
  return [...errors, ...each(objects(object, 'subjects'), 'subjects', (one, at) => subject(one, at, namespaced))];
}

function bindingUpdate(object: JsonObject, old: JsonObject, namespaced: boolean): FieldError[] {
  const errors = binding(object, namespaced);
  const reference = obj(object, 'roleRef');
  if (equalJson(reference ?? null, obj(old, 'roleRef') ?? null)) return errors;
  return [...errors, invalidValue('roleRef', goRoleRef(reference), 'cannot change roleRef')];
}

function goRoleRef(reference: JsonObject | undefined): ReturnType<typeof goText> {
  return goText(`rbac.RoleRef{APIGroup:${JSON.stringify(str(reference, 'apiGroup'))}, Kind:${JSON.stringify(str(reference, 'kind'))}, Name:${JSON.stringify(str(reference, 'name'))}}`);
}

function lease(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const seconds = optionalNumber(spec, 'leaseDurationSeconds');
  const errors = seconds !== undefined && seconds <= 0 ? [invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0')] : [];
  if (has(spec, 'leaseTransitions')) append(errors, nonNegative(spec, 'leaseTransitions', 'spec'));
  if (has(spec, 'strategy') && str(spec, 'strategy') === '') errors.push(invalidValue('spec.strategy', '', 'must not be empty'));
  return errors;
}

function podDisruptionBudget(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const least = get(spec, 'minAvailable');
  const most = get(spec, 'maxUnavailable');
  const errors: FieldError[] = [];
  if (least !== undefined && most !== undefined) {
    errors.push(invalidValue('spec', goStruct('io.k8s.api.policy.v1.PodDisruptionBudgetSpec', spec), 'minAvailable and maxUnavailable cannot be both set'));
  }
  append(errors, [...nonNegativeIntOrPercent(least, 'spec.minAvailable'), ...notMoreThan100Percent(least, 'spec.minAvailable')]);
  append(errors, [...nonNegativeIntOrPercent(most, 'spec.maxUnavailable'), ...notMoreThan100Percent(most, 'spec.maxUnavailable')]);
  append(errors, validateLabelSelector(obj(spec, 'selector'), 'spec.selector'));
  return [...errors, ...oneOfIfGiven(spec, 'unhealthyPodEvictionPolicy', 'spec', ['AlwaysAllow', 'IfHealthyBudget'])];
}

const budgetCounts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'];

function podDisruptionBudgetStatus(object: JsonObject): FieldError[] {
  const status = obj(object, 'status');
  return [...conditionErrors(objects(status, 'conditions'), 'status.conditions'), ...budgetCounts.flatMap((key) => nonNegative(status, key, 'status'))];
}

const systemClasses: Readonly<Record<string, number>> = { 'system-node-critical': 2_000_001_000, 'system-cluster-critical': 2_000_000_000 };
const highestUserPriority = 1_000_000_000;

function priorityClass(object: JsonObject): FieldError[] {
  const name = str(obj(object, 'metadata'), 'name');
  const errors: FieldError[] = [];
  const value = num(object, 'value');
  if (name.startsWith('system-')) {
    const known = systemClasses[name];
    const why = known === undefined ? `${name} is not a known system priority class` : `value of ${name} PriorityClass must be ${known}`;
    if (known !== value) errors.push(forbiddenField('metadata.name', `priority class names with 'system-' prefix are reserved for system use only. error: ${why}`));
  } else if (value > highestUserPriority) errors.push(forbiddenField('value', `maximum allowed value of a user defined priority is ${highestUserPriority}`));
  const policy = str(object, 'preemptionPolicy');
  if (policy === '' && has(object, 'preemptionPolicy')) return [...errors, required('preemptionPolicy')];
  return policy === '' || policy === 'Never' || policy === 'PreemptLowerPriority' ? errors : [...errors, notSupported('preemptionPolicy', policy, ['PreemptLowerPriority', 'Never'])];
}

function priorityClassUpdate(object: JsonObject, old: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  if (num(object, 'value') !== num(old, 'value')) errors.push(forbiddenField('value', 'may not be changed in an update.'));
  if (str(object, 'preemptionPolicy') !== str(old, 'preemptionPolicy')) errors.push(invalidValue('preemptionPolicy', str(object, 'preemptionPolicy'), immutableText));
  return errors;
}

function cluster(check: (object: JsonObject, namespaced: boolean) => FieldError[]): Validator {
  return { create: (object) => check(object, false), update: (object, old) => [...check(object, false), ...bindingUpdate(object, old, false)] };
}

export const policyValidators: Readonly<Record<string, Validator>> = {
  [`roles.${rbacGroup}`]: { create: role, update: (object) => [...role(object), ...role(object)] },
  [`clusterroles.${rbacGroup}`]: { create: clusterRole, update: (object) => [...clusterRole(object), ...clusterRole(object)] },
  [`rolebindings.${rbacGroup}`]: { create: (object) => binding(object, true), update: (object, old) => [...binding(object, true), ...bindingUpdate(object, old, true)] },
  [`clusterrolebindings.${rbacGroup}`]: cluster(binding),
  'leases.coordination.k8s.io': { create: lease },
  'poddisruptionbudgets.policy': { create: podDisruptionBudget, updateStatus: podDisruptionBudgetStatus },
  'priorityclasses.scheduling.k8s.io': { create: priorityClass, update: priorityClassUpdate },
};
