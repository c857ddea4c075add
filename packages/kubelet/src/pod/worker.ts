import type { Pod } from 'kubernetes-types/core/v1';
import type { TimerHandle } from '@coxswain/host';
import { messageOf } from '../api-types.ts';
import type { PodSandboxConfig } from '../cri/types.ts';
import type { MountedVolumes } from '../volumes/manager.ts';
import type { Rejection } from './admission.ts';
import { podActions, type PodActions } from './actions.ts';
import { containerHash } from './container-config.ts';
import { podEvents, type PodEvents } from './events.ts';
import { killContainer, killContext, killPodContainers } from './kill.ts';
import { allContainers, gracePeriodSeconds, isHostNetwork, isTerminalPhase, logDirectoryName, specOf, uidOf } from './pod-facts.ts';
import { podCgroupLimits, podCgroupPath } from './resources.ts';
import { emptyState, newest, podIps, running, sandboxReady, type PodRuntimeState } from './runtime-state.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { startContainer } from './start-container.ts';
import { latestStatus, podStatus, type WaitingReason } from './status.ts';
import { terminatePod } from './terminate.ts';
import type { WorkerDeps } from './worker-deps.ts';

/** One step leads at once to the next, waits for something to happen, or for a time; or the pod has ended for good. */
type StepResult = { readonly kind: 'again' } | { readonly kind: 'settled' } | { readonly kind: 'after'; readonly delayMs: number } | { readonly kind: 'ended' };

const failureRetryMs = 1000;
const maxFailureRetryMs = 20_000;

/**
 * One pod of this node. Steps run one after the other: look at the runtime, tell the status, do the next thing. `wake` makes
 * another step follow; waking many times makes one. The worker ends when the pod is gone from the runtime and the API.
 */
export class PodWorker {
  readonly uid: string;
  readonly #deps: WorkerDeps;
  readonly #startedMs: number;
  readonly #waiting = new Map<string, WaitingReason>();
  /** Aborted when the pod is to end, so that nothing holds it up (an image pull). */
  readonly #ending = new AbortController();
  #pod: Pod;
  #removed = false;
  #state: PodRuntimeState = emptyState;
  #failure: WaitingReason | undefined;
  #dirty = true;
  #timer: TimerHandle | undefined;
  #wakeUp: (() => void) | undefined;
  #stopped = false;
  #failures = 0;
  #finished = false;
  #rejected = false;

  constructor(deps: WorkerDeps, pod: Pod) {
    this.#deps = deps;
    this.#pod = pod;
    this.uid = uidOf(pod);
    this.#startedMs = deps.host.clock.nowMs();
    if (isTerminalPhase(pod)) this.#finished = true;
  }

