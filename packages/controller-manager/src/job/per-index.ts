import { parseRfc3339 } from '@coxswain/host';
import type { Job } from 'kubernetes-types/batch/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { uidOf } from '../common/object.ts';
import { indexOf, parseIndexes } from './indexes.ts';
import { backoffMs, podFailed, type Verdict } from './judge.ts';
import { failureMatch } from './policy.ts';

/** Failures of an index are counted on its pods, each having taken over its predecessor's. */
const failuresAnnotation = 'batch.kubernetes.io/job-index-failure-count';
const ignoredAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';

function counted(pod: Pod, annotation: string): number {
  const text = pod.metadata?.annotations?.[annotation] ?? '';
  return /^\d+$/.test(text) ? Number(text) : 0;
}

function allFailures(pod: Pod): number {
  return counted(pod, failuresAnnotation) + counted(pod, ignoredAnnotation);
}

/** Whether each index has retries of its own. */
export function hasLimitPerIndex(job: Job): boolean {
  return job.spec?.completionMode === 'Indexed' && job.spec.backoffLimitPerIndex !== undefined;
}

function failsIndex(job: Job, pod: Pod): boolean {
  if (!podFailed(job, pod)) return false;
  const action = failureMatch(job, pod)?.action;
  if (action === 'FailIndex') return true;
  return action !== 'Ignore' && counted(pod, failuresAnnotation) >= (job.spec?.backoffLimitPerIndex ?? Infinity);
}

/** Those that failed for good: written down before, and by pods that are not counted yet. */
export function failedIndexes(job: Job, held: readonly Pod[]): Set<number> {
  const completions = job.spec?.completions ?? 0;
  const failed = parseIndexes(job.status?.failedIndexes, completions);
  for (const pod of held) {
    const index = indexOf(pod);
    if (index !== undefined && index < completions && failsIndex(job, pod)) failed.add(index);
  }
  return failed;
}

/** When it ended: its containers, else when it was no longer ready, else when it was to be gone. */
function endedMs(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map((status) => status.state?.terminated?.finishedAt);
  if (ends.length > 0 && ends.every((end) => end !== undefined)) return Math.max(...ends.map((end) => parseRfc3339(end)));
  const unready = pod.status?.conditions?.find(({ type, status }) => type === 'Ready' && status === 'False')?.lastTransitionTime;
  if (unready !== undefined) return parseRfc3339(unready);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp } = pod.metadata ?? {};
  if (deletionTimestamp !== undefined) return parseRfc3339(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return creationTimestamp === undefined ? 0 : parseRfc3339(creationTimestamp);
}

/** By index the pod that failed last, where none has taken its place yet: it is kept until one has, for what it knows of failures. */
export function lastFailed(job: Job, held: readonly Pod[], settled: ReadonlySet<number>, active: ReadonlySet<number>): ReadonlyMap<number, Pod> {
  const last = new Map<number, Pod>();
  for (const pod of held) {
    const index = indexOf(pod);
    if (index === undefined || index >= (job.spec?.completions ?? 0) || settled.has(index) || active.has(index) || !podFailed(job, pod)) continue;
    const before = last.get(index);
    if (before === undefined || (allFailures(before) <= allFailures(pod) && endedMs(pod) >= endedMs(before))) last.set(index, pod);
  }
  return last;
}

export function isKept(kept: ReadonlyMap<number, Pod>, pod: Pod): boolean {
  const index = indexOf(pod);
  const last = index === undefined ? undefined : kept.get(index);
  return last !== undefined && uidOf(last) === uidOf(pod);
}

/** What a pod of an index says of those before it. */
export function failureAnnotations(job: Job, before: Pod | undefined): Record<string, string> {
  const ignored = before !== undefined && failureMatch(job, before)?.action === 'Ignore';
  const failures = before === undefined ? 0 : counted(before, failuresAnnotation) + (ignored ? 0 : 1);
  const passed = before === undefined ? 0 : counted(before, ignoredAnnotation) + (ignored ? 1 : 0);
  return { [failuresAnnotation]: String(failures), ...(passed > 0 ? { [ignoredAnnotation]: String(passed) } : {}) };
}

/** How long an index waits after its last pod. */
export function indexWaitMs(before: Pod | undefined, nowMs: number): number {
  return before === undefined ? 0 : Math.max(0, endedMs(before) + backoffMs(allFailures(before) + 1) - nowMs);
}

/** The end that failed indexes bring. */
export function judgeIndexes(job: Job, completed: ReadonlySet<number>, failed: ReadonlySet<number>): Exclude<Verdict, { kind: 'goes-on' }> | undefined {
  const { maxFailedIndexes, completions = 0 } = job.spec ?? {};
  if (maxFailedIndexes !== undefined && failed.size > maxFailedIndexes) return { kind: 'failed', reason: 'MaxFailedIndexesExceeded', message: 'Job has exceeded the specified maximal number of failed indexes' };
  return failed.size > 0 && failed.size + completed.size >= completions ? { kind: 'failed', reason: 'FailedIndexes', message: 'Job has failed indexes' } : undefined;
}
