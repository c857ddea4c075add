import { compareQuantity, isZeroQuantity } from '../quantity/index.ts';
import { get, obj, objects, optionalNumber, str } from '../validation/access.ts';
import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { keep, metadataOf } from './generic.ts';
import { dropGatedPodFields, mergeAffinityKeys, syncAppArmor } from './pod-fields.ts';

type Qos = 'Guaranteed' | 'Burstable' | 'BestEffort';
const qosResources = ['cpu', 'memory'] as const;

function amount(container: JsonObject, list: 'requests' | 'limits', resource: string): string | undefined {
  const value = get(obj(obj(container, 'resources'), list), resource);
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  return text === undefined || isZeroQuantity(text) ? undefined : text;
}

/** Guaranteed: each container has limits of cpu and memory, and asks for as much. */
export function qosClass(pod: JsonObject): Qos {
  const spec = obj(pod, 'spec');
  const containers = [...objects(spec, 'containers'), ...objects(spec, 'initContainers')];
  const isSet = (container: JsonObject): boolean => qosResources.some((name) => amount(container, 'requests', name) !== undefined || amount(container, 'limits', name) !== undefined);
  if (!containers.some(isSet)) return 'BestEffort';
  const guaranteed = containers.every((container) => qosResources.every((name) => {
    const limit = amount(container, 'limits', name);
    const request = amount(container, 'requests', name) ?? limit;
    return limit !== undefined && request !== undefined && compareQuantity(request, limit) === 0;
  }));
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function freshStatus(pod: JsonObject, now: string): JsonObject {
  const status: JsonObject = { phase: 'Pending', qosClass: str(obj(pod, 'status'), 'qosClass') || qosClass(pod) };
  if (objects(obj(pod, 'spec'), 'schedulingGates').length > 0) {
    status['conditions'] = [{
      type: 'PodScheduled', status: 'False', lastProbeTime: null, lastTransitionTime: now,
      reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates',
    }];
  }
  return status;
}

/** A pod that no kubelet holds, or that has finished, goes at once. */
function gracePeriodSeconds(pod: JsonObject, asked: number | undefined): number {
  const spec = obj(pod, 'spec');
  const phase = str(obj(pod, 'status'), 'phase');
  if (str(spec, 'nodeName') === '' || phase === 'Failed' || phase === 'Succeeded') return 0;
  const period = asked ?? optionalNumber(spec, 'terminationGracePeriodSeconds') ?? 0;
  return period < 0 ? 1 : period;
}

/** This subresource adds ephemeral containers and writes nothing else: not even the managed fields tell of it. */
function keepAllButEphemeral(pod: JsonObject, old: JsonObject): void {
  const wanted = get(obj(pod, 'spec'), 'ephemeralContainers');
  for (const key of ['spec', 'status']) keep(pod, old, key);
  const spec = obj(pod, 'spec');
  if (spec !== undefined && wanted !== undefined) spec['ephemeralContainers'] = wanted;
  else delete spec?.['ephemeralContainers'];
  const { resourceVersion } = metadataOf(pod);
  keep(pod, old, 'metadata');
  if (resourceVersion !== undefined) metadataOf(pod)['resourceVersion'] = resourceVersion;
}

export const podStrategy: Strategy = {
  prepareForCreate(pod, context) {
    dropGatedPodFields(obj(pod, 'spec'), undefined, context);
    pod['status'] = freshStatus(pod, context.now);
    mergeAffinityKeys(pod);
    syncAppArmor(pod);
  },
  prepareForUpdate(pod, old, context) {
    if (context.subresource === 'ephemeralcontainers') {
      keepAllButEphemeral(pod, old);
      dropGatedPodFields(obj(pod, 'spec'), obj(old, 'spec'), context);
      return;
    }
    if (context.subresource !== 'status') {
      keep(pod, old, 'status');
      dropGatedPodFields(obj(pod, 'spec'), obj(old, 'spec'), context);
      return;
    }
    // Not a copy: from here on nobody changes it, and what is the same need not be compared.
    pod['spec'] = old['spec'] ?? {};
    for (const key of ['deletionTimestamp', 'ownerReferences']) keep(metadataOf(pod), metadataOf(old), key);
    const status = obj(pod, 'status');
    if (status !== undefined && str(status, 'qosClass') === '') keep(status, obj(old, 'status') ?? {}, 'qosClass');
  },
  gracePeriodSeconds,
};
