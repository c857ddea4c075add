import { DecodeError, decodeObject, scannedValue, type Json, type JsonObject } from '@coxswain/api';
import { at, isObject } from '../object.ts';

/** Metrics as autoscaling/v1 writes them into annotations, and as v2 has them as fields. */
type Source = 'object' | 'pods' | 'resource' | 'containerResource' | 'external';
type Part = 'spec' | 'status';

interface Member {
  readonly v1: string;
  readonly v2: readonly [string] | readonly [string, string];
  /** A quantity that v1 always writes. */
  readonly always?: true;
}

const metricName: Member = { v1: 'metricName', v2: ['metric', 'name'] };
const selector: Member = { v1: 'selector', v2: ['metric', 'selector'] };
const metricSelector: Member = { v1: 'metricSelector', v2: ['metric', 'selector'] };
const described: Member = { v1: 'target', v2: ['describedObject'] };
const name: Member = { v1: 'name', v2: ['name'] };
const container: Member = { v1: 'container', v2: ['container'] };

/** In the order in which v1 has them. */
const members: Readonly<Record<Part, Readonly<Record<Source, readonly Member[]>>>> = {
  spec: {
    object: [described, metricName, { v1: 'targetValue', v2: ['target', 'value'], always: true }, selector, { v1: 'averageValue', v2: ['target', 'averageValue'] }],
    pods: [metricName, { v1: 'targetAverageValue', v2: ['target', 'averageValue'], always: true }, selector],
    resource: [name, { v1: 'targetAverageUtilization', v2: ['target', 'averageUtilization'] }, { v1: 'targetAverageValue', v2: ['target', 'averageValue'] }],
    containerResource: [name, { v1: 'targetAverageUtilization', v2: ['target', 'averageUtilization'] }, { v1: 'targetAverageValue', v2: ['target', 'averageValue'] }, container],
    external: [metricName, metricSelector, { v1: 'targetValue', v2: ['target', 'value'] }, { v1: 'targetAverageValue', v2: ['target', 'averageValue'] }],
  },
  status: {
    object: [described, metricName, { v1: 'currentValue', v2: ['current', 'value'], always: true }, selector, { v1: 'averageValue', v2: ['current', 'averageValue'] }],
    pods: [metricName, { v1: 'currentAverageValue', v2: ['current', 'averageValue'], always: true }, selector],
    resource: [name, { v1: 'currentAverageUtilization', v2: ['current', 'averageUtilization'] }, { v1: 'currentAverageValue', v2: ['current', 'averageValue'], always: true }],
    containerResource: [name, { v1: 'currentAverageUtilization', v2: ['current', 'averageUtilization'] }, { v1: 'currentAverageValue', v2: ['current', 'averageValue'], always: true }, container],
    external: [metricName, metricSelector, { v1: 'currentValue', v2: ['current', 'value'], always: true }, { v1: 'currentAverageValue', v2: ['current', 'averageValue'] }],
  },
};
const sources = ['object', 'pods', 'resource', 'containerResource', 'external'] as const satisfies readonly Source[];
const typeNames: Readonly<Record<Part, string>> = { spec: 'io.k8s.api.autoscaling.v2.MetricSpec', status: 'io.k8s.api.autoscaling.v2.MetricStatus' };

/** v1 does not say what sort of target it is. */
const targetTypes: Readonly<Record<Source, (target: JsonObject) => string>> = {
  object: ({ averageValue }) => (averageValue === undefined ? 'Value' : 'AverageValue'), pods: () => 'AverageValue',
  resource: ({ averageUtilization }) => (averageUtilization === undefined ? 'AverageValue' : 'Utilization'),
  containerResource: ({ averageUtilization }) => (averageUtilization === undefined ? 'AverageValue' : 'Utilization'),
  external: ({ value }) => (value === undefined ? 'AverageValue' : 'Value'),
};

export function metricV1(part: Part, metric: JsonObject): JsonObject {
  const out: JsonObject = { type: metric['type'] ?? '' };
  for (const source of sources) {
    const from = metric[source];
    if (!isObject(from)) continue;
    const made: JsonObject = {};
    for (const { v1, v2, always } of members[part][source]) {
      const value = at(from, ...v2) ?? (always === true ? '0' : undefined);
      if (value !== undefined) made[v1] = value;
    }
    out[source] = made;
  }
  return out;
}

/** v1 writes a utilization without a value so; a request of v1 is read through v2 and back before it is stored. */
function withoutNothing(part: Part, source: Source, from: JsonObject): JsonObject {
  if (part !== 'status' || source !== 'resource' || from['currentAverageUtilization'] === undefined || from['currentAverageValue'] !== '0') return from;
  const { currentAverageValue: _none, ...rest } = from;
  return rest;
}

function sourceV2(part: Part, source: Source, given: JsonObject): JsonObject {
  const from = withoutNothing(part, source, given);
  const made: JsonObject = part === 'spec' ? { target: {} } : { current: {} };
  for (const { v1, v2: [outer, inner], always } of members[part][source]) {
    const value = from[v1] ?? (always === true && from === given ? '0' : undefined);
    if (value === undefined) continue;
    if (inner === undefined) made[outer] = value;
    else made[outer] = { ...(made[outer] as JsonObject | undefined), [inner]: value };
  }
  if (part === 'spec') made['target'] = { type: targetTypes[source](made['target'] as JsonObject), ...(made['target'] as JsonObject) };
  return made;
}

/** undefined: it is no such object. */
export function readAs(typeName: string, value: Json): JsonObject | undefined {
  try {
    return decodeObject(typeName, scannedValue(value)).object;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** undefined: what stands there is no metric. */
export function metricV2(part: Part, metric: Json): JsonObject | undefined {
  if (!isObject(metric)) return undefined;
  const out: JsonObject = { ...metric };
  for (const source of sources) {
    const from = metric[source];
    if (isObject(from)) out[source] = sourceV2(part, source, from);
  }
  return readAs(typeNames[part], out);
}
