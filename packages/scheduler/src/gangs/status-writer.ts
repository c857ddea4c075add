import { isConflict, isNotFound, type Client } from '@coxswain/client';
import { rfc3339Seconds, type Host } from '@coxswain/host';
import type { Gang, Gangs } from './gangs.ts';
import { minMemberOf } from './gangs.ts';
import { podGroups, type PodGroupPhase, type PodGroupStatus } from './pod-group.ts';

/** Changes of so long are written together. */
const delayMs = 1000;

function phaseOf(gang: Gang, counts: { readonly running: number; readonly succeeded: number; readonly failed: number }): PodGroupPhase {
  const { running, succeeded, failed } = counts;
  const min = minMemberOf(gang);
  if (gang.pods.size < min) return 'Pending';
  if (succeeded >= min) return 'Finished';
  if (failed > 0 && failed + running + succeeded >= min) return 'Failed';
  return running + succeeded >= min ? 'Running' : 'Scheduling';
}

/** What the group's status should say; the time at which its scheduling began stays once it is there. */
export function statusOf(gang: Gang, nowMs: number): PodGroupStatus {
  const count = (phase: string): number => gang.pods.values().reduce((sum, pod) => sum + Number(pod.status?.phase === phase), 0);
  const counts = { running: count('Running'), succeeded: count('Succeeded'), failed: count('Failed') };
  const phase = phaseOf(gang, counts);
  const before = gang.group?.status;
  // Who is done stays so when his pods are cleared away.
  if (before?.phase === 'Finished' || (before?.phase === 'Failed' && gang.pods.size === 0)) return before;
  const scheduleStartTime = before?.scheduleStartTime ?? (phase === 'Pending' ? undefined : rfc3339Seconds(nowMs));
  return { ...counts, phase, ...(scheduleStartTime === undefined ? {} : { scheduleStartTime }) };
}

function differs(before: PodGroupStatus | undefined, after: PodGroupStatus): boolean {
  return (['phase', 'running', 'succeeded', 'failed', 'scheduleStartTime'] as const).some((name) => (before?.[name] ?? 0) !== (after[name] ?? 0));
}

/** Keeps the status of PodGroups, while this process leads. */
export async function writeGroupStatus(gangs: Gangs, host: Host, client: Client, signal: AbortSignal): Promise<void> {
  const dirty = new Set<Gang>(gangs.all());
  let wake: () => void = () => undefined;
  gangs.changed = (gang) => { dirty.add(gang); wake(); };
  signal.addEventListener('abort', () => wake(), { once: true });
  while (!signal.aborted) {
    if (dirty.size === 0) await new Promise<void>((resolve) => { wake = resolve; });
    await host.timers.sleep(delayMs, signal);
    const turn = [...dirty];
    dirty.clear();
    for (const gang of turn) if (!signal.aborted) await writeOne(gang, host, client, () => dirty.add(gang));
  }
  gangs.changed = () => undefined;
}

async function writeOne(gang: Gang, host: Host, client: Client, again: () => void): Promise<void> {
  const { group } = gang;
  if (group === undefined) return;
  const status = statusOf(gang, host.clock.nowMs());
  if (!differs(group.status, status)) return;
  const { namespace, name = '', resourceVersion } = group.metadata ?? {};
  try {
    await client.patch(podGroups, { namespace, name }, 'merge', { metadata: { resourceVersion }, status }, { subresource: 'status' });
  } catch (error) {
    // Of a newer group the watch will tell.
    if (isNotFound(error) || isConflict(error)) return;
    host.log.warn('status of a pod group was not written', { group: gang.key, error: String(error) });
    again();
  }
}
