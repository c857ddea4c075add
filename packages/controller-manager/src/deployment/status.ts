import { parseRfc3339, rfc3339Seconds } from '@coxswain/host';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from 'kubernetes-types/apps/v1';
import { conditionOf, withoutCondition } from '../common/conditions.ts';
import { generationOf, nameOf, sum } from '../common/object.ts';
import { askedReplicas } from './revisions.ts';
import { desiredReplicas, maxUnavailable } from './scaling.ts';

export const reasons = {
  newSetCreated: 'NewReplicaSetCreated', foundNewSet: 'FoundNewReplicaSet', updated: 'ReplicaSetUpdated', available: 'NewReplicaSetAvailable',
  createError: 'ReplicaSetCreateError', timedOut: 'ProgressDeadlineExceeded', paused: 'DeploymentPaused', resumed: 'DeploymentResumed',
} as const;

export function newCondition(type: string, status: string, reason: string, message: string, nowMs: number): DeploymentCondition {
  const now = rfc3339Seconds(nowMs);
  return { type, status, lastUpdateTime: now, lastTransitionTime: now, reason, message };
}

/** Unlike other kinds', a condition with the same status and reason is left as it is, its message too. */
export function setCondition(conditions: readonly DeploymentCondition[], next: DeploymentCondition): DeploymentCondition[] {
  const before = conditionOf(conditions, next.type);
  if (before !== undefined && before.status === next.status && before.reason === next.reason) return [...conditions];
  const kept = before?.status === next.status && before.lastTransitionTime !== undefined ? { ...next, lastTransitionTime: before.lastTransitionTime } : next;
  return [...withoutCondition(conditions, next.type), kept];
}

/** Counts and the Available condition. */
export function countStatus(deployment: Deployment, sets: readonly ReplicaSet[], newSet: ReplicaSet | undefined, nowMs: number): DeploymentStatus {
  const available = sum(sets, (set) => set.status?.availableReplicas);
  const enough = available >= desiredReplicas(deployment) - maxUnavailable(deployment);
  const condition = enough
    ? newCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', nowMs)
    : newCondition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.', nowMs);
  const { collisionCount } = deployment.status ?? {};
  return {
    observedGeneration: generationOf(deployment),
    replicas: sum(sets, (set) => set.status?.replicas), updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(sets, (set) => set.status?.readyReplicas), availableReplicas: available,
    unavailableReplicas: Math.max(0, askedReplicas(sets) - available),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: setCondition(deployment.status?.conditions ?? [], condition),
  };
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = desiredReplicas(deployment);
  return status.updatedReplicas === desired && status.replicas === desired && status.availableReplicas === desired
    && (status.observedGeneration ?? 0) >= generationOf(deployment);
}

function hasProgressed(before: DeploymentStatus | undefined, after: DeploymentStatus): boolean {
  const more = (field: 'updatedReplicas' | 'readyReplicas' | 'availableReplicas'): boolean => (after[field] ?? 0) > (before?.[field] ?? 0);
  const old = (status: DeploymentStatus | undefined): number => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return more('updatedReplicas') || more('readyReplicas') || more('availableReplicas') || old(after) < old(before);
}

/** Some servers store 2147483647 for "no deadline". */
export function hasDeadline(deployment: Deployment): boolean {
  const { progressDeadlineSeconds } = deployment.spec ?? {};
  return progressDeadlineSeconds !== undefined && progressDeadlineSeconds !== 2_147_483_647;
}

/** When the deadline passes; undefined if none runs. */
export function deadlineMs(deployment: Deployment, condition: DeploymentCondition | undefined): number | undefined {
  if (!hasDeadline(deployment) || condition === undefined || condition.reason === reasons.available) return undefined;
  return parseRfc3339(condition.lastUpdateTime ?? '') + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
}

function progressCondition(deployment: Deployment, status: DeploymentStatus, newSet: ReplicaSet | undefined, nowMs: number): DeploymentCondition | undefined {
  const subject = newSet === undefined ? `Deployment "${nameOf(deployment)}"` : `ReplicaSet "${nameOf(newSet)}"`;
  const current = conditionOf(deployment.status?.conditions, 'Progressing');
  if (isComplete(deployment, status)) return newCondition('Progressing', 'True', reasons.available, `${subject} has successfully progressed.`, nowMs);
  if (hasProgressed(deployment.status, status)) {
    const next = newCondition('Progressing', 'True', reasons.updated, `${subject} is progressing.`, nowMs);
    return current?.status === 'True' && current.lastTransitionTime !== undefined ? { ...next, lastTransitionTime: current.lastTransitionTime } : next;
  }
  const deadline = deadlineMs(deployment, current);
  if (current?.reason === reasons.timedOut || (deadline !== undefined && nowMs > deadline)) {
    return newCondition('Progressing', 'False', reasons.timedOut, `${subject} has timed out progressing.`, nowMs);
  }
  return undefined;
}

/** The whole status during a rollout. */
export function rolloutStatus(deployment: Deployment, sets: readonly ReplicaSet[], newSet: ReplicaSet | undefined, nowMs: number): DeploymentStatus {
  const status = countStatus(deployment, sets, newSet, nowMs);
  let conditions = status.conditions ?? [];
  const current = conditionOf(deployment.status?.conditions, 'Progressing');
  const settled = status.replicas === status.updatedReplicas && current?.reason === reasons.available;
  if (!hasDeadline(deployment)) {
    conditions = withoutCondition(conditions, 'Progressing');
  } else if (!settled) {
    const next = progressCondition(deployment, status, newSet, nowMs);
    // Progress must move lastUpdateTime, on which the deadline stands, even where the reason stays.
    if (next !== undefined) conditions = next.reason === reasons.updated ? [...withoutCondition(conditions, 'Progressing'), next] : setCondition(conditions, next);
  }
  return { ...status, conditions: withFailure(conditions, sets, newSet) };
}

function withFailure(conditions: readonly DeploymentCondition[], sets: readonly ReplicaSet[], newSet: ReplicaSet | undefined): DeploymentCondition[] {
  const failure = [...(newSet === undefined ? [] : [newSet]), ...sets].map((set) => conditionOf(set.status?.conditions, 'ReplicaFailure')).find((found) => found !== undefined);
  if (failure === undefined) return withoutCondition(conditions, 'ReplicaFailure');
  const { lastTransitionTime } = failure;
  return setCondition(conditions, { ...failure, ...(lastTransitionTime === undefined ? {} : { lastUpdateTime: lastTransitionTime }) });
}
