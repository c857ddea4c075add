import { AssertionFailure, rfc3339Seconds, type Host } from '@coxswain/host';
import { isNotFound, type EventRecorder } from '@coxswain/client';
import type { PodStatusPatches } from '@coxswain/client/fast-path';
import type { Pod, PodCondition } from 'kubernetes-types/core/v1';
import type { SchedulerCache } from './cache/cache.ts';
import type { PodInfo } from './cache/pod-info.ts';
import type { SchedulerConfig } from './config.ts';
import { decide, type DecideOptions, type Decision, type Refusal } from './decide.ts';
import { errorFailure, failureOf, type Failure } from './failure.ts';
import { GangCycle, type SinglePodSteps, type Tried } from './gangs/gang-cycle.ts';
import type { Gang } from './gangs/gangs.ts';
import { noteUnbound, type DecisionLog, type DecisionRecord, type GangReport } from './explain/decision-log.ts';
import { decideWithExtenders, type Decided } from './extender/decide-with-extenders.ts';
import type { ExtenderReport, Extenders } from './extender/extenders.ts';
import { CycleState } from './framework/cycle-state.ts';
import { fitErrorMessage, type Diagnosis } from './framework/diagnosis.ts';
import type { Framework } from './framework/framework.ts';
import type { Status } from './framework/status.ts';
import type { SchedulerMetrics } from './scheduler-metrics.ts';
import type { QueuedPodInfo, SchedulingQueue } from './queue/scheduling-queue.ts';
import type { Storage } from './storage/storage.ts';

/** Bindings and conditions being written at once; the next decision waits for a place. */
const maxWrites = 512;
/** Decisions give way to events after this long. */
const sliceMs = 20;

export interface SchedulerParts {
  readonly host: Host;
  readonly podStatuses: PodStatusPatches;
  readonly config: SchedulerConfig;
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly frameworks: ReadonlyMap<string, Framework>;
  readonly extenders: Extenders;
  readonly recorderOf: (profileName: string) => EventRecorder;
  /** The pod as last seen; undefined if it is gone. */
  readonly latestPod: (pod: PodInfo) => Pod | undefined;
  readonly metrics: SchedulerMetrics;
  readonly decisions: DecisionLog;
  readonly storage: Pick<Storage, 'place'>;
  /** Whom the pod must go with; undefined if it goes alone. */
  readonly gangOf: (pod: Pod) => Gang | undefined;
  readonly permitWaitingTimeMs: number;
}

/**
 * Decides pods one after the other: choose a node, assume the pod there, and go on; the binding goes its own way and is
 * undone if it fails.
 */
