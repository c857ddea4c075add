import { parseRfc3339 } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import { createdMs, sum, uidOf } from '../common/object.ts';
import { isPodActive, isPodReady, podCondition } from '../common/pods.ts';

const costAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

function deletionCost(pod: Pod): number {
  const text = pod.metadata?.annotations?.[costAnnotation];
  return text === undefined || !/^-?\d+$/.test(text) ? 0 : Number(text);
}

function readySinceMs(pod: Pod): number {
  return parseRfc3339(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
}

function restarts(pod: Pod): number {
  return sum(pod.status?.containerStatuses ?? [], (status) => status.restartCount);
}

/** Ages within the same power of two count as equal, so that the newest does not always go. In ns, as upstream's are. */
function ageClass(sinceMs: number, nowMs: number): number {
  const age = (nowMs - sinceMs) * 1e6;
  return age > 0 ? Math.floor(Math.log2(age)) : -1;
}

/** Younger first; a time that is not known counts as youngest. */
function byAge(a: Pod, b: Pod, sinceMs: (pod: Pod) => number, nowMs: number): number {
  const [sinceA, sinceB] = [sinceMs(a), sinceMs(b)];
  if (sinceA === sinceB || (Number.isNaN(sinceA) && Number.isNaN(sinceB))) return 0;
  if (Number.isNaN(sinceA) || Number.isNaN(sinceB)) return Number.isNaN(sinceA) ? -1 : 1;
  return ageClass(sinceA, nowMs) - ageClass(sinceB, nowMs) || (uidOf(a) < uidOf(b) ? -1 : 1);
}

/**
 * Which pods go first: not assigned, pending, not ready, of lower cost, with more siblings on their node, ready for a shorter
 * time, restarted more often, younger.
 */
export function rankForDeletion(pods: readonly Pod[], related: readonly Pod[], nowMs: number): Pod[] {
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName;
    if (isPodActive(pod) && node !== undefined) perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const siblings = (pod: Pod): number => perNode.get(pod.spec?.nodeName ?? '') ?? 0;
  const assigned = (pod: Pod): number => ((pod.spec?.nodeName ?? '') === '' ? 0 : 1);
  const phase = (pod: Pod): number => phaseOrder[pod.status?.phase ?? 'Pending'] ?? 0;
  const ready = (pod: Pod): number => (isPodReady(pod) ? 1 : 0);
  return pods.toSorted((a, b) => assigned(a) - assigned(b) || phase(a) - phase(b) || ready(a) - ready(b)
    || deletionCost(a) - deletionCost(b) || siblings(b) - siblings(a)
    || (ready(a) === 1 ? byAge(a, b, readySinceMs, nowMs) : 0) || restarts(b) - restarts(a) || byAge(a, b, createdMs, nowMs));
}