  get pod(): Pod { return this.#pod; }
  get rejected(): boolean { return this.#rejected; }
  get state(): PodRuntimeState { return this.#state; }
  get terminating(): boolean { return this.#removed || this.#finished || this.#pod.metadata?.deletionTimestamp !== undefined || this.#failure !== undefined; }

  /** The pod as the API has it now. */
  update(pod: Pod): void {
    const shorter = this.#pod.metadata?.deletionTimestamp !== undefined && gracePeriodSeconds(pod) < gracePeriodSeconds(this.#pod);
    this.#pod = pod;
    if (pod.metadata?.deletionTimestamp !== undefined) this.#ending.abort();
    if (shorter) this.#hurry();
    this.wake();
  }

  /** Deleted from the API without waiting for us: it ends now. */
  remove(): void {
    this.#removed = true;
    this.#ending.abort();
    this.wake();
  }

  /** The kubelet itself ends the pod, with upstream's reason (DeadlineExceeded, Evicted, …). */
  fail(reason: string, message: string): void {
    this.#failure ??= { reason, message };
    this.#ending.abort();
    this.wake();
  }

  /** The node does not take the pod: nothing of it is ever started. */
  reject({ reason, message }: Rejection): void {
    this.#rejected = true;
    podEvents(this.#deps.recorder, this.#pod).pod('Warning', reason, message);
    this.fail(reason, `Pod was rejected: ${message}`);
  }

  wake(): void {
    this.#dirty = true;
    this.#wakeUp?.();
  }

  /** Stops looking after the pod; its containers go on. */
  stop(): void {
    this.#stopped = true;
    this.#ending.abort();
    this.wake();
  }

  /** Resolves when the pod is gone for good, or after `stop`. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      this.#dirty = false;
      const result = await this.#guardedStep();
      if (result.kind === 'ended') return;
      if (result.kind === 'again') continue;
      await this.#wait(result.kind === 'after' ? Math.min(result.delayMs, this.#resyncMs()) : this.#resyncMs());
    }
  }

  #resyncMs(): number {
    return this.#deps.config.syncFrequencyMs * (1 + this.#deps.host.random.float() / 2);
  }

  async #wait(delayMs: number): Promise<void> {
    if (this.#dirty) return;
    await new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
      this.#timer = this.#deps.host.timers.after(delayMs, resolve);
    });
    this.#timer?.cancel();
    this.#wakeUp = undefined;
  }

  async #guardedStep(): Promise<StepResult> {
    try {
      const result = await this.#step();
      this.#failures = 0;
      return result;
    } catch (error) {
      this.#failures += 1;
      this.#deps.host.log.warn('pod step failed', { pod: this.#pod.metadata?.name, namespace: this.#pod.metadata?.namespace, error: messageOf(error) });
      return { kind: 'after', delayMs: Math.min(maxFailureRetryMs, failureRetryMs * 2 ** (this.#failures - 1)) };
    }
  }

  async #step(): Promise<StepResult> {
    this.#state = await this.#deps.reader.read(this.uid);
    const events = podEvents(this.#deps.recorder, this.#pod);
    if (this.terminating) return await this.#terminate(events);
    const deadline = this.#deadline();
    if (deadline !== undefined && deadline <= 0) {
      this.fail('DeadlineExceeded', 'Pod was active on the node longer than the specified deadline');
      events.pod('Normal', 'DeadlineExceeded', 'Pod was active on the node longer than the specified deadline');
      return { kind: 'again' };
    }
    this.#deps.objects.register(this.#pod);
    this.#deps.probes.update(this.#pod, this.#state);
    const result = await this.#advance(events);
    this.#report();
    return deadline === undefined || result.kind !== 'settled' ? result : { kind: 'after', delayMs: deadline };
  }

  #deadline(): number | undefined {
    const seconds = specOf(this.#pod).activeDeadlineSeconds;
    if (seconds === undefined) return undefined;
    const since = this.#pod.status?.startTime === undefined ? this.#startedMs : Date.parse(this.#pod.status.startTime);
    return since + seconds * 1000 - this.#deps.host.clock.nowMs();
  }

  /** Tells the API what is so, with what is known at this moment. */
  #report(): void {
    const { deps } = { deps: this.#deps };
    const before = deps.statuses.current(this.uid)?.phase ?? this.#pod.status?.phase ?? 'Pending';
    const status = podStatus({
      pod: { ...this.#pod, status: latestStatus(deps.statuses.current(this.uid), this.#pod.status) },
      state: this.#state, nowMs: deps.host.clock.nowMs(), hostIp: deps.node.hostIp(), startedMs: this.#startedMs, waiting: this.#waiting,
      ready: (id) => deps.probes.ready(id), started: (id) => deps.probes.started(id), terminating: this.terminating, failure: this.#failure, rejected: this.#rejected,
    });
    if (before === 'Pending' && status.phase === 'Running') deps.metrics.podStarted(deps.host.clock.nowMs() - this.#startedMs);
    deps.statuses.set(this.#pod, status);
  }

  async #advance(events: PodEvents): Promise<StepResult> {
    const { deps } = { deps: this.#deps };
    const actions = podActions({
      pod: this.#pod, state: this.#state, hash: (container) => containerHash(deps.host.crypto, container),
      livenessFailed: (id) => deps.probes.livenessFailed(id), startupFailed: (id) => deps.probes.startupFailed(id), started: (id) => deps.probes.started(id),
    });
    this.#clearRunning();
    if (actions.killPod && !actions.createSandbox) {
      this.#finished = true;
      return { kind: 'again' };
    }
    if (!actions.createSandbox && actions.kill.length + actions.start.length + actions.startInit.length === 0) {
      await deps.volumes.mount(this.#pod);
      return { kind: 'settled' };
    }
    this.#report();
    return await this.#act(actions, events);
  }

  /** A container that runs has no reason to wait any more. */
  #clearRunning(): void {
    for (const name of this.#waiting.keys()) {
      if (newest(this.#state, name)?.status.state === 'CONTAINER_RUNNING') this.#waiting.delete(name);
    }
  }

  async #act(actions: PodActions, events: PodEvents): Promise<StepResult> {
    const volumes = await this.#mount(events);
    if (volumes === undefined) return { kind: 'after', delayMs: 500 };
    await this.#killSome(actions, events);
    if (actions.createSandbox) {
      const problem = isHostNetwork(this.#pod) ? undefined : this.#deps.node.networkProblem();
      if (problem !== undefined) {
        events.pod('Warning', 'NetworkNotReady', `network is not ready: ${problem}`);
        return { kind: 'after', delayMs: failureRetryMs };
      }
      await this.#createSandbox(events);
    }
    return await this.#startSome(actions, volumes, events);
  }

  async #mount(events: PodEvents): Promise<MountedVolumes | undefined> {
    try {
      return await this.#deps.volumes.mount(this.#pod);
    } catch (error) {
      events.pod('Warning', 'FailedMount', messageOf(error));
      return undefined;
    }
  }

  async #killSome(actions: PodActions, events: PodEvents): Promise<void> {
    const context = killContext(this.#deps.host, this.#deps.runtime, events, this.#state);
    if (actions.killPod) {
      await killPodContainers(context, this.#pod, this.#state, gracePeriodSeconds(this.#pod));
      for (const sandbox of this.#state.sandboxes) await this.#deps.runtime.stopPodSandbox(sandbox.id);
    }
    await Promise.all(actions.kill.map(async ({ record, message }) => {
      const container = allContainers(this.#pod).find((candidate) => candidate.name === record.name);
      const probeGrace = this.#deps.probes.killGraceSeconds(record.id, container);
      await killContainer(context, { pod: this.#pod, container, record, graceSeconds: probeGrace ?? gracePeriodSeconds(this.#pod), message });
    }));
    if (actions.kill.length > 0 || actions.killPod) this.#state = await this.#deps.reader.read(this.uid);
  }

  async #createSandbox(events: PodEvents): Promise<void> {
    const { deps } = { deps: this.#deps };
    const attempt = (this.#state.sandboxes[0]?.metadata.attempt ?? -1) + 1;
    const config = await this.#sandboxConfig(attempt);
    if (deps.config.cgroupsPerQos) {
      await deps.system.cgroups.ensure(podCgroupPath(deps.config.cgroupRoot, this.#pod), podCgroupLimits(this.#pod, { enabled: deps.config.cpuCfsQuota, periodUs: deps.config.cpuCfsQuotaPeriodUs }, deps.config.podPidsLimit));
    }
    await deps.system.files.makeDirectory(config.logDirectory, 0o755);
    if (attempt > 0) events.pod('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    try {
      await deps.runtime.runPodSandbox(config);
    } catch (error) {
      events.pod('Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(error)}`);
      throw error;
    }
    this.#state = await deps.reader.read(this.uid);
    this.#report();
  }

  async #sandboxConfig(attempt: number): Promise<PodSandboxConfig> {
    return sandboxConfig(this.#pod, this.#deps.config, await this.#deps.hostResolvConf(), attempt);
  }

  async #startSome(actions: PodActions, volumes: MountedVolumes, events: PodEvents): Promise<StepResult> {
    const sandbox = this.#state.sandbox;
    if (sandbox === undefined || !sandboxReady(this.#state)) return { kind: 'again' };
    const config = await this.#sandboxConfig(sandbox.metadata.attempt);
    const ips = isHostNetwork(this.#pod) ? [this.#deps.node.hostIp()] : podIps(this.#state);
    let waitMs = Number.POSITIVE_INFINITY;
    for (const container of [...actions.startInit, ...actions.start]) {
      if (this.#ending.signal.aborted) break;
      const result = await startContainer(this.#deps, {
        pod: this.#pod, container, state: this.#state, sandboxId: sandbox.id, sandboxConfig: config, podIps: ips, volumes, events, signal: this.#ending.signal,
      });
      if (result.kind === 'started') this.#waiting.delete(container.name);
      else {
        this.#waiting.set(container.name, result.waiting);
        waitMs = Math.min(waitMs, result.retryMs === 0 ? failureRetryMs : result.retryMs);
      }
    }
    this.#state = await this.#deps.reader.read(this.uid);
    this.#deps.probes.update(this.#pod, this.#state);
    await this.#collectOld();
    // A container that has just started may already have ended; PLEG tells the rest.
    return Number.isFinite(waitMs) ? { kind: 'after', delayMs: waitMs } : { kind: this.#initPending() ? 'again' : 'settled' };
  }

  /** An init container that has ended while the others were started: go on without waiting for the relist. */
  #initPending(): boolean {
    return (specOf(this.#pod).initContainers ?? []).some((container) => newest(this.#state, container.name)?.status.state === 'CONTAINER_EXITED')
      && specOf(this.#pod).containers.some((container) => newest(this.#state, container.name) === undefined);
  }

  /** The last end of each container is kept for its log and last state; what ended before that is removed. */
  async #collectOld(): Promise<void> {
    for (const container of allContainers(this.#pod)) {
      const ended = this.#state.containers.filter((record) => record.name === container.name && record.status.state === 'CONTAINER_EXITED');
      const keep = newest(this.#state, container.name)?.status.state === 'CONTAINER_EXITED' ? 2 : 1;
      for (const record of ended.slice(keep)) {
        await this.#deps.runtime.removeContainer(record.id);
        if (record.status.logPath !== '') await this.#deps.host.disk.remove(record.status.logPath);
      }
    }
    const old = this.#state.sandboxes.slice(1).filter((sandbox) => sandbox.state === 'SANDBOX_NOTREADY' && !this.#state.containers.some((record) => record.sandboxId === sandbox.id));
    for (const sandbox of old) await this.#deps.runtime.removePodSandbox(sandbox.id);
  }

  /** Stops containers again with the shorter time: the runtime takes the earlier end. */
  #hurry(): void {
    for (const record of running(this.#state)) {
      this.#deps.runtime.stopContainer(record.id, gracePeriodSeconds(this.#pod)).catch((error: unknown) => {
        this.#deps.host.log.warn('container is not stopped', { id: record.id, error: messageOf(error) });
      });
    }
  }

  async #terminate(events: PodEvents): Promise<StepResult> {
    const step = await terminatePod(this.#deps, {
      pod: this.#pod, state: this.#state, events, removed: this.#removed, graceSeconds: this.#removed && this.#pod.metadata?.deletionTimestamp === undefined ? Math.min(gracePeriodSeconds(this.#pod), 30) : gracePeriodSeconds(this.#pod),
      report: (state) => { this.#state = state; this.#report(); }, logDirectory: `${this.#deps.config.podLogsDir}/${logDirectoryName(this.#pod)}`,
    });
    return step === 'ended' ? { kind: 'ended' } : { kind: 'settled' };
  }
}