export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #writes = new Set<Promise<void>>();
  /** Bindings that wait for others, such as for volumes. */
  readonly #waiting = new Set<Promise<void>>();
  #signal: AbortSignal | undefined;
  #startIndex = 0;
  #wake: (() => void) | undefined;
  readonly #gangs: GangCycle;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#gangs = new GangCycle({ ...parts, steps: this.#steps() });
  }

  #steps(): SinglePodSteps {
    return {
      decide: (framework, item) => this.#try(framework, item),
      assume: (framework, tried, nodeName) => this.#assume(framework, tried, nodeName),
      forget: (framework, tried, nodeName) => this.#forget(framework, tried, nodeName),
      explain: (framework, tried, refusal) => this.#explain(framework, tried, refusal),
      fail: (framework, item, failure) => this.#fail(framework, item, failure),
      refuse: (framework, item, failure, gang) => this.#refuse(framework, item, failure, gang),
      undo: (framework, tried, nodeName, failure) => this.#undo(framework, tried, nodeName, failure),
      giveUp: (framework, tried, nodeName) => this.#giveUp(framework, tried, nodeName),
      bound: (framework, item, nodeName) => this.#bound(framework, item, nodeName),
      track: (work, waits) => this.#track(work, waits ? this.#waiting : this.#writes),
      signal: () => this.#signal as AbortSignal,
    };
  }

  /** The queue has something. */
  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Until `signal` aborts; then waits for the writes under way. */
  async run(signal: AbortSignal): Promise<void> {
    const { host, queue } = this.#parts;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.wake(), { once: true });
    let sliceEndMs = host.clock.monotonicMs() + sliceMs;
    while (!signal.aborted) {
      const item = queue.pop();
      if (item === undefined) {
        await new Promise<void>((resolve) => { this.#wake = resolve; });
        sliceEndMs = host.clock.monotonicMs() + sliceMs;
        continue;
      }
      await this.#scheduleOne(item);
      while (this.#writes.size >= maxWrites) await Promise.race(this.#writes);
      if (host.clock.monotonicMs() < sliceEndMs) continue;
      await host.timers.sleep(0);
      sliceEndMs = host.clock.monotonicMs() + sliceMs;
    }
    await Promise.all([...this.#writes, ...this.#waiting]);
  }

  async #scheduleOne(item: QueuedPodInfo): Promise<void> {
    const { cache, frameworks, queue, gangOf } = this.#parts;
    const pod = item.podInfo;
    const framework = frameworks.get(pod.pod.spec?.schedulerName ?? '');
    if (framework === undefined || pod.terminating || cache.isAssumed(pod.uid)) { queue.done(pod.uid); return; }
    const gang = gangOf(pod.pod);
    if (gang !== undefined) { await this.#gangs.schedule(framework, item, gang); return; }
    const trying = this.#try(framework, item);
    const tried = trying instanceof Promise ? await trying : trying;
    if (tried === undefined) return;
    const { decision } = tried;
    if (decision.kind === 'placed') this.#assumeAndBind(framework, tried, decision.nodeName);
    else this.#fail(framework, item, await this.#explain(framework, tried, decision));
  }

  /** Chooses a node, at once unless extenders have a say. undefined: the pod is nobody's any more. */
  #try(framework: Framework, item: QueuedPodInfo): Tried | Promise<Tried | undefined> {
    const pod = item.podInfo;
    const startMs = this.#parts.host.clock.monotonicMs();
    const options = this.#optionsFor(framework, pod);
    const note = ({ decision, state, extenders }: Decided): Tried => {
      const record = this.#note(framework, item, decision, options, extenders);
      this.#parts.metrics.decided(decision.kind, framework.profileName, this.#parts.host.clock.monotonicMs() - startMs);
      return { item, state, decision, record };
    };
    if (!this.#parts.extenders.haveSay(pod.pod)) return note(this.#decide(framework, pod, options));
    // While they were asked, the pod may have gone or been bound.
    return this.#decideWithExtenders(framework, pod, options).then((decided) => (this.#parts.queue.isInFlight(pod.uid) ? note(decided) : undefined));
  }

  #optionsFor({ profileName }: Framework, pod: PodInfo): DecideOptions {
    const { cache, queue, host, config } = this.#parts;
    const profile = config.profiles.find(({ schedulerName }) => schedulerName === profileName);
    return {
      nominator: queue.nominations, random: host.random,
      nominatedNodeName: queue.nominations.nodeOf(pod.uid),
      percentageOfNodesToScore: profile?.percentageOfNodesToScore ?? config.percentageOfNodesToScore,
      startIndex: this.#startIndex % Math.max(1, cache.nodeCount),
    };
  }

  /** Synchronous: the pod is decided on one state of the cluster. */
  #decide(framework: Framework, pod: PodInfo, options: DecideOptions): Decided {
    const state = new CycleState();
    try {
      return { decision: decide(framework, state, pod, this.#parts.cache.snapshot(), options), state };
    } catch (error) {
      return { decision: errorDecision(error), state };
    }
  }

  async #decideWithExtenders(framework: Framework, pod: PodInfo, options: DecideOptions): Promise<Decided> {
    const { cache, extenders } = this.#parts;
    try {
      return await decideWithExtenders(framework, pod, () => cache.snapshot(), options, extenders);
    } catch (error) {
      return { decision: errorDecision(error), state: new CycleState() };
    }
  }

  /** For later questions; also moves on the place at which the next search begins. */
  #note(framework: Framework, { podInfo: pod, attempts }: QueuedPodInfo, decision: Decision | { readonly kind: 'gang' }, options: DecideOptions, extenders?: ExtenderReport): DecisionRecord {
    const { cache, queue, host, decisions, storage } = this.#parts;
    const nodeCount = Math.max(1, cache.nodeCount);
    const placed = decision.kind === 'placed';
    if (placed) this.#startIndex = (this.#startIndex + decision.evaluated) % nodeCount;
    const record: DecisionRecord = {
      pod, profile: framework.profileName, attempt: attempts, atMs: host.clock.nowMs(), place: cache.place, nominationsPlace: queue.nominations.place,
      storagePlace: storage.place, options,
      outcome: decision.kind, nodeName: placed ? decision.nodeName : '', evaluated: placed ? decision.evaluated : nodeCount, message: '',
    };
    if (extenders !== undefined) record.extenders = extenders;
    decisions.add(record);
    return record;
  }

  #assume(framework: Framework, { item: { podInfo: pod }, state }: Tried, nodeName: string): Status {
    const { cache, queue } = this.#parts;
    cache.assumePod(pod, nodeName);
    queue.nominations.remove(pod.uid);
    return framework.reserve(state, pod, nodeName);
  }

  #assumeAndBind(framework: Framework, tried: Tried, nodeName: string): void {
    const { item, state } = tried;
    const pod = item.podInfo;
    const signal = this.#signal as AbortSignal;
    const reserved = this.#assume(framework, tried, nodeName);
    if (state.bindingWaits) this.#parts.queue.setApart(pod.uid);
    this.#track((async () => {
      const status = reserved.code === 'Success' ? await framework.bindingCycle(state, pod, nodeName, signal) : reserved;
      if (status.code === 'Success') this.#bound(framework, item, nodeName);
      else if (signal.aborted) this.#giveUp(framework, tried, nodeName);
      else this.#undo(framework, tried, nodeName, failureOf(status));
    })(), state.bindingWaits ? this.#waiting : this.#writes);
  }

  /** Goes on beside the decisions. `work` must not reject. */
  #track(work: Promise<void>, among = this.#writes): void {
    const tracked = work.finally(() => { among.delete(tracked); });
    among.add(tracked);
  }

  #bound(framework: Framework, item: QueuedPodInfo, nodeName: string): void {
    const { queue, recorderOf, metrics, host } = this.#parts;
    const pod = item.podInfo;
    queue.done(pod.uid);
    metrics.bound(framework.profileName, item.attempts, host.clock.monotonicMs() - item.firstQueuedMs);
    recorderOf(framework.profileName).event(eventTarget(pod.pod), 'Normal', 'Scheduled', `Successfully assigned ${pod.key} to ${nodeName}`, { action: 'Binding' });
  }

  #forget(framework: Framework, { item: { podInfo: pod }, state }: Tried, nodeName: string): void {
    framework.unreserve(state, pod, nodeName);
    this.#parts.cache.forgetPod(pod.uid);
  }

  /** Not this process's to decide any more: nobody is told. */
  #giveUp(framework: Framework, tried: Tried, nodeName: string): void {
    this.#forget(framework, tried, nodeName);
    this.#parts.queue.giveBack(tried.item, errorFailure(''));
  }

  #undo(framework: Framework, tried: Tried, nodeName: string, failure: Failure): void {
    this.#forget(framework, tried, nodeName);
    noteUnbound(tried.record, failure.message);
    // The room is free again: who was refused because of it may try.
    this.#parts.queue.moveAll({ resource: 'AssignedPod', actions: ['Delete'], before: tried.item.podInfo.pod, after: undefined });
    this.#fail(framework, tried.item, failure);
  }

  async #explain(framework: Framework, tried: Tried, refusal: Refusal): Promise<Failure> {
    const failure = await this.#ask(framework, tried, refusal);
    tried.record.message = failure.message;
    return failure;
  }

  /** Asks PostFilter for help and words the failure. */
  async #ask(framework: Framework, { item, state, record }: Tried, refusal: Refusal): Promise<Failure> {
    if (refusal.kind === 'error') return errorFailure(refusal.message);
    if (refusal.kind === 'no-nodes') return { ...errorFailure('no nodes available to schedule pods'), reason: 'Unschedulable' };
    const { diagnosis, nodeCount } = refusal;
    const nominatedNodeName = framework.hasPostFilter ? await this.#postFilter(framework, state, item.podInfo, diagnosis, record) : undefined;
    return {
      message: fitErrorMessage(diagnosis, nodeCount), reason: 'Unschedulable', nominatedNodeName,
      unschedulablePlugins: diagnosis.unschedulablePlugins, pendingPlugins: diagnosis.pendingPlugins,
    };
  }

  async #postFilter(framework: Framework, state: CycleState, pod: PodInfo, diagnosis: Diagnosis, record: DecisionRecord): Promise<string | undefined> {
    const result = await framework.postFilter(state, pod, this.#parts.cache.snapshot(), diagnosis);
    if (result.status.code === 'Error') this.#parts.host.log.error('PostFilter failed', { pod: pod.key, error: result.status.reasons.join(', ') });
    if (result.report !== undefined) record.preemption = result.report;
    if (result.work !== undefined) this.#track(result.work);
    diagnosis.postFilterMessage = result.status.reasons.join(', ');
    return result.nominatedNodeName;
  }

  /** Back to the queue first, so that no event is missed; then the world is told. */
  #fail(framework: Framework, item: QueuedPodInfo, failure: Failure): void {
    const { cache, queue, latestPod, recorderOf, host } = this.#parts;
    const latest = latestPod(item.podInfo);
    if (latest === undefined || (latest.spec?.nodeName ?? '') !== '') { queue.done(item.podInfo.uid); return; }
    const podInfo = cache.podInfos.of(latest);
    if (failure.nominatedNodeName !== undefined) queue.nominations.nominate(podInfo, failure.nominatedNodeName);
    queue.giveBack({ ...item, podInfo }, failure);
    host.log.debug('pod was not scheduled', { pod: podInfo.key, reason: failure.reason, message: failure.message });
    recorderOf(framework.profileName).event(eventTarget(latest), 'Warning', 'FailedScheduling', failure.message, { action: 'Scheduling' });
    this.#track(this.#writeCondition(latest, failure));
  }

  #refuse(framework: Framework, item: QueuedPodInfo, failure: Failure, gang: GangReport): void {
    const record = this.#note(framework, item, { kind: 'gang' }, this.#optionsFor(framework, item.podInfo));
    record.gang = gang;
    record.message = failure.message;
    this.#fail(framework, item, failure);
  }

  async #writeCondition(pod: Pod, failure: Failure): Promise<void> {
    const { podStatuses, host } = this.#parts;
    const before = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    const nominated = failure.nominatedNodeName !== undefined && failure.nominatedNodeName !== (pod.status?.nominatedNodeName ?? '');
    const same = before?.status === 'False' && before.reason === failure.reason && before.message === failure.message;
    if (same && !nominated) return;
    const now = rfc3339Seconds(host.clock.nowMs());
    const condition: Record<keyof PodCondition, unknown> = {
      type: 'PodScheduled', status: 'False', reason: failure.reason, message: failure.message, lastProbeTime: null,
      lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : now,
    };
    const status = { conditions: [condition], ...(nominated ? { nominatedNodeName: failure.nominatedNodeName === '' ? null : failure.nominatedNodeName } : {}) };
    try {
      await podStatuses.patch({ namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '', uid: pod.metadata?.uid ?? '', status });
    } catch (error) {
      if (!isNotFound(error)) host.log.warn('condition of pod was not written', { pod: `${pod.metadata?.namespace}/${pod.metadata?.name}`, error: String(error) });
    }
  }
}

/** One pod that a plugin chokes on must not stop all others; a broken invariant must. */
function errorDecision(error: unknown): Decision {
  if (error instanceof AssertionFailure) throw error;
  return { kind: 'error', message: error instanceof Error ? error.message : String(error) };
}

/** Objects from a watch may lack what an event's reference needs. */
function eventTarget(pod: Pod): Pod {
  return { ...pod, apiVersion: 'v1', kind: 'Pod' };
}
