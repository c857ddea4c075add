import type { JsonObject } from '../resource.ts';
import { createdAt, has, nameOf, number, object, objects, text, type CellsOf } from './cells.ts';
import { since } from './human-duration.ts';

function percent(parent: JsonObject, key: string): string {
  return has(parent, key) ? `${number(parent, key)}%` : '<unknown>';
}

/** `cpu: 12%/80%`, `5/10`, `7/10 (avg)`: what is, and what is wanted. */
function metricText(spec: JsonObject, current: JsonObject | undefined): string {
  const key = { Resource: 'resource', ContainerResource: 'containerResource', Pods: 'pods', Object: 'object', External: 'external' }[text(spec, 'type')] ?? '';
  const target = object(spec, key, 'target');
  const now = object(current, key, 'current');
  const name = key === 'resource' || key === 'containerResource' ? `${text(object(spec, key), 'name')}: ` : '';
  if (has(target, 'averageUtilization')) return `${name}${percent(now, 'averageUtilization')}/${number(target, 'averageUtilization')}%`;
  if (!has(target, 'averageValue')) return `${name}${text(now, 'value', '<unknown>')}/${text(target, 'value')}`;
  return `${name}${text(now, 'averageValue', '<unknown>')}/${text(target, 'averageValue')}${key === 'object' || key === 'external' ? ' (avg)' : ''}`;
}

function targets(autoscaler: JsonObject): string {
  const [spec, status] = [object(autoscaler, 'spec'), object(autoscaler, 'status')];
  if (has(spec, 'targetCPUUtilizationPercentage')) {
    return `cpu: ${percent(status, 'currentCPUUtilizationPercentage')}/${number(spec, 'targetCPUUtilizationPercentage')}%`;
  }
  const current = objects(status, 'currentMetrics');
  const all = objects(spec, 'metrics').map((metric, index) => metricText(metric, current[index]));
  if (all.length === 0) return '<none>';
  return all.length > 2 ? `${all.slice(0, 2).join(', ')} + ${all.length - 2} more...` : all.join(', ');
}

export const autoscalerCells: CellsOf = (autoscaler, nowMs) => {
  const spec = object(autoscaler, 'spec');
  const target = object(spec, 'scaleTargetRef');
  return [
    nameOf(autoscaler), `${text(target, 'kind')}/${text(target, 'name')}`, targets(autoscaler), text(spec, 'minReplicas', '<unset>'), number(spec, 'maxReplicas'),
    number(object(autoscaler, 'status'), 'currentReplicas'), since(createdAt(autoscaler), nowMs),
  ];
};
