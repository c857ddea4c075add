import { forbidden, StatusError } from '@coxswain/api';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';

const violated = "Cannot evict pod as it would violate the pod's disruption budget.";
/** The controller clears entries after two minutes; with so many it has fallen behind. */
const maxDisruptedPods = 2000;

function tooMany(causeText: string, retryAfterSeconds?: number): StatusError {
  return new StatusError('TooManyRequests', violated, {
    causes: [{ reason: 'DisruptionBudget', message: causeText }],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

function matchesExpression(labels: Readonly<Record<string, string>>, { key, operator, values = [] }: { key: string; operator: string; values?: string[] }): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In': return value !== undefined && values.includes(value);
    case 'NotIn': return value === undefined || !values.includes(value);
    case 'Exists': return value !== undefined;
    case 'DoesNotExist': return value === undefined;
    default: return false;
  }
}

export function selects(selector: LabelSelector | undefined, labels: Readonly<Record<string, string>> = {}): boolean {
  if (selector === undefined) return false;
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value)
    && (selector.matchExpressions ?? []).every((expression) => matchesExpression(labels, expression));
}

export function isReady(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True');
}

/** Nobody is waiting for such a pod, so no budget guards it. */
export function isUnguarded(pod: Pod): boolean {
  return ['Succeeded', 'Failed', 'Pending'].includes(pod.status?.phase ?? '') || pod.metadata?.deletionTimestamp !== undefined;
}

/** An unready pod that the budget does not count on may go without being counted. */
export function mayGoUncounted(pod: Pod, budget: PodDisruptionBudget): boolean {
  if (isReady(pod)) return false;
  if (budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** Takes one disruption from the budget, in place; throws 429 or 403. */
export function takeDisruption(budget: PodDisruptionBudget, podName: string, now: string): void {
  const name = budget.metadata?.name ?? '';
  const status = budget.status;
  if (status === undefined || (status.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) {
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, 10);
  }
  const refuse = (why: string): StatusError => forbidden({ group: 'policy', resource: 'poddisruptionbudget' }, name, why);
  if (status.disruptionsAllowed < 0) throw refuse('pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > maxDisruptedPods) throw refuse('DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (status.disruptionsAllowed === 0) {
    throw tooMany(`The disruption budget ${name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`);
  }
  status.disruptionsAllowed -= 1;
  status.disruptedPods = { ...status.disruptedPods, [podName]: now };
}
