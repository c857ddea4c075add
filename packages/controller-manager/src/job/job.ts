import { done, isInvalid, isNamespaceTerminating, isNotFound, keyOfObject, objectKey, resources, selectorMatches, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { Job, JobCondition, JobStatus } from 'kubernetes-types/batch/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { claim } from '../common/claim.ts';
import { conditionOf, withCondition } from '../common/conditions.ts';
import { Expectations } from '../common/expectations.ts';
import { deepEqual, isDeleting, messageOf, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { controllerOf, newControllerRef } from '../common/owner.ts';
import { podIndex, podsForSelector, watchPods } from '../common/pod-handlers.ts';
import { isPodActive, isPodReady, podFromTemplate } from '../common/pods.ts';
import { newLoop, runLoop, type Loop } from '../common/run.ts';
import { slowStart } from '../common/slow-start.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { freeIndexes, indexAnnotation, indexesText, indexOf, parseIndexes } from './indexes.ts';
import { backoffMs, countSettled, deadlineMs, decided, isFinished, isIndexed, judge, podFailed, podSucceeded, trackingFinalizer, wantedActive, type Counts, type Verdict } from './judge.ts';
import { failedIndexes, failureAnnotations, hasLimitPerIndex, indexWaitMs, isKept, judgeIndexes, lastFailed } from './per-index.ts';
import { failureMatch, successMatch } from './policy.ts';

const name = 'job-controller';
const burst = 500;
/** Marks keys of pods among those of jobs: no namespace begins so. */
const orphanPrefix = 'pod:';

export const jobController: Controller = { name, account: name, start: (context) => new JobController(context).run };

/** Counted so far, and pods that have ended but still hold the finalizer. */
interface Tally { readonly status: JobStatus; readonly ended: readonly Pod[]; readonly counts: Counts; readonly completed: Set<number>; readonly indexes: Indexes }

/** Of a job whose indexes have retries of their own; else empty. */
interface Indexes { readonly failed: ReadonlySet<number>; readonly kept: ReadonlyMap<number, Pod> }

const noIndexes: Indexes = { failed: new Set(), kept: new Map() };

class JobController {
  readonly #context: ControllerContext;
  readonly #jobs: Informer<Job>;
  readonly #pods: Informer<Pod>;
  readonly #expectations: Expectations;
  readonly #loop: Loop;
  /** Uids whose finalizer we took, until the cache shows it: they must not be counted again. */
  readonly #released = new Set<string>();
  readonly #failures = new Map<string, { inRow: number; lastMs: number }>();
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#jobs = context.informers.informer(resources.jobs);
    this.#pods = context.informers.informer(resources.pods);
    this.#expectations = new Expectations(context.host.clock);
    this.#loop = newLoop(context, name);
    this.#watch();
    this.run = runLoop(context, name, this.#loop, (key) => this.#sync(key));
  }

  #watch(): void {
    this.#jobs.addHandler({
      added: (job) => this.#loop.enqueue(job), updated: (_before, job) => this.#loop.enqueue(job),
      deleted: (job) => {
        this.#loop.enqueue(job);
        for (const pod of this.#pods.lister.list({ namespace: namespaceOf(job) })) if (controllerOf(pod)?.uid === uidOf(job)) this.#letOrphanGo(pod);
      },
    });
    podIndex(this.#pods);
    watchPods(this.#pods, {
      ownerKey: (pod) => this.#ownerKey(pod),
      matching: (pod) => this.#jobs.lister.list({ namespace: namespaceOf(pod) }).filter((job) => selectorMatches(job.spec?.selector, pod.metadata?.labels)).map(keyOfObject),
      created: (key) => this.#expectations.creationObserved(key),
      deleted: (key, pod) => this.#expectations.deletionObserved(key, keyOfObject(pod)),
      enqueue: (key) => this.#loop.queue.add(key),
    });
    const forget = (pod: Pod): void => { this.#released.delete(uidOf(pod)); };
    this.#pods.addHandler({
      added: (pod) => this.#letOrphanGo(pod),
      updated: (_before, pod) => {
        if (holds(pod)) this.#letOrphanGo(pod);
        else forget(pod);
      },
      deleted: forget,
    });
  }

  /** Nobody counts a pod any more whose job is gone. */
  #letOrphanGo(pod: Pod): void {
    if (holds(pod) && controllerOf(pod)?.kind === 'Job' && this.#ownerKey(pod) === undefined) this.#loop.queue.add(`${orphanPrefix}${keyOfObject(pod)}`);
  }

  async #syncOrphan(key: string): Promise<SyncResult> {
    const pod = this.#pods.lister.get(splitKey(key));
    if (pod !== undefined && holds(pod) && controllerOf(pod)?.kind === 'Job' && this.#ownerKey(pod) === undefined) await this.#release(pod);
    return done;
  }

  #ownerKey(pod: Pod): string | undefined {
    const reference = controllerOf(pod);
    if (reference?.kind !== 'Job') return undefined;
    const job = this.#jobs.lister.get({ namespace: namespaceOf(pod), name: reference.name });
    return job !== undefined && uidOf(job) === reference.uid ? keyOfObject(job) : undefined;
  }

  #nowMs(): number { return this.#context.host.clock.nowMs(); }
  #now(): string { return rfc3339Seconds(this.#nowMs()); }

  async #sync(key: string): Promise<SyncResult> {
    if (key.startsWith(orphanPrefix)) return await this.#syncOrphan(key.slice(orphanPrefix.length));
    const job = this.#jobs.lister.get(splitKey(key));
    if (job === undefined) {
      this.#expectations.forget(key);
      this.#failures.delete(key);
      return done;
    }
    const { selector } = job.spec ?? {};
    if (selector === undefined) return { kind: 'terminal', reason: 'no selector' };
    const pods = await claim({ client: this.#context.client, ownerType: resources.jobs, owner: job, selector, childType: resources.pods }, podsForSelector(this.#pods, job));
    if (isFinished(job)) {
      for (const pod of pods) if (this.#holds(pod)) await this.#release(pod);
      return done;
    }
    if (job.status?.startTime === undefined && job.spec?.suspend !== true) return await this.#begin(job);
    const tally = this.#count(key, job, pods);
    if (tally.ended.length > 0) return await this.#freeEnded(job, tally);
    return await this.#settle(key, job, pods, tally);
  }

  async #begin(job: Job): Promise<SyncResult> {
    await this.#context.client.updateStatus(resources.jobs, { ...job, status: { ...job.status, startTime: this.#now() } });
    return done;
  }

  #holds(pod: Pod): boolean {
    return holds(pod) && !this.#released.has(uidOf(pod));
  }

  #count(key: string, job: Job, pods: readonly Pod[]): Tally {
    const held = new Set(pods.filter((pod) => this.#holds(pod)).map(uidOf));
    const { succeeded, failed, uncounted } = countSettled(job.status ?? {}, held);
    const noted = new Set([...uncounted.succeeded, ...uncounted.failed]);
    const completions = job.spec?.completions ?? 0;
    const completed = parseIndexes(job.status?.completedIndexes, completions);
    const indexes = this.#indexes(job, pods, completed);
    const ended: Pod[] = [];
    for (const pod of pods) {
      if (!this.#holds(pod) || (!podSucceeded(pod) && !podFailed(job, pod)) || isKept(indexes.kept, pod)) continue;
      ended.push(pod);
      if (podSucceeded(pod) && isIndexed(job)) {
        const index = indexOf(pod);
        if (index !== undefined && index < completions) completed.add(index);
      }
      if (noted.has(uidOf(pod)) || (!podSucceeded(pod) && failureMatch(job, pod)?.action === 'Ignore')) continue;
      (podSucceeded(pod) ? uncounted.succeeded : uncounted.failed).push(uidOf(pod));
      this.#noteOutcome(key, podSucceeded(pod));
    }
    const active = pods.filter(isPodActive);
    const counted = isIndexed(job) ? completed.size : succeeded + uncounted.succeeded.length;
    const status: JobStatus = {
      ...job.status, succeeded: isIndexed(job) ? completed.size : succeeded, failed, active: active.length, ready: active.filter(isPodReady).length,
      uncountedTerminatedPods: { ...(uncounted.succeeded.length === 0 || isIndexed(job) ? {} : { succeeded: uncounted.succeeded }), ...(uncounted.failed.length === 0 ? {} : { failed: uncounted.failed }) },
      ...(isIndexed(job) ? { completedIndexes: indexesText(completed) } : {}), ...(hasLimitPerIndex(job) ? { failedIndexes: indexesText(indexes.failed) } : {}), ...this.#target(job, pods, completed),
    };
    return { status, ended, completed, indexes, counts: { active: active.length, succeeded: counted, failed: failed + uncounted.failed.length } };
  }

  /** Nothing is kept of a job that ends. */
  #indexes(job: Job, pods: readonly Pod[], completed: ReadonlySet<number>): Indexes {
    if (!hasLimitPerIndex(job)) return noIndexes;
    const held = pods.filter((pod) => this.#holds(pod));
    const failed = failedIndexes(job, held);
    const done = new Set([...completed, ...held.filter(podSucceeded).map(indexOf).filter((index) => index !== undefined)]);
    const ends = isDeleting(job) || this.#target(job, pods, done).conditions !== undefined || decided(job.status?.conditions) !== undefined || judgeIndexes(job, done, failed) !== undefined;
    const active = new Set(pods.filter(isPodActive).map(indexOf).filter((index) => index !== undefined));
    return { failed, kept: ends ? noIndexes.kept : lastFailed(job, held, new Set([...done, ...failed]), active) };
  }

  /** The end that a policy decides on is written down before the pods that led to it are let go. */
  #target(job: Job, pods: readonly Pod[], completed: ReadonlySet<number>): Pick<JobStatus, 'conditions'> {
    const before = job.status?.conditions;
    if (decided(before) !== undefined) return {};
    const failure = pods.filter((pod) => this.#holds(pod) && podFailed(job, pod)).map((pod) => failureMatch(job, pod)).find((matched) => matched?.action === 'FailJob');
    if (failure !== undefined) return { conditions: withCondition(before, this.#condition('FailureTarget', 'PodFailurePolicy', failure.message)) };
    const success = successMatch(job, completed);
    return success === undefined ? {} : { conditions: withCondition(before, this.#condition('SuccessCriteriaMet', 'SuccessPolicy', success)) };
  }

  #noteOutcome(key: string, succeeded: boolean): void {
    const before = this.#failures.get(key)?.inRow ?? 0;
    this.#failures.set(key, { inRow: succeeded ? 0 : before + 1, lastMs: this.#context.host.clock.monotonicMs() });
  }

  /** Ended pods are written down first, then let go: whenever we stop in between, each is counted once. */
  async #freeEnded(job: Job, tally: Tally): Promise<SyncResult> {
    if (!deepEqual(withZeros(job.status), withZeros(tally.status))) await this.#context.client.updateStatus(resources.jobs, { ...job, status: tally.status });
    for (const pod of tally.ended.slice(0, burst)) await this.#release(pod);
    this.#loop.enqueue(job);
    return done;
  }

  async #release(pod: Pod): Promise<void> {
    const finalizers = (pod.metadata?.finalizers ?? []).filter((finalizer) => finalizer !== trackingFinalizer);
    try {
      await this.#context.client.patch(resources.pods, objectKey(pod), 'merge', { metadata: { uid: uidOf(pod), resourceVersion: pod.metadata?.resourceVersion, finalizers: finalizers.length === 0 ? null : finalizers } });
    } catch (error) {
      if (!isNotFound(error) && !isInvalid(error)) throw error;
    }
    this.#released.add(uidOf(pod));
  }

  async #settle(key: string, job: Job, pods: readonly Pod[], tally: Tally): Promise<SyncResult> {
    const verdict = decided(tally.status.conditions) ?? this.#judge(job, tally, pods);
    const active = pods.filter(isPodActive);
    if (verdict.kind !== 'goes-on') return await this.#end(key, job, active, tally, verdict);
    const marked = this.#markSuspended(job, tally.status);
    let wait: number | undefined;
    let error: unknown;
    if (this.#expectations.satisfied(key) && !isDeleting(job)) {
      const missing = wantedActive(job, tally.counts) - active.length;
      if (missing < 0) {
        // What we take away ourselves has not failed.
        for (const pod of active.slice(0, -missing)) if (this.#holds(pod)) await this.#release(pod);
        await this.#delete(key, job, active.slice(0, -missing));
      } else if (missing > 0) ({ wait, error } = await this.#replace(key, job, active, missing, tally));
    }
    if (!deepEqual(withZeros(job.status), withZeros(marked))) await this.#context.client.updateStatus(resources.jobs, { ...job, status: marked });
    if (error !== undefined) throw error;
    const deadline = deadlineMs(job);
    const waits = [wait, deadline === undefined ? undefined : deadline - this.#nowMs()].filter((delayMs) => delayMs !== undefined);
    return waits.length === 0 ? done : { kind: 'retry-after', delayMs: Math.max(1, Math.min(...waits)) };
  }

  #judge(job: Job, tally: Tally, pods: readonly Pod[]): Verdict {
    const usual = judge(job, tally.counts, pods, this.#nowMs());
    return usual.kind !== 'goes-on' || !hasLimitPerIndex(job) ? usual : judgeIndexes(job, tally.completed, tally.indexes.failed) ?? usual;
  }

  #condition(type: string, reason: string, message: string, status = 'True'): JobCondition {
    return { type, status, reason, message, lastProbeTime: this.#now(), lastTransitionTime: this.#now() };
  }

  #markSuspended(job: Job, status: JobStatus): JobStatus {
    const current = conditionOf(status.conditions, 'Suspended')?.status === 'True';
    if ((job.spec?.suspend === true) === current) return status;
    const condition = current ? this.#condition('Suspended', 'JobResumed', 'Job resumed', 'False') : this.#condition('Suspended', 'JobSuspended', 'Job suspended');
    this.#context.recorder.event(job, 'Normal', current ? 'Resumed' : 'Suspended', current ? 'Job resumed' : 'Job suspended');
    // The time for which it is suspended does not count against its deadline.
    const { startTime: _startTime, ...rest } = status;
    return { ...rest, conditions: withCondition(status.conditions, condition), ...(current ? { startTime: this.#now() } : {}) };
  }

  /** First the target, so that everyone sees what it comes to; the end only when no pod runs any more. */
  async #end(key: string, job: Job, active: readonly Pod[], tally: Tally, verdict: Exclude<Verdict, { kind: 'goes-on' }>): Promise<SyncResult> {
    const target = verdict.kind === 'complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
    let conditions = withCondition(tally.status.conditions, this.#condition(target, verdict.reason, verdict.message));
    if (active.length > 0) {
      await this.#delete(key, job, active);
      if (!deepEqual(conditions, job.status?.conditions)) await this.#context.client.updateStatus(resources.jobs, { ...job, status: { ...tally.status, conditions } });
      return done;
    }
    conditions = withCondition(conditions, this.#condition(verdict.kind === 'complete' ? 'Complete' : 'Failed', verdict.reason, verdict.message));
    const status: JobStatus = { ...tally.status, conditions, active: 0, ready: 0, ...(verdict.kind === 'complete' ? { completionTime: this.#now() } : {}) };
    await this.#context.client.updateStatus(resources.jobs, { ...job, status });
    if (verdict.kind === 'complete') this.#context.recorder.event(job, 'Normal', 'Completed', 'Job completed');
    else this.#context.recorder.event(job, 'Warning', verdict.reason, verdict.message);
    this.#failures.delete(key);
    return done;
  }

  async #replace(key: string, job: Job, active: readonly Pod[], missing: number, tally: Tally): Promise<{ wait: number | undefined; error: unknown }> {
    if (hasLimitPerIndex(job)) return await this.#replaceIndexes(key, job, active, missing, tally);
    const failures = this.#failures.get(key);
    const wait = failures === undefined ? 0 : failures.lastMs + backoffMs(failures.inRow) - this.#context.host.clock.monotonicMs();
    if (wait > 0) return { wait, error: undefined };
    const taken = new Set(active.map(indexOf).filter((index) => index !== undefined));
    const count = Math.min(missing, burst);
    const indexes = isIndexed(job) ? freeIndexes(tally.completed, taken, job.spec?.completions ?? 0, count) : undefined;
    return { wait: undefined, error: await this.#create(key, job, indexes?.length ?? count, (at) => podOf(job, indexes?.[at])) };
  }

  /** Each index waits by itself. */
  async #replaceIndexes(key: string, job: Job, active: readonly Pod[], missing: number, { completed, indexes: { failed, kept } }: Tally): Promise<{ wait: number | undefined; error: unknown }> {
    const taken = new Set(active.map(indexOf).filter((index) => index !== undefined));
    const free = freeIndexes(new Set([...completed, ...failed]), taken, job.spec?.completions ?? 0, Math.min(missing, burst));
    const waits = new Map(free.map((index) => [index, indexWaitMs(kept.get(index), this.#nowMs())]));
    const now = free.filter((index) => waits.get(index) === 0);
    const later = [...waits.values()].filter((wait) => wait > 0);
    const error = await this.#create(key, job, now.length, (at) => {
      const index = now[at] as number;
      return podOf(job, index, failureAnnotations(job, kept.get(index)));
    });
    return { wait: later.length === 0 ? undefined : Math.min(...later), error };
  }

  async #create(key: string, job: Job, count: number, podAt: (at: number) => Pod): Promise<unknown> {
    this.#expectations.expect(key, { creations: count });
    const { attempted, error } = await slowStart(count, async (at) => {
      try {
        const pod = await this.#context.client.create(resources.pods, podAt(at));
        this.#context.recorder.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${nameOf(pod)}`);
      } catch (failure) {
        this.#expectations.creationObserved(key);
        if (isNamespaceTerminating(failure)) return;
        this.#context.recorder.event(job, 'Warning', 'FailedCreate', `Error creating: ${messageOf(failure)}`);
        throw failure;
      }
    });
    for (let skipped = attempted; skipped < count; skipped += 1) this.#expectations.creationObserved(key);
    return error;
  }

  async #delete(key: string, job: Job, pods: readonly Pod[]): Promise<void> {
    this.#expectations.expect(key, { deletions: pods.map(keyOfObject) });
    for (const pod of pods) {
      try {
        await this.#context.client.delete(resources.pods, objectKey(pod), { preconditions: { uid: uidOf(pod) } });
        this.#context.recorder.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${nameOf(pod)}`);
      } catch (error) {
        this.#expectations.deletionObserved(key, keyOfObject(pod));
        if (!isNotFound(error)) throw error;
      }
    }
  }
}

function holds(pod: Pod): boolean {
  return pod.metadata?.finalizers?.includes(trackingFinalizer) === true;
}

/** The server leaves out what is empty. */
function withZeros(status: JobStatus | undefined): JobStatus {
  return { active: 0, succeeded: 0, failed: 0, ready: 0, completedIndexes: '', failedIndexes: '', uncountedTerminatedPods: {}, conditions: [], ...status };
}

function podOf(job: Job, index: number | undefined, annotations: Record<string, string> = {}): Pod {
  const pod = podFromTemplate(job.spec?.template ?? {}, namespaceOf(job), newControllerRef(resources.jobs, job));
  const finalizers = [...pod.metadata?.finalizers ?? [], trackingFinalizer];
  if (index === undefined) return { ...pod, metadata: { ...pod.metadata, finalizers } };
  const mark = { [indexAnnotation]: String(index) };
  const env = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath: `metadata.labels['${indexAnnotation}']` } } };
  const spec = pod.spec ?? { containers: [] };
  const withEnv = spec.containers.map((container) => (container.env?.some((own) => own.name === env.name) === true ? container : { ...container, env: [...container.env ?? [], env] }));
  return {
    metadata: { ...pod.metadata, finalizers, generateName: `${nameOf(job)}-${index}-`, annotations: { ...pod.metadata?.annotations, ...annotations, ...mark }, labels: { ...pod.metadata?.labels, ...mark } },
    spec: { ...spec, hostname: `${nameOf(job)}-${index}`, containers: withEnv },
  };
}
