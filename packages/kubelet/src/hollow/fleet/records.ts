import type { Container, ContainerState as ApiContainerState, ContainerStatus as ApiContainerStatus, EphemeralContainer, Pod } from 'kubernetes-types/core/v1';
import type { ContainerState, PodSandboxStatus } from '../../cri/types.ts';
import { containerHashLabel } from '../../pod/labels.ts';
import { uidOf } from '../../pod/pod-facts.ts';
import type { ContainerRecord, PodRuntimeState } from '../../pod/runtime-state.ts';
import { containerId } from './chance.ts';

const nanosecondsPerMs = 1e6;

/** What a container is restarted for when it changes. */
export function imageOf(container: Container | EphemeralContainer): string {
  return container.image ?? '';
}

export function sandboxOf(pod: Pod, nowMs: number, address: string): PodSandboxStatus {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  return {
    id: containerId(uidOf(pod)), metadata: { name, namespace, uid: uidOf(pod), attempt: 0 }, state: 'SANDBOX_READY', createdAt: nowMs * nanosecondsPerMs, labels: {}, annotations: {},
    network: { ip: address, additionalIps: [] },
  };
}

interface RecordTimes { readonly state: ContainerState; readonly startedMs: number; readonly finishedMs: number; readonly exitCode: number; readonly reason: string }

function record(pod: Pod, container: Container | EphemeralContainer, attempt: number, id: string, times: RecordTimes): ContainerRecord {
  return {
    id, name: container.name, sandboxId: containerId(uidOf(pod)), restartCount: attempt,
    status: {
      id, metadata: { name: container.name, attempt }, state: times.state, createdAt: times.startedMs * nanosecondsPerMs, startedAt: times.startedMs * nanosecondsPerMs,
      finishedAt: times.finishedMs * nanosecondsPerMs, exitCode: times.exitCode, image: { image: imageOf(container) }, imageRef: imageOf(container), reason: times.reason, message: '',
      labels: {}, annotations: { [containerHashLabel]: imageOf(container) }, logPath: '',
    },
  };
}

export function startedContainer(pod: Pod, container: Container | EphemeralContainer, attempt: number, nowMs: number): ContainerRecord {
  return record(pod, container, attempt, containerId(`${uidOf(pod)}/${container.name}/${attempt}`), { state: 'CONTAINER_RUNNING', startedMs: nowMs, finishedMs: 0, exitCode: 0, reason: '' });
}

export function endContainer({ status }: ContainerRecord, atMs: number, exitCode: number): void {
  status.state = 'CONTAINER_EXITED';
  status.finishedAt = atMs * nanosecondsPerMs;
  status.exitCode = exitCode;
  status.reason = exitCode === 0 ? 'Completed' : 'Error';
}

export function startedMsOf({ status }: ContainerRecord): number {
  return status.startedAt / nanosecondsPerMs;
}

function idOf(text: string | undefined): string {
  return (text ?? '').replace(/^[a-z-]+:\/\//, '');
}

function timesOf(state: ApiContainerState | undefined): RecordTimes | undefined {
  if (state?.running !== undefined) return { state: 'CONTAINER_RUNNING', startedMs: Date.parse(state.running.startedAt ?? ''), finishedMs: 0, exitCode: 0, reason: '' };
  const end = state?.terminated;
  if (end === undefined) return undefined;
  return { state: 'CONTAINER_EXITED', startedMs: Date.parse(end.startedAt ?? ''), finishedMs: Date.parse(end.finishedAt ?? ''), exitCode: end.exitCode, reason: end.reason ?? '' };
}

function recordsOf(pod: Pod, container: Container, status: ApiContainerStatus | undefined): readonly ContainerRecord[] {
  if (status === undefined) return [];
  const [now, before] = [timesOf(status.state), timesOf(status.lastState)];
  const records: ContainerRecord[] = [];
  if (now !== undefined && Number.isFinite(now.startedMs)) records.push(record(pod, container, status.restartCount, idOf(status.containerID), now));
  if (before !== undefined && Number.isFinite(before.startedMs)) {
    const attempt = now === undefined ? status.restartCount : status.restartCount - 1;
    records.push(record(pod, container, attempt, idOf(status.lastState?.terminated?.containerID), before));
  }
  return records;
}

/** The API is all the memory there is: what an earlier process of this fleet said of the pod. Undefined: it had not begun. */
export function recordsFromStatus(pod: Pod): PodRuntimeState | undefined {
  const { status, spec } = pod;
  if (status?.podIP === undefined || status.startTime === undefined) return undefined;
  const statuses = new Map([...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map((one) => [one.name, one]));
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].flatMap((container) => recordsOf(pod, container, statuses.get(container.name)));
  const sandbox = sandboxOf(pod, Date.parse(status.startTime), status.podIP);
  return { sandboxes: [sandbox], sandbox, containers: containers.sort((a, b) => b.status.createdAt - a.status.createdAt) };
}
