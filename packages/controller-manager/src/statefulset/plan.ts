import { append } from '@coxswain/host';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { isDeleting } from '../common/object.ts';
import { isPodAvailable, isPodReady, isPodTerminal } from '../common/pods.ts';
import { ordinalOf, revisionLabel, startOrdinal } from './identity.ts';

export type Step =
  | { readonly kind: 'create'; readonly ordinal: number; readonly revision: string }
  /** `ended`: it will be made again; `condemned`: nobody wants it any more; `update`: to come back in the new revision. */
  | { readonly kind: 'delete'; readonly pod: Pod; readonly why: 'ended' | 'condemned' | 'update' };

export interface Revisioned { readonly current: string; readonly update: string }

export function revisionOf(pod: Pod): string | undefined {
  return pod.metadata?.labels?.[revisionLabel];
}

export function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isPodReady(pod);
}

export interface Places {
  /** By place, from the start ordinal on; undefined where no pod is. */
  readonly wanted: readonly (Pod | undefined)[];
  /** Of ordinals that the set does not reach (any more), the highest first. */
  readonly condemned: readonly Pod[];
}

export function placesOf(set: StatefulSet, pods: readonly Pod[]): Places {
  const start = startOrdinal(set);
  const wanted: (Pod | undefined)[] = Array.from({ length: set.spec?.replicas ?? 1 }, () => undefined);
  const condemned: { readonly pod: Pod; readonly ordinal: number }[] = [];
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal === undefined) continue;
    if (ordinal >= start && ordinal < start + wanted.length) wanted[ordinal - start] = pod;
    else condemned.push({ pod, ordinal });
  }
  return { wanted, condemned: condemned.toSorted((a, b) => b.ordinal - a.ordinal).map(({ pod }) => pod) };
}

/** The revision in which a missing pod is made. Below the partition it stays the current one; OnDelete means the next pod is of the new. */
function revisionFor(set: StatefulSet, ordinal: number, revisions: Revisioned): string {
  const strategy = set.spec?.updateStrategy;
  if (strategy?.type === 'OnDelete') return revisions.update;
  const start = startOrdinal(set);
  const keeps = strategy?.rollingUpdate === undefined ? start + (set.status?.currentReplicas ?? 0) : start + (strategy.rollingUpdate.partition ?? 0);
  return ordinal < keeps ? revisions.current : revisions.update;
}

/**
 * What may be done now. OrderedReady: one thing at a time, each pod only when all before it are available, and the highest goes
 * first. Parallel: all that is missing and all that is too much at once. An update is one pod at a time, from the highest
 * down to the partition, under either policy.
 */
export function planSteps(set: StatefulSet, pods: readonly Pod[], revisions: Revisioned, nowMs: number): Step[] {
  const ordered = set.spec?.podManagementPolicy !== 'Parallel';
  const available = (pod: Pod): boolean => !isDeleting(pod) && isRunningAndReady(pod) && isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);
  const places = placesOf(set, pods);
  const steps: Step[] = [];
  for (const [place, pod] of places.wanted.entries()) {
    const ordinal = startOrdinal(set) + place;
    if (pod === undefined) steps.push({ kind: 'create', ordinal, revision: revisionFor(set, ordinal, revisions) });
    else if (isPodTerminal(pod) && !isDeleting(pod)) steps.push({ kind: 'delete', pod, why: 'ended' });
    else if (!ordered || available(pod)) continue;
    if (ordered) return steps;
  }
  const going = condemnedNow(places, ordered, available);
  if (going === 'wait') return steps;
  append(steps, going.map((pod): Step => ({ kind: 'delete', pod, why: 'condemned' })));
  if (ordered && going.length > 0) return steps;
  // What goes or comes already makes the set less available: an update waits for it.
  const updated = steps.length > 0 ? undefined : nextToUpdate(set, places.wanted, revisions, available);
  if (updated !== undefined) steps.push({ kind: 'delete', pod: updated, why: 'update' });
  return steps;
}

function condemnedNow({ condemned }: Places, ordered: boolean, available: (pod: Pod) => boolean): Pod[] | 'wait' {
  const alive = condemned.filter((pod) => !isDeleting(pod));
  if (!ordered) return alive;
  if (alive.length < condemned.length) return 'wait';
  const [highest] = alive;
  if (highest === undefined) return [];
  // Scaling down halts at what does not work, unless that is the only one that does not.
  const firstUnhealthy = alive.findLast((pod) => !available(pod));
  return available(highest) || highest === firstUnhealthy ? [highest] : 'wait';
}

function nextToUpdate(set: StatefulSet, wanted: readonly (Pod | undefined)[], revisions: Revisioned, available: (pod: Pod) => boolean): Pod | undefined {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return undefined;
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let place = wanted.length - 1; place >= partition; place -= 1) {
    const pod = wanted[place];
    if (pod === undefined || isDeleting(pod)) return undefined;
    if (revisionOf(pod) !== revisions.update) return pod;
    if (!available(pod)) return undefined;
  }
  return undefined;
}
