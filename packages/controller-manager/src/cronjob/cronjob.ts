import { done, isAlreadyExists, isNamespaceTerminating, isNotFound, keyOfObject, objectKey, resources, splitKey, type Informer, type SyncResult } from '@coxswain/client';
import { parseRfc3339, rfc3339Seconds } from '@coxswain/host';
import type { CronJob, CronJobStatus, Job } from 'kubernetes-types/batch/v1';
import { deepEqual, isDeleting, messageOf, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { controllerOf, isControlledBy, newControllerRef } from '../common/owner.ts';
import { newLoop, runLoop, type Loop } from '../common/run.ts';
import type { Controller, ControllerContext, Run } from '../types.ts';
import { beyondHistory, decide, endingOf, observed, referenceTo, type Told } from './decide.ts';
import { isTimeZone, parseSchedule, zonedTime, type Schedule } from './schedule.ts';

const name = 'cronjob-controller';
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** The wall clock may be set: nobody sleeps longer than this without looking at it. */
const longestWaitMs = 600_000;
/** A timer may fire a little early by the wall clock. */
const slackMs = 100;

export const cronJobController: Controller = { name, account: name, start: (context) => new CronJobController(context).run };

class CronJobController {
  readonly #context: ControllerContext;
  readonly #cronJobs: Informer<CronJob>;
  readonly #jobs: Informer<Job>;
  readonly #loop: Loop;
  /** By uid, the time for which a job was started last, and that job: the cache may not know it yet. */
  readonly #started = new Map<string, { readonly atMs: number; readonly job: string | undefined }>();
  /** Told once, not at every look. */
  readonly #lastTold = new Map<string, string>();
  readonly run: Run;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#cronJobs = context.informers.informer(resources.cronjobs);
    this.#jobs = context.informers.informer(resources.jobs);
    this.#loop = newLoop(context, name);
    const enqueue = (cronJob: CronJob): void => this.#loop.enqueue(cronJob);
    this.#cronJobs.addHandler({
      added: enqueue, updated: (_before, cronJob) => enqueue(cronJob),
      deleted: (cronJob) => {
        this.#started.delete(uidOf(cronJob));
        this.#lastTold.delete(uidOf(cronJob));
      },
    });
    const ofJob = (job: Job): void => {
      const owner = controllerOf(job);
      if (owner?.kind === 'CronJob') this.#loop.queue.add(`${namespaceOf(job)}/${owner.name}`);
    };
    this.#jobs.addHandler({ added: ofJob, updated: (_before, job) => ofJob(job), deleted: ofJob });
    this.run = runLoop(context, name, this.#loop, (key) => this.#sync(key));
  }

  #nowMs(): number { return this.#context.host.clock.nowMs(); }

  async #sync(key: string): Promise<SyncResult> {
    const cronJob = this.#cronJobs.lister.get(splitKey(key));
    if (cronJob === undefined) return done;
    const jobs = this.#jobs.lister.list({ namespace: namespaceOf(cronJob) }).filter((job) => isControlledBy(job, cronJob));
    const missing = await this.#reallyMissing(cronJob, jobs);
    const { status, told } = observed(cronJob, jobs, (reference) => !missing.has(reference.uid ?? ''));
    const current = await this.#writeStatus(cronJob, status);
    for (const one of told) if (one.job !== this.#started.get(uidOf(cronJob))?.job || one.job === undefined) this.#tellOnce(cronJob, one);
    for (const job of beyondHistory(cronJob, jobs)) await this.#deleteJob(cronJob, job);
    if (isDeleting(cronJob) || cronJob.spec?.suspend === true) return done;
    const schedule = this.#scheduleOf(cronJob);
    if (schedule === undefined) return { kind: 'terminal', reason: 'unusable schedule' };
    await this.#startIfDue(current, schedule, jobs);
    const next = schedule.next(this.#nowMs());
    return next === undefined ? done : { kind: 'retry-after', delayMs: Math.min(longestWaitMs, next - this.#nowMs() + slackMs) };
  }

  /** Uids of active jobs that the server does not have either. */
  async #reallyMissing(cronJob: CronJob, jobs: readonly Job[]): Promise<ReadonlySet<string>> {
    const known = new Set(jobs.map(uidOf));
    const missing = new Set<string>();
    for (const reference of cronJob.status?.active ?? []) {
      if (known.has(reference.uid ?? '')) continue;
      const live = await this.#context.client.get(resources.jobs, { namespace: namespaceOf(cronJob), name: reference.name ?? '' }).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (live === undefined || uidOf(live) !== reference.uid) missing.add(reference.uid ?? '');
    }
    return missing;
  }

  #tell(cronJob: CronJob, { type, reason, message }: Told): void {
    this.#context.recorder.event(cronJob, type, reason, message);
  }

  #tellOnce(cronJob: CronJob, told: Told): void {
    const text = `${told.reason} ${told.message}`;
    if (this.#lastTold.get(uidOf(cronJob)) === text) return;
    this.#lastTold.set(uidOf(cronJob), text);
    this.#tell(cronJob, told);
  }

  #scheduleOf(cronJob: CronJob): Schedule | undefined {
    const { schedule = '', timeZone } = cronJob.spec ?? {};
    if (timeZone !== undefined && !isTimeZone(timeZone)) {
      this.#tell(cronJob, { type: 'Warning', reason: 'UnknownTimeZone', message: `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}` });
      return undefined;
    }
    try {
      return parseSchedule(schedule, timeZone);
    } catch (error) {
      this.#tell(cronJob, { type: 'Warning', reason: 'UnparseableSchedule', message: `unparseable schedule: ${JSON.stringify(schedule)} : ${messageOf(error)}` });
      return undefined;
    }
  }

  async #startIfDue(cronJob: CronJob, schedule: Schedule, jobs: readonly Job[]): Promise<void> {
    const active = cronJob.status?.active ?? [];
    const noted = cronJob.status?.lastScheduleTime;
    const running = jobs.filter((job) => endingOf(job) === undefined);
    const unseen = active.filter(({ uid }) => !jobs.some((job) => uidOf(job) === uid));
    const times = [this.#started.get(uidOf(cronJob))?.atMs, noted === undefined ? undefined : parseRfc3339(noted)].filter((time) => time !== undefined);
    const decision = decide(cronJob, schedule, running.length + unseen.length, times.length === 0 ? undefined : Math.max(...times), this.#nowMs());
    if (decision.told !== undefined) this.#tellOnce(cronJob, decision.told);
    if (decision.kind === 'wait') return;
    if (decision.replace) for (const job of running) await this.#deleteJob(cronJob, job);
    const job = await this.#create(cronJob, decision.atMs);
    this.#started.set(uidOf(cronJob), { atMs: decision.atMs, job: job === undefined ? undefined : uidOf(job) });
    if (job === undefined) return;
    const kept = decision.replace ? [] : active.filter(({ uid }) => uid !== uidOf(job));
    await this.#writeStatus(cronJob, { ...cronJob.status, active: [...kept, referenceTo(job)], lastScheduleTime: rfc3339Seconds(decision.atMs) });
  }

  /** The name says for which time it is, so that a time gets one job whatever we forget. Undefined: there is nothing to be kept. */
  async #create(cronJob: CronJob, atMs: number): Promise<Job | undefined> {
    const { metadata, spec } = cronJob.spec?.jobTemplate ?? {};
    const wanted: Job = {
      metadata: {
        name: `${nameOf(cronJob)}-${Math.floor(atMs / 60_000)}`, namespace: namespaceOf(cronJob), ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
        annotations: { ...metadata?.annotations, [scheduledAnnotation]: zonedTime(atMs, cronJob.spec?.timeZone) }, ownerReferences: [newControllerRef(resources.cronjobs, cronJob)],
      },
      ...(spec === undefined ? {} : { spec: structuredClone(spec) }),
    };
    try {
      const job = await this.#context.client.create(resources.jobs, wanted);
      this.#tell(cronJob, { type: 'Normal', reason: 'SuccessfulCreate', message: `Created job ${nameOf(job)}` });
      return job;
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      if (isAlreadyExists(error)) {
        const live = await this.#context.client.get(resources.jobs, objectKey(wanted));
        if (isControlledBy(live, cronJob)) return live;
      }
      this.#tell(cronJob, { type: 'Warning', reason: 'FailedCreate', message: `Error creating job: ${messageOf(error)}` });
      throw error;
    }
  }

  async #deleteJob(cronJob: CronJob, job: Job): Promise<void> {
    try {
      await this.#context.client.delete(resources.jobs, objectKey(job), { propagationPolicy: 'Background', preconditions: { uid: uidOf(job) } });
      this.#tell(cronJob, { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted job ${nameOf(job)}` });
    } catch (error) {
      if (isNotFound(error)) return;
      this.#tell(cronJob, { type: 'Warning', reason: 'FailedDelete', message: `Deleted job: ${messageOf(error)}` });
      throw error;
    }
  }

  /** Answers the object to go on with. */
  async #writeStatus(cronJob: CronJob, status: CronJobStatus): Promise<CronJob> {
    if (deepEqual(cronJob.status ?? {}, status)) return cronJob;
    this.#context.host.log.debug('status of a cron job', { key: keyOfObject(cronJob) });
    return await this.#context.client.updateStatus(resources.cronjobs, { ...cronJob, status });
  }
}
