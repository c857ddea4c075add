import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import { byCreation, createdMs, sum } from '../common/object.ts';
import { askedReplicas, desiredAnnotation, maxAnnotation } from './revisions.ts';

/** A set and the replicas it is to have. */
export interface Scale { readonly set: ReplicaSet; readonly replicas: number }

export function replicasOf(set: ReplicaSet): number {
  return set.spec?.replicas ?? 1;
}

export function desiredReplicas(deployment: Deployment): number {
  return deployment.spec?.replicas ?? 1;
}

/** An absolute number or a percentage of `total`. */
export function resolveIntOrPercent(value: number | string | undefined, total: number, round: 'up' | 'down'): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = Number(value.replace(/%$/, ''));
  if (!Number.isFinite(percent)) return 0;
  const exact = (percent * total) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}

function isRolling(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
}

export function maxSurge(deployment: Deployment): number {
  return isRolling(deployment) ? resolveIntOrPercent(deployment.spec?.strategy?.rollingUpdate?.maxSurge, desiredReplicas(deployment), 'up') : 0;
}

/** Never zero together with maxSurge, or nothing could ever move. */
export function maxUnavailable(deployment: Deployment): number {
  const replicas = desiredReplicas(deployment);
  if (!isRolling(deployment) || replicas === 0) return 0;
  const resolved = resolveIntOrPercent(deployment.spec?.strategy?.rollingUpdate?.maxUnavailable, replicas, 'down');
  return Math.min(maxSurge(deployment) === 0 && resolved === 0 ? 1 : resolved, replicas);
}

/** Replicas for the set of the current template, within the surge. */
export function newSetReplicas(deployment: Deployment, all: readonly ReplicaSet[], current: number): number {
  const desired = desiredReplicas(deployment);
  if (!isRolling(deployment)) return desired;
  const room = desired + maxSurge(deployment) - askedReplicas(all);
  return room <= 0 ? current : current + Math.min(room, desired - current);
}

/** Which old sets shrink, and to what, so that enough pods stay available: broken ones first, then the oldest. */
export function shrinkOldSets(deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): Scale[] {
  const minAvailable = desiredReplicas(deployment) - maxUnavailable(deployment);
  const newUnavailable = replicasOf(newSet) - (newSet.status?.availableReplicas ?? 0);
  const mayGo = askedReplicas([...oldSets, newSet]) - minAvailable - newUnavailable;
  if (askedReplicas(oldSets) === 0 || mayGo <= 0) return [];
  const sizes = new Map(oldSets.toSorted(byCreation).map((set) => [set, replicasOf(set)]));
  dropUnhealthy(sizes, mayGo);
  const available = sum([...oldSets, newSet], (set) => set.status?.availableReplicas);
  dropHealthy(sizes, available - minAvailable);
  return [...sizes].filter(([set, replicas]) => replicas !== replicasOf(set)).map(([set, replicas]) => ({ set, replicas }));
}

function dropUnhealthy(sizes: Map<ReplicaSet, number>, mayGo: number): void {
  let left = mayGo;
  for (const [set, size] of sizes) {
    const drop = Math.max(0, Math.min(left, size - (set.status?.availableReplicas ?? 0)));
    sizes.set(set, size - drop);
    left -= drop;
  }
}

function dropHealthy(sizes: Map<ReplicaSet, number>, mayGo: number): void {
  let left = Math.max(0, mayGo);
  for (const [set, size] of sizes) {
    const drop = Math.min(left, size);
    sizes.set(set, size - drop);
    left -= drop;
  }
}

/** The deployment's size was changed: some active set was last scaled for another one. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    const desired = set.metadata?.annotations?.[desiredAnnotation];
    return replicasOf(set) > 0 && desired !== undefined && Number(desired) !== desiredReplicas(deployment);
  });
}

/** Spreads a change of size over the sets in proportion, so that a rollout that is paused or under way keeps its mix. */
export function proportionalScale(deployment: Deployment, sets: readonly ReplicaSet[]): Scale[] {
  const desired = desiredReplicas(deployment);
  const active = sets.filter((set) => replicasOf(set) > 0);
  const toAdd = (desired > 0 ? desired + maxSurge(deployment) : 0) - askedReplicas(active);
  const sorted = active.toSorted((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? createdMs(b) - createdMs(a) : createdMs(a) - createdMs(b)));
  let added = 0;
  const scales = sorted.map((set) => {
    const share = shareOf(deployment, set, toAdd, added);
    added += share;
    return { set, replicas: replicasOf(set) + share };
  });
  // What rounding left over goes to the largest.
  return scales.map((scale, index) => (index === 0 ? { ...scale, replicas: Math.max(0, scale.replicas + toAdd - added) } : scale));
}

function shareOf(deployment: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  const left = toAdd - added;
  if (left === 0 || toAdd === 0) return 0;
  const size = replicasOf(set);
  const desired = desiredReplicas(deployment);
  const before = Number(set.metadata?.annotations?.[maxAnnotation] ?? '') || deployment.status?.replicas || desired;
  const fraction = desired === 0 ? -size : Math.round((size * (desired + maxSurge(deployment))) / before) - size;
  return toAdd > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}
