import type { Clock, TimerHandle, Timers } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodInfo } from '../cache/pod-info.ts';
import { everything, type ClusterEvent } from '../framework/events.ts';
import type { QueuedPod } from '../framework/interface.ts';
import type { Status } from '../framework/status.ts';
import { EventLog } from './event-log.ts';
import { Heap } from './heap.ts';
import { Nominations } from './nominations.ts';
import type { Rejection, Requeue } from './queueing-hints.ts';
import { UnschedulablePods } from './unschedulable-pods.ts';

export interface QueueOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  /** A pod that waited this long is tried again whatever happened. */
  readonly maxUnschedulableMs: number;
  /** Pods in back-off that did not fail by an error may be popped while nothing is active. */
  readonly popFromBackoff: boolean;
  readonly infoOf: (pod: Pod) => PodInfo;
  readonly less: (a: QueuedPod, b: QueuedPod) => boolean;
  readonly preEnqueue: (pod: Pod) => Status;
  readonly judge: (pod: Pod, rejection: Rejection, event: ClusterEvent) => Requeue;
  /** False: `judge` answers no for every pod of that scheduler with that rejection. */
  readonly concerns: (schedulerName: string, rejection: Rejection, event: ClusterEvent) => boolean;
  /** Called when there may be something to pop. */
  readonly wake: () => void;
}

/** A waiting pod and its history. */
export interface QueuedPodInfo extends QueuedPod, Rejection {
  readonly podInfo: PodInfo;
  readonly timestampMs: number;
  readonly firstQueuedMs: number;
  readonly attempts: number;
  /** Held by PreEnqueue: no event but one of that plugin's moves it. */
  readonly gated: boolean;
}

const flushIntervalMs = 30_000;
const none: ReadonlySet<string> = new Set();

/**
 * Pods that wait for a node. A pod is in exactly one of: active (ordered by QueueSort), backoff (ordered by when its back-off
 * ends; not waited for while nothing is active), unschedulable (until an event that may help, or five minutes), or in flight (popped, until done or given back).
 */
