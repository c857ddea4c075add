import type { ApiResource, JsonObject } from '@coxswain/api';
import { coreEvent, newEvent } from './events.ts';
import { apiVersionOf } from '../kind.ts';
import { plainCapacity, wrappedCapacity } from './devices.ts';
import { autoscalerV1, autoscalerV2, withoutKept } from './autoscaler.ts';

/** Each may answer or take apart its argument. */
export interface Conversion {
  readonly toHub: (object: JsonObject) => JsonObject;
  readonly fromHub: (object: JsonObject) => JsonObject;
}

const identity: Conversion = { toHub: (object) => object, fromHub: (object) => object };

/** Versions that differ in nothing but their name. */
function renaming(served: ApiResource, hub: ApiResource): Conversion {
  return { toHub: (object) => ({ ...object, apiVersion: apiVersionOf(hub) }), fromHub: (object) => ({ ...object, apiVersion: apiVersionOf(served) }) };
}

/** By served group, version and resource; the other side is the storage version. */
const conversions: Readonly<Record<string, Conversion>> = {
  'events.k8s.io/v1/events': { toHub: coreEvent, fromHub: newEvent },
  'resource.k8s.io/v1alpha3/resourceslices': { toHub: wrappedCapacity, fromHub: plainCapacity },
  'autoscaling/v1/horizontalpodautoscalers': { toHub: autoscalerV2, fromHub: autoscalerV1 },
  'autoscaling/v2/horizontalpodautoscalers': { toHub: withoutKept, fromHub: (object) => object },
};

export function conversionOf(served: ApiResource, hub: ApiResource): Conversion {
  return conversions[`${served.group}/${served.version}/${served.resource}`] ?? (served === hub ? identity : renaming(served, hub));
}
