import { parseRfc3339, rfc3339Seconds } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { Condition } from 'kubernetes-types/meta/v1';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from 'kubernetes-types/policy/v1';
import { conditionOf, withCondition } from '../common/conditions.ts';
import { generationOf, isDeleting, nameOf } from '../common/object.ts';
import { isPodReady } from '../common/pods.ts';
import { resolveIntOrPercent } from '../deployment/scaling.ts';

/** An eviction that was granted and whose pod does not go in this time did not happen. */
export const deletionTimeoutMs = 120_000;

/** Does the budget speak of how many there should be, not only of how many are there? */
export function needsScale(budget: PodDisruptionBudget): boolean {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  return maxUnavailable !== undefined || typeof minAvailable === 'string';
}

/** `scale`: what the controllers of the pods want in all. */
function expectation(budget: PodDisruptionBudget, pods: readonly Pod[], scale: number): { readonly expected: number; readonly desiredHealthy: number } {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined) return { expected: scale, desiredHealthy: Math.max(0, scale - resolveIntOrPercent(maxUnavailable, scale, 'up')) };
  if (typeof minAvailable === 'string') return { expected: scale, desiredHealthy: resolveIntOrPercent(minAvailable, scale, 'up') };
  return { expected: pods.length, desiredHealthy: minAvailable ?? 0 };
}

export interface Disrupted {
  readonly pods: Readonly<Record<string, string>>;
  /** Pods that were to be evicted and are still there. */
  readonly stayed: readonly Pod[];
  /** When the next entry runs out. */
  readonly recheckAtMs: number | undefined;
}

/** Evictions that were granted and not seen yet: those pods do not count as healthy. */
export function stillDisrupted(budget: PodDisruptionBudget, pods: readonly Pod[], nowMs: number): Disrupted {
  const kept: Record<string, string> = {};
  const stayed: Pod[] = [];
  let recheckAtMs: number | undefined;
  for (const pod of pods) {
    const since = budget.status?.disruptedPods?.[nameOf(pod)];
    if (since === undefined || isDeleting(pod)) continue;
    const endsMs = parseRfc3339(since) + deletionTimeoutMs;
    if (endsMs < nowMs) stayed.push(pod);
    else {
      kept[nameOf(pod)] = since;
      recheckAtMs = Math.min(endsMs, recheckAtMs ?? endsMs);
    }
  }
  return { pods: kept, stayed, recheckAtMs };
}

function countHealthy(pods: readonly Pod[], disrupted: Disrupted): number {
  return pods.filter((pod) => !isDeleting(pod) && disrupted.pods[nameOf(pod)] === undefined && isPodReady(pod)).length;
}

function condition(budget: PodDisruptionBudget, status: 'True' | 'False', reason: string, message: string, nowMs: number): Condition[] {
  const before = budget.status?.conditions;
  const next: Condition = { type: 'DisruptionAllowed', status, reason, message, observedGeneration: generationOf(budget), lastTransitionTime: rfc3339Seconds(nowMs) };
  const conditions = withCondition(before, next);
  const current = conditionOf(conditions, 'DisruptionAllowed');
  return current?.observedGeneration === next.observedGeneration ? conditions : conditions.map((one) => (one === current ? { ...one, observedGeneration: generationOf(budget) } : one));
}

export function budgetStatus(budget: PodDisruptionBudget, pods: readonly Pod[], scale: number, nowMs: number): PodDisruptionBudgetStatus {
  const { expected, desiredHealthy } = expectation(budget, pods, scale);
  const disrupted = stillDisrupted(budget, pods, nowMs);
  const currentHealthy = countHealthy(pods, disrupted);
  const disruptionsAllowed = expected <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const [status, reason] = disruptionsAllowed > 0 ? ['True', 'SufficientPods'] as const : ['False', 'InsufficientPods'] as const;
  return {
    currentHealthy, desiredHealthy, expectedPods: expected, disruptionsAllowed, observedGeneration: generationOf(budget), conditions: condition(budget, status, reason, '', nowMs),
    ...(Object.keys(disrupted.pods).length === 0 ? {} : { disruptedPods: { ...disrupted.pods } }),
  };
}

/** When it is not known what is wanted, nothing may be evicted. */
export function failedStatus(budget: PodDisruptionBudget, why: string, nowMs: number): PodDisruptionBudgetStatus {
  return { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, ...budget.status, disruptionsAllowed: 0, observedGeneration: generationOf(budget), conditions: condition(budget, 'False', 'SyncFailed', why, nowMs) };
}
