import { applyDefaults, stringifyAny, type Json, type JsonObject } from '@coxswain/api';
import { at, isObject, meta } from '../object.ts';
import { metricV1, metricV2, readAs } from './autoscaler-metrics.ts';

/** Where v1 keeps what it has no fields for. */
const annotations = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics', currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions', behavior: 'autoscaling.alpha.kubernetes.io/behavior',
} as const;

const v2 = 'io.k8s.api.autoscaling.v2';
const defaultUtilization = 80;

function cpuUtilization(averageUtilization: Json): JsonObject {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

/** What v2 has as fields it never has as annotations. */
export function withoutKept(object: JsonObject): JsonObject {
  const held = meta(object)['annotations'];
  if (!isObject(held) || !Object.values(annotations).some((key) => held[key] !== undefined)) return object;
  const { [annotations.metrics]: _1, [annotations.currentMetrics]: _2, [annotations.conditions]: _3, [annotations.behavior]: _4, ...rest } = held;
  const { annotations: _held, ...metadata } = meta(object);
  return { ...object, metadata: Object.keys(rest).length === 0 ? metadata : { ...metadata, annotations: rest } };
}

/** undefined also where it says nothing: a hand-made one is dropped, as upstream does. */
function kept(object: JsonObject, key: keyof typeof annotations): Json | undefined {
  const text = at(object, 'metadata', 'annotations', annotations[key]);
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** undefined: it is no list, or one of its items is not of the sort. */
function keptList(object: JsonObject, key: keyof typeof annotations, read: (item: Json) => JsonObject | undefined): JsonObject[] | undefined {
  const value = kept(object, key);
  if (value === null) return [];
  const items = Array.isArray(value) ? value.map(read) : [undefined];
  return items.every((item) => item !== undefined) ? items : undefined;
}

function part(object: JsonObject, key: 'spec' | 'status' | 'behavior'): JsonObject {
  const value = object[key];
  return isObject(value) ? value : {};
}

/** Go's decoder takes names in any case, and its type without names of its own writes them as they stand in its source. */
function inCaseOf(names: readonly string[], value: Json | undefined): Json | undefined {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [names.find((name) => name.toLowerCase() === key.toLowerCase()) ?? key, member]));
}

function rulesV2(value: Json | undefined): Json | undefined {
  const rules = inCaseOf(['stabilizationWindowSeconds', 'selectPolicy', 'policies'], value);
  if (!isObject(rules) || !Array.isArray(rules['policies'])) return rules;
  return { ...rules, policies: rules['policies'].map((policy) => inCaseOf(['type', 'value', 'periodSeconds'], policy) ?? null) };
}

function behaviorV2(object: JsonObject): JsonObject | undefined {
  const value = inCaseOf(['scaleUp', 'scaleDown'], kept(object, 'behavior'));
  if (!isObject(value)) return undefined;
  const read = readAs(`${v2}.HorizontalPodAutoscalerBehavior`, { scaleUp: rulesV2(value['scaleUp']) ?? null, scaleDown: rulesV2(value['scaleDown']) ?? null });
  return read === undefined || Object.keys(read).length === 0 ? undefined : read;
}

function rulesV1(rules: Json | undefined): Json {
  if (!isObject(rules)) return null;
  const { stabilizationWindowSeconds, selectPolicy, policies } = rules;
  return {
    StabilizationWindowSeconds: stabilizationWindowSeconds ?? null, SelectPolicy: selectPolicy ?? null,
    Policies: Array.isArray(policies) ? policies.filter(isObject).map(({ type, value, periodSeconds }) => ({ Type: type ?? '', Value: value ?? 0, PeriodSeconds: periodSeconds ?? 0 })) : null,
  };
}

/** As v2 reads what v1 has stored. A rule that is there and has no policies is refused rather than filled. */
function withDefaults(object: JsonObject): JsonObject {
  const rules = Object.values(part(part(object, 'spec'), 'behavior')).filter(isObject);
  if (rules.length > 0 && rules.every(({ policies }) => Array.isArray(policies))) applyDefaults(`${v2}.HorizontalPodAutoscaler`, object);
  return object;
}

/** v1 → v2. */
export function autoscalerV2(object: JsonObject): JsonObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = part(object, 'spec');
  const { currentCPUUtilizationPercentage: current, ...status } = part(object, 'status');
  const metrics = [...(keptList(object, 'metrics', (item) => metricV2('spec', item)) ?? []), ...(target === undefined || target === null ? [] : [cpuUtilization(target)])];
  // There the same stands with more to it.
  const currentMetrics = keptList(object, 'currentMetrics', (item) => metricV2('status', item))
    ?? (current === undefined || current === null ? [] : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } }]);
  const conditions = keptList(object, 'conditions', (item) => readAs(`${v2}.HorizontalPodAutoscalerCondition`, item));
  const behavior = behaviorV2(object);
  return withDefaults({
    ...withoutKept(object), apiVersion: 'autoscaling/v2',
    spec: { ...spec, metrics: metrics.length > 0 ? metrics : [cpuUtilization(defaultUtilization)], ...(behavior === undefined ? {} : { behavior }) },
    status: { ...status, currentMetrics: currentMetrics.length > 0 ? currentMetrics : null, ...(conditions === undefined || conditions.length === 0 ? {} : { conditions }) },
  });
}

function list(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function cpuPercentage(metric: JsonObject, of: 'target' | 'current'): Json | undefined {
  return metric['type'] === 'Resource' && at(metric, 'resource', 'name') === 'cpu' ? at(metric, 'resource', of, 'averageUtilization') ?? undefined : undefined;
}

/** v2 → v1. */
export function autoscalerV1(object: JsonObject): JsonObject {
  const { metrics, behavior, ...spec } = part(object, 'spec');
  const { currentMetrics, conditions, ...status } = part(object, 'status');
  const percentage = list(metrics).map((metric) => cpuPercentage(metric, 'target')).find((value) => value !== undefined);
  const now = list(currentMetrics).map((metric) => cpuPercentage(metric, 'current')).findLast((value) => value !== undefined);
  const made: [key: keyof typeof annotations, value: Json][] = [];
  const others = list(metrics).filter((metric) => cpuPercentage(metric, 'target') === undefined);
  if (others.length > 0) made.push(['metrics', others.map((metric) => metricV1('spec', metric))]);
  if (list(currentMetrics).length > 0) made.push(['currentMetrics', list(currentMetrics).map((metric) => metricV1('status', metric))]);
  if (isObject(behavior)) made.push(['behavior', { ScaleUp: rulesV1(behavior['scaleUp']), ScaleDown: rulesV1(behavior['scaleDown']) }]);
  if (list(conditions).length > 0) made.push(['conditions', list(conditions)]);
  const result: JsonObject = {
    ...withoutKept(object), apiVersion: 'autoscaling/v1',
    spec: { ...spec, ...(percentage === undefined ? {} : { targetCPUUtilizationPercentage: percentage }) },
    // Which v1, unlike v2, always writes.
    status: { currentReplicas: 0, ...status, ...(now === undefined ? {} : { currentCPUUtilizationPercentage: now }) },
  };
  if (made.length === 0) return result;
  const metadata = meta(result);
  const held = isObject(metadata['annotations']) ? metadata['annotations'] : {};
  return { ...result, metadata: { ...metadata, annotations: { ...held, ...Object.fromEntries(made.map(([key, value]) => [annotations[key], stringifyAny(value)])) } } };
}
