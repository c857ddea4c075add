import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { Host } from '@coxswain/host';
import type { ContainerRuntime } from '../cri/types.ts';
import type { PodEvents } from './events.ts';
import { runHook } from './hooks.ts';
import { allContainers, initContainers, isSidecar } from './pod-facts.ts';
import { podIps, running, type ContainerRecord, type PodRuntimeState } from './runtime-state.ts';

/** Even a pod without time left gets this much to end (upstream's minimum), unless it was deleted by force. */
const minimumGraceSeconds = 2;

export interface KillContext {
  readonly host: Host;
  readonly runtime: ContainerRuntime;
  readonly events: PodEvents;
  readonly podIp: string;
}

export interface KillRequest {
  readonly pod: Pod;
  /** Undefined for a container that the spec no longer has. */
  readonly container: Container | undefined;
  readonly record: ContainerRecord;
  readonly graceSeconds: number;
  readonly message: string;
}

/** preStop, SIGTERM, SIGKILL, all within the grace period. */
export async function killContainer(context: KillContext, request: KillRequest): Promise<void> {
  const { host, runtime, events } = context;
  const { record, container } = request;
  events.container(record.name, 'Normal', 'Killing', request.message);
  const startMs = host.clock.monotonicMs();
  const preStop = container?.lifecycle?.preStop;
  if (preStop !== undefined && request.graceSeconds > 0 && record.status.state === 'CONTAINER_RUNNING') {
    const input = { pod: request.pod, container: container as Container, containerId: record.id, podIp: context.podIp, timeoutMs: request.graceSeconds * 1000 };
    const hook = runHook(preStop, input, host, runtime);
    const failure = await Promise.race([hook, host.timers.sleep(request.graceSeconds * 1000).then(() => undefined)]);
    if (failure !== undefined) events.container(record.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
  }
  const spentSeconds = (host.clock.monotonicMs() - startMs) / 1000;
  const left = request.graceSeconds === 0 ? 0 : Math.max(minimumGraceSeconds, Math.ceil(request.graceSeconds - spentSeconds));
  await runtime.stopContainer(record.id, left);
}

/** App containers at once; then the sidecars, the last first, in what is left of the grace period. */
export async function killPodContainers(context: KillContext, pod: Pod, state: PodRuntimeState, graceSeconds: number): Promise<void> {
  const containers = new Map(allContainers(pod).map((container) => [container.name, container]));
  const sidecarOrder = initContainers(pod).filter((container) => isSidecar(container)).map((container) => container.name);
  const startMs = context.host.clock.monotonicMs();
  const left = (): number => (graceSeconds === 0 ? 0 : Math.max(minimumGraceSeconds, graceSeconds - (context.host.clock.monotonicMs() - startMs) / 1000));
  const alive = running(state);
  const kill = (record: ContainerRecord): Promise<void> => killContainer(context, {
    pod, container: containers.get(record.name), record, graceSeconds: left(), message: `Stopping container ${record.name}`,
  });
  await Promise.all(alive.filter((record) => !sidecarOrder.includes(record.name)).map(kill));
  for (const name of sidecarOrder.reverse()) {
    await Promise.all(alive.filter((record) => record.name === name).map(kill));
  }
}

export function killContext(host: Host, runtime: ContainerRuntime, events: PodEvents, state: PodRuntimeState): KillContext {
  return { host, runtime, events, podIp: podIps(state)[0] ?? '' };
}
