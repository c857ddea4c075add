import type { Host } from '@coxswain/host';
import type { SchedulerCache } from '../cache/cache.ts';
import type { Decision, Refusal } from '../decide.ts';
import { noteUnbound, type DecisionRecord, type GangReport } from '../explain/decision-log.ts';
import { failureOf, refusedBy, type Failure } from '../failure.ts';
import type { CycleState } from '../framework/cycle-state.ts';
import type { Framework } from '../framework/framework.ts';
import type { Status } from '../framework/status.ts';
import { coschedulingName } from '../plugins/coscheduling/coscheduling.ts';
import type { QueuedPodInfo, SchedulingQueue } from '../queue/scheduling-queue.ts';
import { gangReport, minMemberOf, type Gang } from './gangs.ts';
import { whatLacks } from './min-resources.ts';

export interface Tried {
  readonly item: QueuedPodInfo;
  readonly state: CycleState;
  readonly decision: Decision;
  readonly record: DecisionRecord;
}

/** What the scheduler does with one pod, step by step. */
export interface SinglePodSteps {
  /** undefined: the pod is nobody's any more. Everything up to the first await of others happens at once. */
  decide(framework: Framework, item: QueuedPodInfo): Promise<Tried | undefined> | Tried | undefined;
  /** Assumes the pod on the node, and reserves there. */
  assume(framework: Framework, tried: Tried, nodeName: string): Status;
  forget(framework: Framework, tried: Tried, nodeName: string): void;
  /** Asks PostFilter, and words the failure. */
  explain(framework: Framework, tried: Tried, refusal: Refusal): Promise<Failure>;
  fail(framework: Framework, item: QueuedPodInfo, failure: Failure): void;
  /** The same of a pod that was not tried, for its gang's sake; also notes it. */
  refuse(framework: Framework, item: QueuedPodInfo, failure: Failure, gang: GangReport): void;
  /** Forgets the pod, tells who waits for room, and fails it. */
  undo(framework: Framework, tried: Tried, nodeName: string, failure: Failure): void;
  /** Forgets the pod without a word. */
  giveUp(framework: Framework, tried: Tried, nodeName: string): void;
  bound(framework: Framework, item: QueuedPodInfo, nodeName: string): void;
  /** Goes on beside the decisions; must not reject. `waits`: for others, maybe long. */
  track(work: Promise<void>, waits: boolean): void;
  signal(): AbortSignal;
}

export interface GangParts {
  readonly host: Host;
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly permitWaitingTimeMs: number;
  readonly steps: SinglePodSteps;
}

interface Placed { readonly tried: Tried; readonly nodeName: string }
interface Unfit { readonly tried: Tried; readonly failure: Failure | Refusal }
interface Attempt { readonly placed: readonly Placed[]; readonly unfit: readonly Unfit[] }

/** Orders in which the members of one gang are tried. */
const maxAttempts = 4;

/**
 * Decides a gang in one go. Its members that wait are taken out of the queue together and each is assumed where it was decided, so
 * that the next sees it; if fewer can be placed than the group still needs, all are given back before any other pod is decided. When enough
 * are placed, all get ready (Permit, PreBind) before any is bound.
 *
 * Guaranteed: no member is bound before each that the group needs has its place and is ready. A binding that fails after others
 * have succeeded keeps its place by nomination and is tried again. Over the fast path a gang's bindings go in one call, so a scheduler that
 * ends has bound all of them or none; what remains is a gang of more than 200, an API server that ends between two transactions of one call, or one
 * without a fast path: then the next scheduler places the rest of the gang, together, as soon as there is room. Not guaranteed: that a gang of members with different needs is placed
 * whenever some placement exists (that is bin packing); the bigger go first, and after a failure the one that failed.
 */
export class GangCycle {
  readonly #parts: GangParts;

  constructor(parts: GangParts) {
    this.#parts = parts;
  }

