import { parseRfc3339 } from '@coxswain/host';
import type { Taint, Toleration } from 'kubernetes-types/core/v1';

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false;
  const key = toleration.key ?? '';
  if (key !== '' && key !== taint.key) return false;
  return toleration.operator === 'Exists' || (key !== '' && (toleration.value ?? '') === (taint.value ?? ''));
}

export type Eviction =
  | { readonly kind: 'stay' }
  /** `atMs`: wall time. */
  | { readonly kind: 'evict'; readonly atMs: number };

/**
 * When a pod has to leave a node with these NoExecute taints. Each taint has to be tolerated; the shortest toleration counts, from
 * the time at which its taint was set.
 */
export function evictionOf(taints: readonly Taint[], tolerations: readonly Toleration[], seenMs: number): Eviction {
  let atMs = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const matching = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return { kind: 'evict', atMs: seenMs };
    const sinceMs = parseRfc3339(taint.timeAdded ?? '');
    const limits = matching.flatMap(({ tolerationSeconds }) => (tolerationSeconds === undefined ? [] : [Math.max(0, tolerationSeconds)]));
    if (limits.length === 0) continue;
    atMs = Math.min(atMs, (Number.isNaN(sinceMs) ? seenMs : sinceMs) + Math.min(...limits) * 1000);
  }
  return Number.isFinite(atMs) ? { kind: 'evict', atMs } : { kind: 'stay' };
}
