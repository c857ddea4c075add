import type { Pod } from 'kubernetes-types/core/v1';
import { gangKeyOf, isComplete, minMemberOf, type Gangs } from '../../gangs/gangs.ts';
import type { EnqueueExtensions, PreEnqueuePlugin, QueuedPod, QueueSortPlugin } from '../../framework/interface.ts';
import { success, unresolvable } from '../../framework/status.ts';

export const coschedulingName = 'Coscheduling';

export interface CoschedulingArgs {
  /** How long a gang may take from its decision to its binding, unless its PodGroup says otherwise. */
  readonly permitWaitingTimeMs: number;
}

/**
 * Gangs. The plugin keeps pods out of the queue until their group is complete, and orders the queue by group; the scheduler, seeing
 * one member, decides all (gang-cycle.ts). Nobody waits at Permit with room in hand, so two gangs cannot starve each other half-placed.
 */
export function coscheduling(gangs: Gangs): PreEnqueuePlugin & QueueSortPlugin & EnqueueExtensions {
  const sinceMs = ({ podInfo, timestampMs }: QueuedPod): number => gangs.of(podInfo.pod)?.sinceMs ?? timestampMs;
  const nameOf = ({ podInfo }: QueuedPod): string => gangs.of(podInfo.pod)?.key ?? podInfo.key;
  return {
    name: coschedulingName,
    preEnqueue(pod: Pod) {
      const key = gangKeyOf(pod);
      if (key === undefined) return success;
      const gang = gangs.of(pod);
      if (gang?.group === undefined) return unresolvable(`waiting for PodGroup ${key}${gangs.isKindAbsent() ? ': the cluster has no kind PodGroup (scheduling.x-k8s.io/v1alpha1)' : ''}`);
      return isComplete(gang) ? success : unresolvable(`cannot find enough sibling pods, current pods number: ${gang.waiting.size + gang.placed.size}, minMember of group: ${minMemberOf(gang)}`);
    },
    less(a, b) {
      if (a.podInfo.priority !== b.podInfo.priority) return a.podInfo.priority > b.podInfo.priority;
      const difference = sinceMs(a) - sinceMs(b);
      return difference === 0 ? nameOf(a) < nameOf(b) : difference < 0;
    },
    // Groups that become complete, or change, are put into the queue by name; for the rest the pods that fail speak.
    eventsToRegister: () => [],
  };
}
