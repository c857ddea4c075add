import type { Host } from '@coxswain/host';
import { messageOf } from './api-types.ts';
import type { ContainerRuntime } from './cri/types.ts';
import type { Relisted } from './kubelet-metrics.ts';
import { podNameLabel, podNamespaceLabel, podTerminationGracePeriodLabel, podUidLabel } from './pod/labels.ts';

/** A pod as the runtime knows it, by its labels. */
export interface RuntimePod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly graceSeconds: number;
  /** Differs whenever a sandbox or container came, went or changed its state. */
  readonly signature: string;
}

export interface RuntimePods extends Pick<Relisted, 'runningPods' | 'containers'> { readonly pods: ReadonlyMap<string, RuntimePod> }

async function listRuntimePods(runtime: ContainerRuntime): Promise<RuntimePods> {
  const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes(), runtime.listContainers()]);
  const parts = new Map<string, string[]>();
  const facts = new Map<string, Omit<RuntimePod, 'signature'>>();
  for (const item of [...sandboxes, ...containers]) {
    const uid = item.labels[podUidLabel];
    if (uid === undefined) continue;
    facts.set(uid, {
      uid, name: item.labels[podNameLabel] ?? '', namespace: item.labels[podNamespaceLabel] ?? '', graceSeconds: Number(item.annotations[podTerminationGracePeriodLabel] ?? 30),
    });
    const list = parts.get(uid) ?? [];
    list.push(`${item.id}=${item.state}`);
    parts.set(uid, list);
  }
  const counts: Record<string, number> = {};
  for (const { state } of containers) counts[state] = (counts[state] ?? 0) + 1;
  return {
    pods: new Map([...facts].map(([uid, fact]) => [uid, { ...fact, signature: (parts.get(uid) ?? []).sort().join(',') }])),
    runningPods: new Set(sandboxes.filter((sandbox) => sandbox.state === 'SANDBOX_READY').map((sandbox) => sandbox.labels[podUidLabel])).size, containers: counts,
  };
}

export interface PlegListener {
  changed(pod: RuntimePod): void;
  /** It answers again after it did not. */
  recovered(): void;
  relisted?(result: Relisted): void;
}

/** Relists the runtime each period and tells which pods changed. containerd 1.6 has no container events. */
export class Pleg {
  readonly #runtime: ContainerRuntime;
  readonly #host: Host;
  readonly #periodMs: number;
  readonly #known = new Map<string, string>();
  #lastMs: number;

  constructor(runtime: ContainerRuntime, host: Host, periodMs: number) {
    this.#runtime = runtime;
    this.#host = host;
    this.#periodMs = periodMs;
    this.#lastMs = host.clock.monotonicMs();
  }

  /** How long ago the runtime last answered. */
  get silentMs(): number { return this.#host.clock.monotonicMs() - this.#lastMs; }

  async run(signal: AbortSignal, listener: PlegListener): Promise<void> {
    let down = false;
    let beforeMs: number | undefined;
    while (!signal.aborted) {
      try {
        const startMs = this.#host.clock.monotonicMs();
        const { pods, runningPods, containers } = await listRuntimePods(this.#runtime);
        this.#lastMs = this.#host.clock.monotonicMs();
        listener.relisted?.({ durationMs: this.#lastMs - startMs, intervalMs: beforeMs === undefined ? undefined : startMs - beforeMs, runningPods, containers });
        beforeMs = startMs;
        for (const pod of pods.values()) {
          if (this.#known.get(pod.uid) === pod.signature) continue;
          this.#known.set(pod.uid, pod.signature);
          listener.changed(pod);
        }
        if (down) listener.recovered();
        down = false;
        for (const uid of this.#known.keys()) if (!pods.has(uid)) this.#known.delete(uid);
      } catch (error) {
        down = true;
        this.#host.log.debug('the runtime cannot be listed', { error: messageOf(error) });
      }
      await this.#host.timers.sleep(this.#periodMs, signal);
    }
  }
}
