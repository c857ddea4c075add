import { append } from '@coxswain/host';
import type { FieldError } from '../field-error.ts';
import type { JsonObject } from '../resource.ts';
import { get, has, num, obj, objects, optionalNumber, str } from './access.ts';
import { eachInvalid, forbiddenField, invalidValue, notSupported, required } from './errors.ts';
import { each, isPositiveQuantity, nonNegative, requireOneOf, requireString } from './common.ts';
import { dns1123Label, pathSegmentProblems, qualifiedNameProblems } from './formats.ts';
import { containerResourceName, goQuantity } from './resources.ts';
import type { Validator } from './validator.ts';

function segment(object: JsonObject | undefined, key: string, field: string, detail = ''): FieldError[] {
  const value = str(object, key);
  return value === '' ? [required(`${field}.${key}`, detail)] : eachInvalid(`${field}.${key}`, value, pathSegmentProblems(value));
}

function reference(one: JsonObject | undefined, field: string): FieldError[] {
  return [...segment(one, 'kind', field), ...segment(one, 'name', field)];
}

function target(one: JsonObject | undefined, field: string): FieldError[] {
  const type = str(one, 'type');
  const errors = type === '' ? [required(`${field}.type`, 'must specify a metric target type')] : [];
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) errors.push(invalidValue(`${field}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  for (const key of ['value', 'averageValue']) {
    const value = get(one, key);
    if (value !== undefined && !isPositiveQuantity(value)) errors.push(invalidValue(`${field}.${key}`, goQuantity(value), 'must be positive'));
  }
  const utilization = optionalNumber(one, 'averageUtilization');
  return utilization !== undefined && utilization < 1 ? [...errors, invalidValue(`${field}.averageUtilization`, utilization, 'must be greater than 0')] : errors;
}

type SourceCheck = (source: JsonObject, field: string) => FieldError[];

const identified: SourceCheck = (source, field) => [...segment(obj(source, 'metric'), 'name', `${field}.metric`, 'must specify a metric name'), ...target(obj(source, 'target'), `${field}.target`)];

/** Raw or in percent of what is asked for: one of them. */
const rawOrPercent: SourceCheck = (source, field) => {
  const goal = obj(source, 'target');
  const errors = target(goal, `${field}.target`);
  if (!has(goal, 'averageUtilization') && !has(goal, 'averageValue')) errors.push(required(`${field}.target.averageUtilization`, 'must set either a target raw value or a target utilization'));
  if (has(goal, 'averageUtilization') && has(goal, 'averageValue')) errors.push(forbiddenField(`${field}.target.averageValue`, 'may not set both a target raw value and a target utilization'));
  return errors;
};

interface Source { readonly type: string; readonly key: string; readonly check: SourceCheck }

/** In the order in which upstream looks for them; only the first that is there is checked. */
const sources: readonly Source[] = [
  { type: 'Object', key: 'object', check: (source, field) => {
    const errors = [...reference(obj(source, 'describedObject'), `${field}.describedObject`), ...identified(source, field)];
    const goal = obj(source, 'target');
    return has(goal, 'value') || has(goal, 'averageValue') ? errors : [...errors, required(`${field}.target.averageValue`, 'must set either a target value or averageValue')];
  } },
  { type: 'External', key: 'external', check: (source, field) => {
    const errors = identified(source, field);
    const goal = obj(source, 'target');
    if (!has(goal, 'value') && !has(goal, 'averageValue')) errors.push(required(`${field}.target.averageValue`, 'must set either a target value for metric or a per-pod target'));
    if (has(goal, 'value') && has(goal, 'averageValue')) errors.push(forbiddenField(`${field}.target.value`, 'may not set both a target value for metric and a per-pod target'));
    return errors;
  } },
  { type: 'Pods', key: 'pods', check: (source, field) => [
    ...identified(source, field), ...(has(obj(source, 'target'), 'averageValue') ? [] : [required(`${field}.target.averageValue`, 'must specify a positive target averageValue')]),
  ] },
  { type: 'Resource', key: 'resource', check: (source, field) => [...requireString(source, 'name', field, 'must specify a resource name'), ...rawOrPercent(source, field)] },
  { type: 'ContainerResource', key: 'containerResource', check: (source, field) => {
    const container = str(source, 'container');
    const name = str(source, 'name');
    return [
      ...(name === '' ? [required(`${field}.name`, 'must specify a resource name')] : metricResourceName(name, `${field}.name`)),
      ...(container === '' ? [required(`${field}.container`, 'must specify a container')] : eachInvalid(`${field}.container`, container, dns1123Label(container))),
      ...rawOrPercent(source, field),
    ];
  } },
];

/** Upstream shows the name once as text and once as it is. */
function metricResourceName(name: string, field: string): FieldError[] {
  const shape = eachInvalid(field, name, qualifiedNameProblems(name));
  return [...shape, ...containerResourceName(name, field).slice(shape.length)];
}

const typeNames = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];

function metric(one: JsonObject, field: string): FieldError[] {
  const type = str(one, 'type');
  const unknown = typeNames.includes(type) ? [] : [notSupported(`${field}.type`, type, typeNames)];
  const present = sources.filter(({ key }) => has(one, key));
  const first = present[0];
  const wanted = sources.find((source) => source.type === type);
  const errors = [...(type === '' ? [required(`${field}.type`, 'must specify a metric source type')] : []), ...unknown];
  if (first !== undefined) append(errors, first.check(obj(one, first.key) ?? {}, `${field}.${first.key}`));
  // An unknown type is told of twice.
  if (wanted === undefined) append(errors, unknown);
  else if (!has(one, wanted.key)) errors.push(required(`${field}.${wanted.key}`, 'must populate information for the given metric source'));
  if (present.length === 1) return errors;
  return [...errors, ...present.filter((source) => source !== wanted).map(({ key }) => forbiddenField(`${field}.${key}`, 'must populate the given metric source only'))];
}

const longestWindowSeconds = 3600;
const longestPeriodSeconds = 1800;

function policy(one: JsonObject, field: string): FieldError[] {
  const errors = requireOneOf(str(one, 'type'), `${field}.type`, ['Percent', 'Pods'], 'unsupported');
  for (const key of ['value', 'periodSeconds']) if (num(one, key) <= 0) errors.push(invalidValue(`${field}.${key}`, num(one, key), 'must be greater than zero'));
  if (num(one, 'periodSeconds') > longestPeriodSeconds) errors.push(invalidValue(`${field}.periodSeconds`, num(one, 'periodSeconds'), `must be less than or equal to ${longestPeriodSeconds}`));
  return errors;
}

function scalingRules(rules: JsonObject | undefined, field: string): FieldError[] {
  if (rules === undefined) return [];
  const window = optionalNumber(rules, 'stabilizationWindowSeconds');
  const errors: FieldError[] = [];
  if (window !== undefined && window < 0) errors.push(invalidValue(`${field}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > longestWindowSeconds) errors.push(invalidValue(`${field}.stabilizationWindowSeconds`, window, `must be less than or equal to ${longestWindowSeconds}`));
  if (has(rules, 'selectPolicy')) append(errors, requireOneOf(str(rules, 'selectPolicy'), `${field}.selectPolicy`, ['Disabled', 'Max', 'Min'], 'unsupported'));
  if (objects(rules, 'policies').length === 0) errors.push(required(`${field}.policies`, 'must specify at least one Policy'));
  return [...errors, ...each(objects(rules, 'policies'), `${field}.policies`, policy)];
}