export class SchedulingQueue {
  readonly nominations = new Nominations();
  readonly #options: QueueOptions;
  readonly #active: Heap<QueuedPodInfo>;
  readonly #backoff: Heap<QueuedPodInfo>;
  /** In back-off because something went wrong: nothing has changed for them. */
  readonly #errors: Heap<QueuedPodInfo>;
  readonly #unschedulable = new UnschedulablePods();
  readonly #log = new EventLog();
  #backoffTimer: TimerHandle | undefined;
  #flushTimer: TimerHandle | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
    const uidOf = (item: QueuedPodInfo): string => item.podInfo.uid;
    this.#active = new Heap(uidOf, options.less);
    const endsFirst = (a: QueuedPodInfo, b: QueuedPodInfo): boolean => this.#backoffEndMs(a) < this.#backoffEndMs(b);
    this.#backoff = new Heap(uidOf, endsFirst);
    this.#errors = new Heap(uidOf, endsFirst);
  }

  start(): void {
    this.#flushTimer = this.#options.timers.after(flushIntervalMs, () => { this.#flushUnschedulable(); this.start(); });
  }

  stop(): void {
    this.#flushTimer?.cancel();
    this.#backoffTimer?.cancel();
  }

  get counts(): { readonly active: number; readonly backoff: number; readonly unschedulable: number; readonly gated: number } {
    const gated = this.#unschedulable.gatedCount;
    return { active: this.#active.size, backoff: this.#backoff.size + this.#errors.size, unschedulable: this.#unschedulable.size - gated, gated };
  }

  /** A pod that nobody has tried yet. */
  add(pod: Pod): void {
    const nowMs = this.#options.clock.monotonicMs();
    const podInfo = this.#options.infoOf(pod);
    this.nominations.nominate(podInfo, pod.status?.nominatedNodeName ?? '');
    this.#activate({ podInfo, timestampMs: nowMs, firstQueuedMs: nowMs, attempts: 0, gated: false, unschedulablePlugins: none, pendingPlugins: none });
  }

  /** The waiting pod itself changed; `event` says how. */
  update(pod: Pod, event: ClusterEvent): void {
    const podInfo = this.#options.infoOf(pod);
    if (this.#log.isInFlight(podInfo.uid)) { this.#log.record(event); return; }
    const nominated = pod.status?.nominatedNodeName ?? '';
    if (nominated !== '') this.nominations.nominate(podInfo, nominated);
    for (const heap of [this.#active, this.#backoff, this.#errors]) {
      const item = heap.get(podInfo.uid);
      if (item !== undefined) { heap.set({ ...item, podInfo }); return; }
    }
    const item = this.#unschedulable.get(podInfo.uid);
    if (item === undefined) { this.add(pod); return; }
    const changed = { ...item, podInfo };
    this.#unschedulable.set(changed);
    this.#requeue(changed, event);
  }

  delete(uid: string): void {
    this.nominations.remove(uid);
    this.#active.delete(uid);
    this.#backoff.delete(uid);
    this.#errors.delete(uid);
    this.#unschedulable.delete(uid);
    this.#log.forget(uid);
  }

  /** The next pod to decide; it is in flight until `done` or `giveBack`. */
  pop(): QueuedPodInfo | undefined {
    if (this.#options.popFromBackoff) while (this.#active.size === 0 && this.#backoff.size > 0) this.#activate(this.#backoff.pop() as QueuedPodInfo);
    const item = this.#active.pop();
    return item === undefined ? undefined : this.#inFlight(item);
  }

  #inFlight(item: QueuedPodInfo): QueuedPodInfo {
    this.#log.begin(item.podInfo.uid);
    return { ...item, attempts: item.attempts + 1, unschedulablePlugins: none, pendingPlugins: none };
  }

  /** That pod out of its turn, from wherever it waits; undefined if it is gated, in flight or not here. */
  take(uid: string): QueuedPodInfo | undefined {
    const waiting = this.#active.get(uid) ?? this.#backoff.get(uid) ?? this.#errors.get(uid) ?? this.#unschedulable.get(uid);
    if (waiting === undefined || waiting.gated) return undefined;
    this.#active.delete(uid);
    this.#backoff.delete(uid);
    this.#errors.delete(uid);
    this.#unschedulable.delete(uid);
    return this.#inFlight(waiting);
  }

  /** What only an event could help may try again, at once. */
  activate(uids: Iterable<string>): void {
    for (const uid of uids) {
      const item = this.#unschedulable.get(uid);
      if (item === undefined) continue;
      this.#unschedulable.delete(uid);
      this.#activate(item);
    }
  }

  /** By PreEnqueue. */
  isHeld(uid: string): boolean {
    return this.#unschedulable.get(uid)?.gated === true;
  }

  /** Popped, and neither done nor given back. */
  isInFlight(uid: string): boolean {
    return this.#log.isInFlight(uid);
  }

  /** The pod is decided, but its binding waits for others. */
  setApart(uid: string): void {
    this.#log.setApart(uid);
  }

  /** The pod is bound, or gone. */
  done(uid: string): void {
    this.#log.forget(uid);
    this.nominations.remove(uid);
  }

  /** No event can help a pod that failed by an error: it is tried again after its back-off. */
  giveBack(item: QueuedPodInfo, rejection: Rejection): void {
    if (!this.#log.isInFlight(item.podInfo.uid)) return;
    const missed = this.#log.end(item.podInfo.uid);
    const waiting: QueuedPodInfo = { ...item, ...rejection, timestampMs: this.#options.clock.monotonicMs() };
    const verdicts = missed.map((event) => this.#options.judge(waiting.podInfo.pod, waiting, event));
    if (verdicts.includes('at-once')) this.#activate(waiting);
    else if (isByNobody(rejection) || verdicts.includes('after-backoff')) this.#backOff(waiting);
    else this.#unschedulable.set(waiting);
  }

  /** Something happened: moves the pods that it may help. */
  moveAll(event: ClusterEvent): void {
    this.#log.record(event);
    for (const group of this.#unschedulable.groups()) {
      const [first] = group.values();
      if (first === undefined || !this.#options.concerns(first.podInfo.pod.spec?.schedulerName ?? '', first, event)) continue;
      for (const item of Array.from(group.values())) this.#requeue(item, event);
    }
  }

  #requeue(item: QueuedPodInfo, event: ClusterEvent): void {
    if (item.gated && event.resource === '*') return;
    const verdict = this.#options.judge(item.podInfo.pod, item, event);
    if (verdict === 'no') return;
    this.#unschedulable.delete(item.podInfo.uid);
    if (verdict === 'at-once' || item.gated || this.#backoffEndMs(item) <= this.#options.clock.monotonicMs()) this.#activate(item);
    else this.#backOff(item);
  }

  #activate(item: QueuedPodInfo): void {
    const status = this.#options.preEnqueue(item.podInfo.pod);
    if (status.code !== 'Success') {
      this.#unschedulable.set({ ...item, gated: true, unschedulablePlugins: new Set([status.plugin]) });
      return;
    }
    this.#active.set(item.gated ? { ...item, gated: false, unschedulablePlugins: none } : item);
    this.#options.wake();
  }

  #backOff(item: QueuedPodInfo): void {
    (isByNobody(item) ? this.#errors : this.#backoff).set(item);
    this.#armBackoff();
    if (this.#options.popFromBackoff) this.#options.wake();
  }

  #backoffEndMs(item: QueuedPodInfo): number {
    const { initialBackoffMs, maxBackoffMs } = this.#options;
    if (item.attempts === 0) return item.timestampMs;
    return item.timestampMs + Math.min(maxBackoffMs, initialBackoffMs * 2 ** Math.min(30, item.attempts - 1));
  }

  #armBackoff(): void {
    this.#backoffTimer?.cancel();
    const endsMs = [this.#backoff.peek(), this.#errors.peek()].filter((item) => item !== undefined).map((item) => this.#backoffEndMs(item));
    if (endsMs.length === 0) return;
    const delayMs = Math.max(0, Math.min(...endsMs) - this.#options.clock.monotonicMs());
    this.#backoffTimer = this.#options.timers.after(delayMs, () => this.#flushBackoff());
  }

  #flushBackoff(): void {
    for (const heap of [this.#backoff, this.#errors]) {
      for (let item = heap.peek(); item !== undefined && this.#backoffEndMs(item) <= this.#options.clock.monotonicMs(); item = heap.peek()) {
        heap.pop();
        this.#activate(item);
      }
    }
    this.#armBackoff();
  }

  #flushUnschedulable(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const item of this.#unschedulable.values()) {
      if (nowMs - item.timestampMs > this.#options.maxUnschedulableMs) this.#requeue(item, everything);
    }
  }
}

/** No plugin has rejected it: it failed by an error. */
function isByNobody({ unschedulablePlugins, pendingPlugins }: Rejection): boolean {
  return unschedulablePlugins.size + pendingPlugins.size === 0;
}