  async schedule(framework: Framework, first: QueuedPodInfo, gang: Gang): Promise<void> {
    const { cache } = this.#parts;
    const items = this.#gather(first, gang);
    // The cache may have been told of a node before the gang was: the two are told by watches of their own.
    const assumed = [...gang.waiting].filter((uid) => cache.has(uid)).length;
    const needed = Math.max(0, minMemberOf(gang) - gang.placed.size - assumed);
    const reason = this.#whyNot(gang, items.length, needed, assumed);
    if (reason !== undefined) { this.#refuse(framework, items, reason, gangReport(gang, assumed)); return; }
    const attempt = await this.#attempts(framework, gang, items.toSorted(biggerFirst), needed);
    const { placed, unfit } = attempt;
    if (placed.length < needed) { await this.#giveBack(framework, gang, items, attempt); return; }
    for (const { tried, failure } of unfit) await this.#failOne(framework, tried, failure);
    if (placed.length === 0) return;
    for (const { tried } of placed) if (tried.state.bindingWaits) this.#parts.queue.setApart(tried.item.podInfo.uid);
    const waits = placed.some(({ tried }) => tried.state.bindingWaits);
    this.#parts.steps.track(this.#bind(framework, gang, placed, waits), waits);
  }

  #gather(first: QueuedPodInfo, gang: Gang): readonly QueuedPodInfo[] {
    const items = [first];
    for (const uid of gang.waiting) {
      if (uid === first.podInfo.uid) continue;
      const item = this.#parts.queue.take(uid);
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  #whyNot(gang: Gang, count: number, needed: number, assumed: number): string | undefined {
    const { cache } = this.#parts;
    if (gang.group === undefined) return `PodGroup ${gang.key} not found`;
    if (count < needed) return `cannot find enough sibling pods, current pods number: ${count + gang.placed.size + assumed}, minMember of group: ${minMemberOf(gang)}`;
    const lacks = needed === 0 ? '' : whatLacks(gang, cache.snapshot());
    return lacks === '' ? undefined : `the cluster lacks ${lacks} of the minResources of PodGroup ${gang.key}`;
  }

  /** `tried`: what was decided of some of them. */
  #refuse(framework: Framework, items: readonly QueuedPodInfo[], reason: string, report: GangReport, tried: readonly Tried[] = []): void {
    const { steps } = this.#parts;
    const failure = refusedBy(coschedulingName, reason);
    const records = new Map(tried.map(({ item, record }) => [item, record]));
    for (const item of items) {
      const record = records.get(item);
      if (record === undefined) { steps.refuse(framework, item, failure, report); continue; }
      noteGivenBack(record, reason, report);
      steps.fail(framework, item, failure);
    }
  }

  /** What is placed at the end is assumed. */
  async #attempts(framework: Framework, gang: Gang, items: readonly QueuedPodInfo[], needed: number): Promise<Attempt> {
    let order = items;
    for (let round = 1; ; round += 1) {
      const attempt = await this.#attempt(framework, order, needed);
      const culprit = attempt.unfit[0]?.tried.item;
      if (attempt.placed.length >= needed || culprit === undefined || culprit === order[0] || round === maxAttempts) return attempt;
      this.#forgetAll(framework, attempt.placed);
      const { key } = culprit.podInfo;
      for (const { tried } of attempt.placed) noteGivenBack(tried.record, `PodGroup ${gang.key} is tried again with Pod ${culprit.podInfo.name} first`, gangReport(gang, 0, key));
      order = [culprit, ...order.filter((item) => item !== culprit)];
    }
  }

