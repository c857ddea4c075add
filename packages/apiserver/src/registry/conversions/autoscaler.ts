import type { Json, JsonObject } from '@coxswain/api';
import { at, isObject, meta } from '../object.ts';

/** Where v1 keeps what it has no fields for. */
const annotations = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics', currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions', behavior: 'autoscaling.alpha.kubernetes.io/behavior',
} as const;

const defaultUtilization = 80;

function cpuUtilization(averageUtilization: Json): JsonObject {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

function take(object: JsonObject, key: string): Json | undefined {
  const held = meta(object)['annotations'];
  if (!isObject(held) || typeof held[key] !== 'string') return undefined;
  const value = held[key];
  delete held[key];
  if (Object.keys(held).length === 0) delete meta(object)['annotations'];
  try {
    return JSON.parse(value) as Json;
  } catch {
    // A hand-made annotation that says nothing is dropped, as upstream does.
    return undefined;
  }
}

function put(object: JsonObject, key: string, value: Json | undefined): void {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
  const metadata = meta(object);
  const held = isObject(metadata['annotations']) ? metadata['annotations'] : {};
  metadata['annotations'] = { ...held, [key]: JSON.stringify(value) };
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function part(object: JsonObject, key: 'spec' | 'status'): JsonObject {
  const value = object[key];
  return isObject(value) ? value : {};
}

/** v1 → v2. */
export function autoscalerV2(object: JsonObject): JsonObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = part(object, 'spec');
  const { currentCPUUtilizationPercentage: current, ...status } = part(object, 'status');
  const others = list(take(object, annotations.metrics));
  const metrics = target === undefined || target === null ? others : [...others, cpuUtilization(target)];
  const currentMetrics = list(take(object, annotations.currentMetrics));
  if (current !== undefined && current !== null) currentMetrics.push({ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current, averageValue: '0' } } });
  const conditions = take(object, annotations.conditions);
  const behavior = take(object, annotations.behavior);
  return {
    ...object, apiVersion: 'autoscaling/v2',
    spec: { ...spec, metrics: metrics.length > 0 ? metrics : [cpuUtilization(defaultUtilization)], ...(behavior === undefined ? {} : { behavior }) },
    status: { ...status, currentMetrics: currentMetrics.length > 0 ? currentMetrics : null, ...(conditions === undefined ? {} : { conditions }) },
  };
}

function isCpuTarget(metric: Json): boolean {
  return isObject(metric) && metric['type'] === 'Resource' && at(metric, 'resource', 'name') === 'cpu' && typeof at(metric, 'resource', 'target', 'averageUtilization') === 'number';
}

function isCpuCurrent(metric: Json): boolean {
  return isObject(metric) && metric['type'] === 'Resource' && at(metric, 'resource', 'name') === 'cpu' && typeof at(metric, 'resource', 'current', 'averageUtilization') === 'number';
}

/** v2 → v1. */
export function autoscalerV1(object: JsonObject): JsonObject {
  const { metrics, behavior, ...spec } = part(object, 'spec');
  const { currentMetrics, conditions, ...status } = part(object, 'status');
  const target = list(metrics).find(isCpuTarget);
  const current = list(currentMetrics).find(isCpuCurrent);
  const percentage = isObject(target) ? at(target, 'resource', 'target', 'averageUtilization') : undefined;
  const now = isObject(current) ? at(current, 'resource', 'current', 'averageUtilization') : undefined;
  const result: JsonObject = {
    ...object, apiVersion: 'autoscaling/v1',
    spec: { ...spec, ...(percentage === undefined ? {} : { targetCPUUtilizationPercentage: percentage }) },
    // Which v1, unlike v2, always writes.
    status: { currentReplicas: 0, ...status, ...(now === undefined ? {} : { currentCPUUtilizationPercentage: now }) },
  };
  put(result, annotations.metrics, list(metrics).filter((metric) => metric !== target));
  put(result, annotations.currentMetrics, list(currentMetrics).filter((metric) => metric !== current));
  put(result, annotations.conditions, conditions ?? undefined);
  put(result, annotations.behavior, behavior ?? undefined);
  return result;
}
