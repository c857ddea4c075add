import { append } from '@coxswain/host';
import type { DaemonSet, DaemonSetStatus } from 'kubernetes-types/apps/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { byCreation, generationOf, isDeleting, nameOf } from '../common/object.ts';
import { isPodAvailable, isPodReady } from '../common/pods.ts';
import { resolveIntOrPercent } from '../deployment/scaling.ts';
import { nodeOf, placementOn } from './placement.ts';
import { hashLabel } from './revisions.ts';

export interface DaemonPlan { readonly create: readonly string[]; readonly remove: readonly Pod[]; /** Failed ones among `remove`. */ readonly failed: readonly Pod[] }

function podsByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const out = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = nodeOf(pod);
    if (node !== undefined) out.set(node, [...out.get(node) ?? [], pod]);
  }
  return out;
}

/** One pod on each node that should have one, the oldest where there are several (during a surge: one of each revision). */
export function planNodes(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[], hash: string): DaemonPlan {
  const plan = { create: [] as string[], remove: [] as Pod[], failed: [] as Pod[] };
  const byNode = podsByNode(pods);
  const surging = maxSurge(set, nodes.length) > 0;
  for (const node of nodes) {
    const own = (byNode.get(nameOf(node)) ?? []).filter((pod) => !isDeleting(pod));
    const { shouldRun, shouldContinue } = placementOn(set.spec?.template ?? {}, node);
    const failed = own.filter((pod) => pod.status?.phase === 'Failed');
    const alive = own.filter((pod) => pod.status?.phase !== 'Failed').toSorted(byCreation);
    const terminating = (byNode.get(nameOf(node)) ?? []).length > own.length;
    if (!shouldContinue) append(plan.remove, own);
    else {
      append(plan.failed, failed);
      const kept = surging ? oneOfEach(alive, hash) : alive.slice(0, 1);
      append(plan.remove, [...failed, ...alive.filter((pod) => !kept.includes(pod))]);
      if (shouldRun && own.length === 0 && !terminating) plan.create.push(nameOf(node));
    }
  }
  // Daemons of nodes that are gone are the pod garbage collector's.
  return plan;
}

function oneOfEach(pods: readonly Pod[], hash: string): Pod[] {
  const isNew = (pod: Pod): boolean => pod.metadata?.labels?.[hashLabel] === hash;
  return [pods.find((pod) => !isNew(pod)), pods.find(isNew)].filter((pod) => pod !== undefined);
}

function rolling(set: DaemonSet): NonNullable<NonNullable<NonNullable<DaemonSet['spec']>['updateStrategy']>['rollingUpdate']> | undefined {
  const strategy = set.spec?.updateStrategy;
  return (strategy?.type ?? 'RollingUpdate') === 'RollingUpdate' ? strategy?.rollingUpdate ?? {} : undefined;
}

export function maxSurge(set: DaemonSet, desired: number): number {
  return resolveIntOrPercent(rolling(set)?.maxSurge, desired, 'up');
}

function maxUnavailable(set: DaemonSet, desired: number): number {
  const resolved = resolveIntOrPercent(rolling(set)?.maxUnavailable ?? 1, desired, 'up');
  return resolved === 0 && maxSurge(set, desired) === 0 ? 1 : resolved;
}

/** The next step of a rolling update: pods of old revisions that may go now, and nodes that get a second pod first. */
export function planUpdate(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[], hash: string, nowMs: number): DaemonPlan {
  const none: DaemonPlan = { create: [], remove: [], failed: [] };
  if (rolling(set) === undefined) return none;
  const template = set.spec?.template ?? {};
  const wanted = nodes.filter((node) => placementOn(template, node).shouldRun);
  const byNode = podsByNode(pods.filter((pod) => !isDeleting(pod)));
  const available = (pod: Pod): boolean => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);
  const isNew = (pod: Pod): boolean => pod.metadata?.labels?.[hashLabel] === hash;
  const surge = maxSurge(set, wanted.length);
  let surgeLeft = surge;
  let unavailableLeft = maxUnavailable(set, wanted.length);
  const free: Pod[] = [];
  const careful: Pod[] = [];
  const create: string[] = [];
  for (const node of wanted) {
    const own = byNode.get(nameOf(node)) ?? [];
    const [old, fresh] = [own.find((pod) => !isNew(pod)), own.find(isNew)];
    if (surge > 0) {
      if (old === undefined) continue;
      if (fresh === undefined) {
        if (available(old)) create.push(nameOf(node));
        else free.push(old);
      } else if (available(fresh)) free.push(old);
      else surgeLeft -= 1;
      continue;
    }
    if (own.length === 0 || !own.some(available)) unavailableLeft -= 1;
    // One that does not work cannot get worse.
    if (old !== undefined) (available(old) ? careful : free).push(old);
  }
  return { create: create.slice(0, Math.max(0, surgeLeft)), remove: [...free, ...(surge > 0 ? [] : careful.slice(0, Math.max(0, unavailableLeft)))], failed: [] };
}

export function daemonStatus(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[], hash: string, nowMs: number): DaemonSetStatus {
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  const byNode = podsByNode(pods);
  for (const node of nodes) {
    const own = (byNode.get(nameOf(node)) ?? []).toSorted(byCreation);
    if (!placementOn(set.spec?.template ?? {}, node).shouldRun) {
      if (own.length > 0) counts.misscheduled += 1;
      continue;
    }
    counts.desired += 1;
    const [first] = own;
    if (first === undefined) continue;
    counts.current += 1;
    const ready = own.find(isPodReady);
    if (ready !== undefined) counts.ready += 1;
    if (ready !== undefined && isPodAvailable(ready, set.spec?.minReadySeconds ?? 0, nowMs)) counts.available += 1;
    if (own.some((pod) => pod.metadata?.labels?.[hashLabel] === hash)) counts.updated += 1;
  }
  const { collisionCount, conditions } = set.status ?? {};
  return {
    desiredNumberScheduled: counts.desired, currentNumberScheduled: counts.current, numberMisscheduled: counts.misscheduled, numberReady: counts.ready,
    updatedNumberScheduled: counts.updated, numberAvailable: counts.available, numberUnavailable: counts.desired - counts.available, observedGeneration: generationOf(set),
    ...(collisionCount === undefined ? {} : { collisionCount }), ...(conditions === undefined ? {} : { conditions }),
  };
}