function autoscaler(object: JsonObject): FieldError[] {
  const spec = obj(object, 'spec');
  const least = optionalNumber(spec, 'minReplicas');
  const most = num(spec, 'maxReplicas');
  const behavior = obj(spec, 'behavior');
  const errors: FieldError[] = [];
  if (least !== undefined && least < 1) errors.push(invalidValue('spec.minReplicas', least, 'must be greater than or equal to 1'));
  if (most < 1) errors.push(invalidValue('spec.maxReplicas', most, 'must be greater than 0'));
  if (least !== undefined && most < least) errors.push(invalidValue('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`'));
  append(errors, [...reference(obj(spec, 'scaleTargetRef'), 'spec.scaleTargetRef'), ...each(objects(spec, 'metrics'), 'spec.metrics', metric)]);
  if (least === 0 && !objects(spec, 'metrics').some((one) => ['Object', 'External'].includes(str(one, 'type')))) {
    errors.push(forbiddenField('spec.metrics', 'must specify at least one Object or External metric to support scaling to zero replicas'));
  }
  return [...errors, ...scalingRules(obj(behavior, 'scaleUp'), 'spec.behavior.scaleUp'), ...scalingRules(obj(behavior, 'scaleDown'), 'spec.behavior.scaleDown')];
}

export const autoscalingValidators: Readonly<Record<string, Validator>> = {
  'horizontalpodautoscalers.autoscaling': {
    create: autoscaler,
    updateStatus: (object) => ['currentReplicas', 'desiredReplicas'].flatMap((key) => nonNegative(obj(object, 'status'), key, 'status')),
  },
};
