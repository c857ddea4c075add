import type { EventRecorder } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { Container, Pod, Probe } from 'kubernetes-types/core/v1';
import { messageOf } from '../api-types.ts';
import type { ContainerRuntime } from '../cri/types.ts';
import { podEvents } from '../pod/events.ts';
import { allContainers, initContainers, isSidecar, uidOf } from '../pod/pod-facts.ts';
import { newest, podIps, type PodRuntimeState } from '../pod/runtime-state.ts';
import { runProbe } from './probe.ts';

type ProbeKind = 'startup' | 'liveness' | 'readiness';
const probeKinds: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];

const titles: Readonly<Record<ProbeKind, string>> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

function probeOf(container: Container, kind: ProbeKind): Probe | undefined {
  return { startup: container.startupProbe, liveness: container.livenessProbe, readiness: container.readinessProbe }[kind];
}

interface Watch {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
  readonly startedAtMs: number;
  readonly abort: AbortController;
  readonly results: Map<ProbeKind, boolean>;
}

/** Probes the running containers of all pods; a change of a result wakes the pod's worker. */
export class ProbeManager {
  readonly #host: Host;
  readonly #runtime: ContainerRuntime;
  readonly #recorder: EventRecorder;
  readonly #changed: (podUid: string) => void;
  readonly #watches = new Map<string, Watch>();
  readonly #bootMs: number;

  constructor(host: Host, runtime: ContainerRuntime, recorder: EventRecorder, changed: (podUid: string) => void) {
    this.#host = host;
    this.#runtime = runtime;
    this.#recorder = recorder;
    this.#changed = changed;
    this.#bootMs = host.clock.nowMs();
  }

  /** Starts probing what runs and stops probing what does not. */
  update(pod: Pod, state: PodRuntimeState): void {
    const uid = uidOf(pod);
    const wanted = new Set<string>();
    for (const container of allContainers(pod)) {
      if (initContainers(pod).includes(container) && !isSidecar(container)) continue;
      const record = newest(state, container.name);
      if (record?.status.state !== 'CONTAINER_RUNNING' || probeKinds.every((kind) => probeOf(container, kind) === undefined)) continue;
      wanted.add(record.id);
      if (!this.#watches.has(record.id)) this.#start({ pod, container, containerId: record.id, podIp: podIps(state)[0] ?? '', startedAtMs: record.status.startedAt / 1e6, abort: new AbortController(), results: new Map() });
    }
    for (const [id, watch] of this.#watches) if (uidOf(watch.pod) === uid && !wanted.has(id)) this.#stop(id);
  }

  ready(containerId: string): boolean | undefined { return this.#watches.get(containerId)?.results.get('readiness'); }
  started(containerId: string): boolean | undefined { return this.#watches.get(containerId)?.results.get('startup'); }
  livenessFailed(containerId: string): boolean { return this.#watches.get(containerId)?.results.get('liveness') === false; }
  startupFailed(containerId: string): boolean { return this.#watches.get(containerId)?.results.get('startup') === false; }

  /** The failed probe's own grace period, if it has one. */
  killGraceSeconds(containerId: string, container: Container | undefined): number | undefined {
    if (this.livenessFailed(containerId)) return container?.livenessProbe?.terminationGracePeriodSeconds;
    if (this.startupFailed(containerId)) return container?.startupProbe?.terminationGracePeriodSeconds;
    return undefined;
  }

  /** A pod that ends is told ready or not to the last, but is not killed by its liveness. */
  stopForTermination(pod: Pod): void {
    for (const watch of this.#watches.values()) {
      if (uidOf(watch.pod) === uidOf(pod)) {
        watch.results.delete('liveness');
        watch.results.delete('startup');
        watch.results.set('startup', true);
      }
    }
  }

  remove(podUid: string): void {
    for (const [id, watch] of this.#watches) if (uidOf(watch.pod) === podUid) this.#stop(id);
  }

  close(): void {
    for (const id of this.#watches.keys()) this.#stop(id);
  }

  #stop(id: string): void {
    this.#watches.get(id)?.abort.abort();
    this.#watches.delete(id);
  }

  #start(watch: Watch): void {
    this.#watches.set(watch.containerId, watch);
    for (const kind of probeKinds) if (probeOf(watch.container, kind) !== undefined) void this.#loop(watch, kind);
  }

  async #loop(watch: Watch, kind: ProbeKind): Promise<void> {
    const probe = probeOf(watch.container, kind) as Probe;
    const { signal } = watch.abort;
    const periodMs = Math.max(1, probe.periodSeconds ?? 10) * 1000;
    const nowMs = this.#host.clock.nowMs();
    // After a restart of the kubelet all probes would fire together.
    if (nowMs - this.#bootMs < periodMs && watch.startedAtMs < this.#bootMs) await this.#host.timers.sleep(this.#host.random.float() * periodMs, signal);
    await this.#host.timers.sleep(Math.max(0, watch.startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - this.#host.clock.nowMs()), signal);
    const run = { successes: 0, failures: 0 };
    while (!signal.aborted) {
      if (kind === 'startup' || watch.container.startupProbe === undefined || watch.results.get('startup') === true) {
        const finished = await this.#once(watch, kind, probe, run);
        if (finished) return;
      }
      await this.#host.timers.sleep(periodMs, signal);
    }
  }

  /** Answers true if this probe has nothing more to find out. */
  async #once(watch: Watch, kind: ProbeKind, probe: Probe, run: { successes: number; failures: number }): Promise<boolean> {
    let answer;
    try {
      answer = await runProbe(probe, watch, this.#host, this.#runtime);
    } catch (error) {
      this.#host.log.debug('probe could not be run', { kind, container: watch.container.name, error: messageOf(error) });
      podEvents(this.#recorder, watch.pod).container(watch.container.name, 'Warning', 'Unhealthy', `${titles[kind]} probe errored and resulted in unknown state: ${messageOf(error)}`);
      return false;
    }
    if (watch.abort.signal.aborted) return true;
    run.successes = answer.ok ? run.successes + 1 : 0;
    run.failures = answer.ok ? 0 : run.failures + 1;
    if (!answer.ok) podEvents(this.#recorder, watch.pod).container(watch.container.name, 'Warning', 'Unhealthy', `${titles[kind]} probe failed: ${answer.output}`);
    const enough = answer.ok ? run.successes >= (probe.successThreshold ?? 1) : run.failures >= (probe.failureThreshold ?? 3);
    if (!enough) return false;
    const before = watch.results.get(kind);
    watch.results.set(kind, answer.ok);
    if (before !== answer.ok) this.#changed(uidOf(watch.pod));
    return kind !== 'readiness' && (kind === 'startup' || !answer.ok);
  }
}
