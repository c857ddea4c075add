import type { Container, EphemeralContainer, Pod, PodStatus } from 'kubernetes-types/core/v1';
import type { Rejection } from '../../pod/admission.ts';
import { podActions, type PodActions } from '../../pod/actions.ts';
import type { BackOff } from '../../pod/backoff.ts';
import { crashBackOff } from '../../pod/crash-back-off.ts';
import { allContainers, gracePeriodSeconds, initContainers, isHostNetwork, isSidecar, isTerminalPhase, specOf, uidOf } from '../../pod/pod-facts.ts';
import { emptyState, newest, podIps, running, type ContainerRecord, type PodRuntimeState } from '../../pod/runtime-state.ts';
import { latestStatus, podStatus, type WaitingReason } from '../../pod/status.ts';
import { pick, type PodBehaviour } from './behaviour.ts';
import { chance } from './chance.ts';
import { endContainer, imageOf, recordsFromStatus, sandboxOf, startedContainer, startedMsOf } from './records.ts';

export interface LifeDeps {
  readonly seed: number;
  readonly backOff: BackOff;
  readonly hostIp: string;
  /** An address for the pod, and the end of its use. */
  readonly takeAddress: () => string;
  readonly giveBack: (address: string) => void;
  /** What the kubelet would tell of a pod or, with `container`, of one of its containers. */
  readonly tell: (pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, container?: string) => void;
}

/** Killed by a signal that cannot be caught. */
const killedExitCode = 137;

/** More steps than this at one moment: containers that end as they begin. The rest is done a moment later. */
const stepsAtOnce = 50;
const restMs = 10;

/**
 * One pod on a node without a runtime: what the real kubelet's pod worker does, by the same rules of what to do next and of what to
 * tell, but for containers that only keep the time. `advance` is called when its answer is due and after each change.
 */
export class HollowPod {
  readonly #deps: LifeDeps;
  readonly #behaviour: PodBehaviour;
  readonly #startedMs: number;
  readonly #waiting = new Map<string, WaitingReason>();
  /** When each running container will end by itself, by its id. */
  readonly #endsMs = new Map<string, number>();
  #pod: Pod;
  #state: PodRuntimeState = emptyState;
  #failure: WaitingReason | undefined;
  #rejected = false;
  #finished = false;
  #removed = false;
  /** Since when containers are being stopped. */
  #stoppingSinceMs: number | undefined;