  async #attempt(framework: Framework, order: readonly QueuedPodInfo[], needed: number): Promise<Attempt> {
    const { steps } = this.#parts;
    const placed: Placed[] = [];
    const unfit: Unfit[] = [];
    let left = order.length;
    for (const item of order) {
      const deciding = steps.decide(framework, item);
      // Only extenders are waited for.
      const tried = deciding instanceof Promise ? await deciding : deciding;
      left -= 1;
      if (tried === undefined) continue;
      const failure = this.#assume(framework, tried, placed);
      if (failure !== undefined) unfit.push({ tried, failure });
      // The others need not be asked: they are given back with it.
      if (placed.length + left < needed) break;
    }
    return { placed, unfit };
  }

  #assume(framework: Framework, tried: Tried, placed: Placed[]): Failure | Refusal | undefined {
    const { steps } = this.#parts;
    if (tried.decision.kind !== 'placed') return tried.decision;
    const { nodeName } = tried.decision;
    const reserved = steps.assume(framework, tried, nodeName);
    if (reserved.code === 'Success') { placed.push({ tried, nodeName }); return undefined; }
    steps.forget(framework, tried, nodeName);
    return failureOf(reserved);
  }

  #forgetAll(framework: Framework, placed: readonly Placed[]): void {
    for (const { tried, nodeName } of placed.toReversed()) this.#parts.steps.forget(framework, tried, nodeName);
  }

  async #failOne(framework: Framework, tried: Tried, failure: Failure | Refusal): Promise<void> {
    const { steps } = this.#parts;
    if ('kind' in failure) { steps.fail(framework, tried.item, await steps.explain(framework, tried, failure)); return; }
    noteUnbound(tried.record, failure.message);
    steps.fail(framework, tried.item, failure);
  }

  /** The one that found no place looks for help while its siblings hold theirs, so that it does not count on their room. */
  async #giveBack(framework: Framework, gang: Gang, items: readonly QueuedPodInfo[], { placed, unfit: [culprit] }: Attempt): Promise<void> {
    if (culprit !== undefined) await this.#failOne(framework, culprit.tried, culprit.failure);
    this.#forgetAll(framework, placed);
    const report = gangReport(gang, 0, culprit?.tried.item.podInfo.key);
    if (culprit !== undefined) culprit.tried.record.gang = report;
    const name = culprit?.tried.item.podInfo.name ?? '';
    const others = items.filter((item) => item !== culprit?.tried.item);
    this.#refuse(framework, others, `PodGroup ${gang.key} gets rejected due to Pod ${name} is unschedulable even after PostFilter`, report, placed.map(({ tried }) => tried));
  }

  async #bind(framework: Framework, gang: Gang, placed: readonly Placed[], waits: boolean): Promise<void> {
    const { steps } = this.#parts;
    const ready = await this.#prepare(framework, gang, placed, waits);
    const failed = ready.findIndex(({ code }) => code !== 'Success');
    if (failed === -1) { await this.#bindReady(framework, gang, placed); return; }
    const name = placed[failed]?.tried.item.podInfo.name ?? '';
    for (const [at, { tried, nodeName }] of placed.entries()) {
      const status = ready[at] as Status;
      if (steps.signal().aborted) { steps.giveUp(framework, tried, nodeName); continue; }
      const failure = status.code === 'Success' ? refusedBy(coschedulingName, `PodGroup ${gang.key} gets rejected due to Pod ${name} cannot be bound`) : failureOf(status);
      steps.undo(framework, tried, nodeName, failure);
      if (status.code === 'Success') noteGivenBack(tried.record, failure.message, gangReport(gang, 0, placed[failed]?.tried.item.podInfo.key));
    }
  }

  /** Permit and PreBind of all; who waits for others does so for as long as the group allows. */
  async #prepare(framework: Framework, gang: Gang, placed: readonly Placed[], waits: boolean): Promise<readonly Status[]> {
    const { steps, host, permitWaitingTimeMs } = this.#parts;
    const prepareAll = (signal: AbortSignal): Promise<readonly Status[]> =>
      Promise.all(placed.map(({ tried: { state, item }, nodeName }) => framework.prepareBinding(state, item.podInfo, nodeName, signal)));
    if (!waits) return prepareAll(steps.signal());
    const late = new AbortController();
    const seconds = gang.group?.spec?.scheduleTimeoutSeconds;
    const timer = host.timers.after(seconds === undefined ? permitWaitingTimeMs : seconds * 1000, () => { late.abort(); });
    const ready = await prepareAll(AbortSignal.any([steps.signal(), late.signal]));
    timer.cancel();
    return ready;
  }

  async #bindReady(framework: Framework, gang: Gang, placed: readonly Placed[]): Promise<void> {
    const { steps } = this.#parts;
    const bound = await Promise.all(placed.map(({ tried: { state, item }, nodeName }) => framework.finishBinding(state, item.podInfo, nodeName, steps.signal())));
    const isIn = gang.placed.size > 0 || bound.some(({ code }) => code === 'Success');
    for (const [at, { tried, nodeName }] of placed.entries()) {
      const status = bound[at] as Status;
      if (status.code === 'Success') steps.bound(framework, tried.item, nodeName);
      else if (steps.signal().aborted) steps.giveUp(framework, tried, nodeName);
      else steps.undo(framework, tried, nodeName, isIn ? { ...failureOf(status), nominatedNodeName: nodeName } : failureOf(status));
    }
  }
}

function noteGivenBack(record: DecisionRecord, reason: string, report: GangReport): void {
  record.gang = report;
  record.message = reason;
}

function biggerFirst({ podInfo: a }: QueuedPodInfo, { podInfo: b }: QueuedPodInfo): number {
  return b.requests.milliCpu - a.requests.milliCpu || b.requests.memory - a.requests.memory;
}
