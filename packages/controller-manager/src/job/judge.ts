import { parseRfc3339 } from '@coxswain/host';
import type { Job, JobStatus } from 'kubernetes-types/batch/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { isDeleting, sum } from '../common/object.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';

export function isFinished(job: Job): boolean {
  return job.status?.conditions?.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True') === true;
}

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === 'Indexed';
}

export function podSucceeded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded';
}

/** A pod that is being deleted has failed, unless only ended ones are to be replaced. */
export function podFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return isDeleting(pod) && !podSucceeded(pod) && job.spec?.podReplacementPolicy !== 'Failed';
}

export type Verdict =
  | { readonly kind: 'goes-on' }
  | { readonly kind: 'complete'; readonly reason: string; readonly message: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string };

/** What was decided before and is only to be carried out. */
export function decided(conditions: JobStatus['conditions']): Exclude<Verdict, { kind: 'goes-on' }> | undefined {
  const found = conditions?.find(({ type, status }) => (type === 'SuccessCriteriaMet' || type === 'FailureTarget') && status === 'True');
  return found === undefined ? undefined : { kind: found.type === 'FailureTarget' ? 'failed' : 'complete', reason: found.reason ?? '', message: found.message ?? '' };
}

export interface Counts { readonly active: number; readonly succeeded: number; readonly failed: number }

function pastLimitByRestarts(job: Job, pods: readonly Pod[]): boolean {
  if (job.spec?.template?.spec?.restartPolicy !== 'OnFailure') return false;
  const limit = job.spec.backoffLimit ?? 6;
  const restarts = sum(pods.filter((pod) => pod.status?.phase === 'Running' || pod.status?.phase === 'Pending'),
    (pod) => sum([...pod.status?.initContainerStatuses ?? [], ...pod.status?.containerStatuses ?? []], (status) => status.restartCount));
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** When the deadline passes; undefined if none runs. */
export function deadlineMs(job: Job): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  const start = job.status?.startTime;
  return seconds === undefined || start === undefined || job.spec?.suspend === true ? undefined : parseRfc3339(start) + seconds * 1000;
}

export function judge(job: Job, counts: Counts, pods: readonly Pod[], nowMs: number): Verdict {
  if (counts.failed > (job.spec?.backoffLimit ?? 6) || pastLimitByRestarts(job, pods)) {
    return { kind: 'failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  }
  const deadline = deadlineMs(job);
  if (deadline !== undefined && nowMs >= deadline) return { kind: 'failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  const { completions } = job.spec ?? {};
  const complete = completions === undefined ? counts.succeeded > 0 && counts.active === 0 : counts.succeeded >= completions;
  return complete ? { kind: 'complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : { kind: 'goes-on' };
}

/** How many pods should run now. */
export function wantedActive(job: Job, counts: Counts): number {
  const { completions, parallelism = 1, suspend } = job.spec ?? {};
  if (suspend === true) return 0;
  if (completions === undefined) return counts.succeeded > 0 ? Math.min(counts.active, parallelism) : parallelism;
  return Math.min(parallelism, Math.max(0, completions - counts.succeeded));
}

const baseBackoffMs = 10_000;
const maxBackoffMs = 360_000;

/** Wait before a new pod, by failures in a row. */
export function backoffMs(failuresInRow: number): number {
  return failuresInRow === 0 ? 0 : Math.min(baseBackoffMs * 2 ** (failuresInRow - 1), maxBackoffMs);
}

/** Uids that were noted and whose pods are free of the finalizer by now count; the rest is still to be freed. */
export function countSettled(status: JobStatus, stillHeld: ReadonlySet<string>): { readonly succeeded: number; readonly failed: number; readonly uncounted: { succeeded: string[]; failed: string[] } } {
  const noted = status.uncountedTerminatedPods ?? {};
  const held = (uids: readonly string[] | undefined): string[] => (uids ?? []).filter((uid) => stillHeld.has(uid));
  const uncounted = { succeeded: held(noted.succeeded), failed: held(noted.failed) };
  return {
    uncounted, succeeded: (status.succeeded ?? 0) + (noted.succeeded ?? []).length - uncounted.succeeded.length,
    failed: (status.failed ?? 0) + (noted.failed ?? []).length - uncounted.failed.length,
  };
}
