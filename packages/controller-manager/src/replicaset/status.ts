import { rfc3339Seconds } from '@coxswain/host';
import type { ReplicaSet, ReplicaSetStatus } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { conditionOf, withCondition, withoutCondition } from '../common/conditions.ts';
import { generationOf } from '../common/object.ts';
import { isPodAvailable, isPodReady } from '../common/pods.ts';

export interface ManageFailure { readonly reason: 'FailedCreate' | 'FailedDelete'; readonly message: string }

/** What the pods of a ReplicaSet say about it. */
export function replicaSetStatus(set: ReplicaSet, pods: readonly Pod[], failure: ManageFailure | undefined, nowMs: number): ReplicaSetStatus {
  const templateLabels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const count = (test: (pod: Pod) => boolean): number => pods.filter(test).length;
  return {
    ...set.status,
    replicas: pods.length,
    fullyLabeledReplicas: count((pod) => templateLabels.every(([key, value]) => pod.metadata?.labels?.[key] === value)),
    readyReplicas: count(isPodReady),
    availableReplicas: count((pod) => isPodAvailable(pod, minReadySeconds, nowMs)),
    observedGeneration: generationOf(set),
    conditions: failureCondition(set, failure, nowMs),
  };
}

function failureCondition(set: ReplicaSet, failure: ManageFailure | undefined, nowMs: number): NonNullable<ReplicaSetStatus['conditions']> {
  const before = set.status?.conditions;
  if (failure === undefined) return withoutCondition(before, 'ReplicaFailure');
  if (conditionOf(before, 'ReplicaFailure') !== undefined) return [...before ?? []];
  return withCondition(before, { type: 'ReplicaFailure', status: 'True', reason: failure.reason, message: failure.message, lastTransitionTime: rfc3339Seconds(nowMs) });
}
