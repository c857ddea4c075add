import { parseRfc3339 } from '@coxswain/host';
import { parseGoDuration } from '@coxswain/service';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { QueueSortPlugin } from '../../framework/interface.ts';

/** When the pod's work must be done: a time (RFC 3339), or a duration after the pod's creation such as 30m. */
export const deadlineAnnotation = 'scheduling.coxswain.dev/deadline';
/** How long its work takes, such as 10m. Absent: no time at all. */
export const runtimeAnnotation = 'scheduling.coxswain.dev/expected-runtime';

export interface DeadlineArgs {
  /** A pod without a deadline counts as if it had to begin so long after its creation, so that it cannot be passed by for ever. */
  readonly defaultLaxityMs: number;
}

function createdMs({ metadata }: Pod): number {
  const text = metadata?.creationTimestamp;
  return text === undefined ? 0 : parseRfc3339(String(text));
}

function deadlineMs(pod: Pod): number | undefined {
  const text = pod.metadata?.annotations?.[deadlineAnnotation];
  if (text === undefined) return undefined;
  const after = parseGoDuration(text);
  const atMs = after === undefined ? parseRfc3339(text) : createdMs(pod) + after;
  // What cannot be read is no deadline.
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** The last moment at which the pod may begin: its laxity is what is left until then. */
export function latestStartMs(pod: Pod, { defaultLaxityMs }: DeadlineArgs): number {
  const end = deadlineMs(pod);
  if (end === undefined) return createdMs(pod) + defaultLaxityMs;
  return end - (parseGoDuration(pod.metadata?.annotations?.[runtimeAnnotation] ?? '0s') ?? 0);
}

/**
 * Higher priority first; within a priority the pod with the least laxity, which is the one that must begin first, whatever the time is now;
 * then who waits longer. A pod that is late already goes before those that are not.
 */
export function deadline(args: DeadlineArgs): QueueSortPlugin {
  const known = new WeakMap<PodInfo, number>();
  const startOf = (info: PodInfo): number => {
    let ms = known.get(info);
    if (ms === undefined) {
      ms = latestStartMs(info.pod, args);
      known.set(info, ms);
    }
    return ms;
  };
  return {
    name: 'Deadline',
    less(a, b) {
      if (a.podInfo.priority !== b.podInfo.priority) return a.podInfo.priority > b.podInfo.priority;
      const difference = startOf(a.podInfo) - startOf(b.podInfo);
      return difference === 0 ? a.timestampMs < b.timestampMs : difference < 0;
    },
  };
}
