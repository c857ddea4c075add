import type { Pod } from 'kubernetes-types/core/v1';
import { goDuration, type BackOff } from './backoff.ts';
import { uidOf } from './pod-facts.ts';
import type { ContainerRecord } from './runtime-state.ts';
import type { WaitingReason } from './status.ts';

export const crashBackOffInitialMs = 10_000;

export interface CrashWait {
  readonly waiting: WaitingReason;
  readonly leftMs: number;
  readonly event: string;
}

function podText(pod: Pod): string {
  return `${pod.metadata?.name ?? ''}_${pod.metadata?.namespace ?? ''}(${uidOf(pod)})`;
}

/** What is left of the back-off after the last end of this container; undefined, and the restart is counted, if there is none. */
export function crashBackOff(backOff: BackOff, pod: Pod, name: string, hash: string, last: ContainerRecord | undefined): CrashWait | undefined {
  if (last?.status.state !== 'CONTAINER_EXITED') return undefined;
  const key = `${uidOf(pod)}/${name}/${hash}`;
  const leftMs = backOff.remainingMs(key, last.status.finishedAt / 1e6);
  if (leftMs === 0) {
    backOff.next(key);
    return undefined;
  }
  const message = `back-off ${goDuration(backOff.delayMs(key))} restarting failed container=${name} pod=${podText(pod)}`;
  return { leftMs, waiting: { reason: 'CrashLoopBackOff', message }, event: `Back-off restarting failed container ${name} in pod ${podText(pod)}` };
}