  constructor(deps: LifeDeps, behaviour: PodBehaviour, pod: Pod, nowMs: number) {
    this.#deps = deps;
    this.#behaviour = behaviour;
    this.#pod = pod;
    this.#startedMs = nowMs;
    this.#finished = isTerminalPhase(pod);
    this.#state = (this.#finished ? undefined : recordsFromStatus(pod)) ?? emptyState;
    for (const record of running(this.#state)) this.#endsMs.set(record.id, this.#endOf(record));
  }

  get pod(): Pod { return this.#pod; }
  get rejected(): boolean { return this.#rejected; }
  /** Over for good: no container runs, and none will. */
  get over(): boolean { return this.terminating && running(this.#state).length === 0; }
  get terminating(): boolean { return this.#removed || this.#finished || this.#pod.metadata?.deletionTimestamp !== undefined || this.#failure !== undefined; }

  update(pod: Pod): void {
    this.#pod = pod;
  }

  /** Gone from the API. */
  remove(): void {
    this.#removed = true;
    this.#release();
  }

  reject({ reason, message }: Rejection): void {
    this.#rejected = true;
    this.#deps.tell(this.#pod, 'Warning', reason, message);
    this.#failure = { reason, message: `Pod was rejected: ${message}` };
  }

  /** Does what is due; answers when to come again (Infinity: only after a change). */
  advance(nowMs: number): number {
    this.#endDue(nowMs);
    if (this.terminating) return this.#windDown(nowMs);
    const deadlineMs = this.#deadlineMs();
    if (deadlineMs <= nowMs) {
      const message = 'Pod was active on the node longer than the specified deadline';
      this.#failure = { reason: 'DeadlineExceeded', message };
      this.#deps.tell(this.#pod, 'Normal', 'DeadlineExceeded', message);
      return this.#windDown(nowMs);
    }
    for (let step = 0; step < stepsAtOnce; step += 1) {
      const actions = podActions({ pod: this.#pod, state: this.#state, hash: imageOf, livenessFailed: () => false, startupFailed: () => false, started: () => true });
      if (actions.killPod && !actions.createSandbox) {
        this.#finished = true;
        return this.#windDown(nowMs);
      }
      const nextMs = this.#act(actions, nowMs);
      if (nextMs !== undefined) return Math.min(nextMs, deadlineMs, ...this.#endsMs.values(), this.#nextReadyMs(nowMs));
      this.#endDue(nowMs);
    }
    return nowMs + restMs;
  }

  /** What the API server should have; `known` is what it was last told. */
  status(known: PodStatus | undefined, nowMs: number): PodStatus {
    return podStatus({
      pod: { ...this.#pod, status: latestStatus(known, this.#pod.status) }, state: this.#state, nowMs, hostIp: this.#deps.hostIp, startedMs: this.#startedMs, waiting: this.#waiting,
      ready: (id) => this.#ready(id, nowMs), started: () => true, terminating: this.terminating, failure: this.#failure, rejected: this.#rejected,
    });
  }

  #deadlineMs(): number {
    const seconds = specOf(this.#pod).activeDeadlineSeconds;
    if (seconds === undefined) return Number.POSITIVE_INFINITY;
    return (this.#pod.status?.startTime === undefined ? this.#startedMs : Date.parse(this.#pod.status.startTime)) + seconds * 1000;
  }

  /** Undefined: something was done, so there may be more to do. */
  #act(actions: PodActions, nowMs: number): number | undefined {
    if (actions.createSandbox) {
      const address = isHostNetwork(this.#pod) ? this.#deps.hostIp : this.#deps.takeAddress();
      const sandbox = sandboxOf(this.#pod, nowMs, address);
      this.#state = { sandboxes: [sandbox], sandbox, containers: [] };
      return undefined;
    }
    for (const { record, message } of actions.kill) {
      this.#deps.tell(this.#pod, 'Normal', 'Killing', message, record.name);
      this.#end(record, nowMs, 0);
    }
    let nextMs = Number.POSITIVE_INFINITY;
    let started = actions.kill.length > 0;
    for (const container of [...actions.startInit, ...actions.start]) {
      const atMs = this.#start(container, nowMs);
      if (atMs === undefined) started = true;
      else nextMs = Math.min(nextMs, atMs);
    }
    return started ? undefined : nextMs;
  }

  /** Undefined: it runs; else when to try again. */
  #start(container: Container | EphemeralContainer, nowMs: number): number | undefined {
    const { name } = container;
    const last = newest(this.#state, name);
    const firstMs = (this.#state.sandbox?.createdAt ?? 0) / 1e6 + this.#picked(this.#behaviour.startAfter, 'start');
    if (last === undefined && nowMs < firstMs) return firstMs;
    const crashed = crashBackOff(this.#deps.backOff, this.#pod, name, imageOf(container), last);
    if (crashed !== undefined) {
      if (this.#waiting.get(name)?.message !== crashed.waiting.message) this.#deps.tell(this.#pod, 'Warning', 'BackOff', crashed.event, name);
      this.#waiting.set(name, crashed.waiting);
      return nowMs + crashed.leftMs;
    }
    this.#waiting.delete(name);
    const record = startedContainer(this.#pod, container, last === undefined ? 0 : last.restartCount + 1, nowMs);
    // The last end is kept for the last state.
    const others = this.#state.containers.filter((other) => other.name !== name || other === last);
    this.#state = { ...this.#state, containers: [record, ...others] };
    this.#endsMs.set(record.id, this.#endOf(record));
    this.#deps.tell(this.#pod, 'Normal', 'Created', `Created container: ${name}`, name);
    this.#deps.tell(this.#pod, 'Normal', 'Started', `Started container ${name}`, name);
    return undefined;
  }

  #picked(span: Parameters<typeof pick>[0], what: string): number {
    return pick(span, chance(this.#deps.seed, `${uidOf(this.#pod)}/${what}`));
  }

  #kindOf(name: string): 'app' | 'init' | 'endless' {
    const init = initContainers(this.#pod).find((container) => container.name === name);
    if (init !== undefined) return isSidecar(init) ? 'endless' : 'init';
    return specOf(this.#pod).containers.some((container) => container.name === name) ? 'app' : 'endless';
  }

  #endOf(record: ContainerRecord): number {
    const run = `${record.name}/${record.restartCount}`;
    const { runFor, initFor } = this.#behaviour;
    const span = { app: runFor, init: initFor, endless: undefined }[this.#kindOf(record.name)];
    return span === undefined ? Number.POSITIVE_INFINITY : startedMsOf(record) + this.#picked(span, `end/${run}`);
  }

  #exitCodeOf(record: ContainerRecord): number {
    if (this.#kindOf(record.name) !== 'app') return 0;
    const { exitCode, failShare } = this.#behaviour;
    return failShare === 1 || chance(this.#deps.seed, `${uidOf(this.#pod)}/exit/${record.name}/${record.restartCount}`) < failShare ? exitCode : 0;
  }

  #endDue(nowMs: number): void {
    for (const record of this.#state.containers) {
      const atMs = this.#endsMs.get(record.id);
      if (atMs !== undefined && atMs <= nowMs) this.#end(record, atMs, this.#exitCodeOf(record));
    }
  }

  #end(record: ContainerRecord, atMs: number, exitCode: number): void {
    this.#endsMs.delete(record.id);
    if (record.status.state === 'CONTAINER_RUNNING') endContainer(record, atMs, exitCode);
  }

  #readyAtMs(record: ContainerRecord): number {
    const { readyAfter } = this.#behaviour;
    const { readinessProbe } = allContainers(this.#pod).find(({ name }) => name === record.name) ?? {};
    const delayMs = readyAfter === undefined ? (readinessProbe?.initialDelaySeconds ?? 0) * 1000 : this.#picked(readyAfter, `ready/${record.name}/${record.restartCount}`);
    return startedMsOf(record) + delayMs;
  }

  #ready(id: string, nowMs: number): boolean {
    const record = this.#state.containers.find((one) => one.id === id);
    return record !== undefined && this.#readyAtMs(record) <= nowMs;
  }

  #nextReadyMs(nowMs: number): number {
    return Math.min(...running(this.#state).map((record) => this.#readyAtMs(record)).filter((atMs) => atMs > nowMs), Number.POSITIVE_INFINITY);
  }

  /** App containers and sidecars end together: nobody watches in which order. */
  #windDown(nowMs: number): number {
    const alive = running(this.#state);
    if (alive.length > 0) {
      const graceMs = gracePeriodSeconds(this.#pod) * 1000;
      if (this.#stoppingSinceMs === undefined) {
        this.#stoppingSinceMs = nowMs;
        for (const { name } of alive) this.#deps.tell(this.#pod, 'Normal', 'Killing', `Stopping container ${name}`, name);
      }
      const wishMs = this.#picked(this.#behaviour.stopAfter, 'stop');
      const atMs = this.#stoppingSinceMs + Math.min(wishMs, graceMs);
      if (nowMs < atMs) return Math.min(atMs, ...this.#endsMs.values());
      for (const record of alive) this.#end(record, nowMs, wishMs >= graceMs && wishMs > 0 ? killedExitCode : 0);
    }
    this.#release();
    return Number.POSITIVE_INFINITY;
  }

  /** The sandbox is stopped, and its address another pod's. */
  #release(): void {
    const { sandbox } = this.#state;
    if (sandbox?.state !== 'SANDBOX_READY') return;
    const [address] = podIps(this.#state);
    if (address !== undefined && !isHostNetwork(this.#pod)) this.#deps.giveBack(address);
    this.#state = { ...this.#state, sandbox: { ...sandbox, state: 'SANDBOX_NOTREADY' } };
  }
}
