import { parseRfc3339, rfc3339Seconds } from '@coxswain/host';
import type { CronJob, CronJobStatus, Job } from 'kubernetes-types/batch/v1';
import type { ObjectReference } from 'kubernetes-types/core/v1';
import { conditionOf } from '../common/conditions.ts';
import { createdMs, isDeleting, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { dueSince, manyMissed, type Schedule } from './schedule.ts';

export interface Told {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Uid of the job that it is about, where that matters. */
  readonly job?: string;
}

export type Ending = 'Complete' | 'Failed';

export function endingOf(job: Job): Ending | undefined {
  if (conditionOf(job.status?.conditions, 'Complete')?.status === 'True') return 'Complete';
  return conditionOf(job.status?.conditions, 'Failed')?.status === 'True' ? 'Failed' : undefined;
}

export function referenceTo(job: Job): ObjectReference {
  return { apiVersion: 'batch/v1', kind: 'Job', name: nameOf(job), namespace: namespaceOf(job), uid: uidOf(job), ...(job.metadata?.resourceVersion === undefined ? {} : { resourceVersion: job.metadata.resourceVersion }) };
}

/**
 * The status as the jobs say it. `exists` asks about an active job that is not among them (the cache may just not have it yet).
 */
export function observed(cronJob: CronJob, jobs: readonly Job[], exists: (reference: ObjectReference) => boolean): { readonly status: CronJobStatus; readonly told: readonly Told[] } {
  const told: Told[] = [];
  const byUid = new Map(jobs.map((job) => [uidOf(job), job]));
  let lastSuccessfulTime = cronJob.status?.lastSuccessfulTime;
  const active = (cronJob.status?.active ?? []).filter((reference) => {
    const job = byUid.get(reference.uid ?? '');
    if (job === undefined) {
      if (exists(reference)) return true;
      told.push({ type: 'Normal', reason: 'MissingJob', message: `Active job went missing: ${reference.name ?? ''}` });
      return false;
    }
    const ending = endingOf(job);
    if (ending === undefined) return true;
    told.push({ type: 'Normal', reason: 'SawCompletedJob', message: `Saw completed job: ${nameOf(job)}, condition: ${ending}` });
    return false;
  });
  const known = new Set(active.map(({ uid }) => uid));
  for (const job of jobs) {
    if (endingOf(job) === undefined && !known.has(uidOf(job))) told.push({ type: 'Warning', reason: 'UnexpectedJob', message: `Saw a job that the controller did not create or forgot: ${nameOf(job)}`, job: uidOf(job) });
    const completed = endingOf(job) === 'Complete' ? job.status?.completionTime : undefined;
    if (completed !== undefined && (lastSuccessfulTime === undefined || parseRfc3339(completed) > parseRfc3339(lastSuccessfulTime))) lastSuccessfulTime = completed;
  }
  const { active: _active, ...rest } = cronJob.status ?? {};
  return { told, status: { ...rest, ...(active.length === 0 ? {} : { active }), ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }) } };
}

/** Ended jobs beyond the limits, the oldest first. */
export function beyondHistory(cronJob: CronJob, jobs: readonly Job[]): Job[] {
  const startedMs = (job: Job): number => (job.status?.startTime === undefined ? createdMs(job) : parseRfc3339(job.status.startTime));
  const excess = (ending: Ending, limit: number): Job[] => {
    const ended = jobs.filter((job) => endingOf(job) === ending).toSorted((a, b) => startedMs(a) - startedMs(b) || (nameOf(a) < nameOf(b) ? -1 : 1));
    return ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [...excess('Complete', cronJob.spec?.successfulJobsHistoryLimit ?? 3), ...excess('Failed', cronJob.spec?.failedJobsHistoryLimit ?? 1)].filter((job) => !isDeleting(job));
}

export type Decision =
  | { readonly kind: 'wait'; readonly told?: Told }
  | { readonly kind: 'start'; readonly atMs: number; readonly replace: boolean; readonly told?: Told };

/** Is a job to be started now? `startedMs`: the last time for which one was. */
export function decide(cronJob: CronJob, schedule: Schedule, active: number, startedMs: number | undefined, nowMs: number): Decision {
  const { startingDeadlineSeconds, concurrencyPolicy } = cronJob.spec ?? {};
  const sinceMs = startedMs ?? createdMs(cronJob);
  const deadlineMs = startingDeadlineSeconds === undefined ? undefined : startingDeadlineSeconds * 1000;
  // What was due before the deadline's reach is missed for good.
  const { atMs, missed } = dueSince(schedule, deadlineMs === undefined ? sinceMs : Math.max(sinceMs, nowMs - deadlineMs), nowMs);
  if (atMs === undefined) {
    const late = deadlineMs === undefined ? undefined : dueSince(schedule, sinceMs, nowMs).atMs;
    if (late === undefined) return { kind: 'wait' };
    return { kind: 'wait', told: { type: 'Warning', reason: 'MissSchedule', message: `Missed scheduled time to start a job: ${rfc3339Seconds(late)}` } };
  }
  if (concurrencyPolicy === 'Forbid' && active > 0) {
    return { kind: 'wait', told: { type: 'Normal', reason: 'JobAlreadyActive', message: 'Not starting job because prior execution is running and concurrency policy is Forbid' } };
  }
  const tooMany: Told = { type: 'Warning', reason: 'TooManyMissedTimes', message: 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew' };
  return { kind: 'start', atMs, replace: concurrencyPolicy === 'Replace', ...(missed > manyMissed ? { told: tooMany } : {}) };
}
