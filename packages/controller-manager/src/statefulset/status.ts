import type { StatefulSet, StatefulSetStatus } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { generationOf, isDeleting } from '../common/object.ts';
import { isPodAvailable } from '../common/pods.ts';
import { isRunningAndReady, revisionOf, type Revisioned } from './plan.ts';

/** What the pods say. A rolling update that reached every pod makes the new revision the current one. */
export function statefulSetStatus(set: StatefulSet, pods: readonly Pod[], revisions: Revisioned, nowMs: number): StatefulSetStatus {
  const count = (test: (pod: Pod) => boolean): number => pods.filter(test).length;
  const of = (revision: string): number => count((pod) => !isDeleting(pod) && revisionOf(pod) === revision);
  const readyReplicas = count(isRunningAndReady);
  const updatedReplicas = of(revisions.update);
  const rolls = set.spec?.updateStrategy?.type !== 'OnDelete';
  const complete = rolls && updatedReplicas === pods.length && readyReplicas === pods.length && pods.length === (set.spec?.replicas ?? 1);
  const { collisionCount, conditions } = set.status ?? {};
  return {
    observedGeneration: generationOf(set), replicas: pods.length, readyReplicas, updatedReplicas,
    availableReplicas: count((pod) => isRunningAndReady(pod) && isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)),
    currentReplicas: complete ? updatedReplicas : of(revisions.current),
    currentRevision: complete ? revisions.update : revisions.current, updateRevision: revisions.update,
    ...(collisionCount === undefined ? {} : { collisionCount }), ...(conditions === undefined ? {} : { conditions }),
  };
}
