import type { Container, Pod } from 'kubernetes-types/core/v1';
import { appContainers, ephemeralContainers, initContainers, isSidecar, restartPolicy } from './pod-facts.ts';
import { containerHashLabel } from './labels.ts';
import { newest, running, sandboxReady, type ContainerRecord, type PodRuntimeState } from './runtime-state.ts';

export interface KillAction { readonly record: ContainerRecord; readonly message: string }

export interface PodActions {
  readonly createSandbox: boolean;
  /** Kill everything first: the sandbox is to be made anew, or nothing is left to do. */
  readonly killPod: boolean;
  readonly kill: readonly KillAction[];
  readonly startInit: readonly Container[];
  readonly start: readonly Container[];
}

export interface ActionInput {
  readonly pod: Pod;
  readonly state: PodRuntimeState;
  readonly hash: (container: Container) => string;
  readonly livenessFailed: (containerId: string) => boolean;
  readonly startupFailed: (containerId: string) => boolean;
  /** undefined: the probe has not decided. */
  readonly started: (containerId: string) => boolean | undefined;
}

const nothing: PodActions = { createSandbox: false, killPod: false, kill: [], startInit: [], start: [] };

function shouldRestart(policy: string, record: ContainerRecord | undefined): boolean {
  if (record === undefined || record.status.state === 'CONTAINER_CREATED') return true;
  if (record.status.state === 'CONTAINER_RUNNING') return false;
  if (policy === 'Always') return true;
  if (policy === 'Never') return record.status.state === 'CONTAINER_UNKNOWN';
  return record.status.exitCode !== 0 || record.status.state === 'CONTAINER_UNKNOWN';
}

function killReason(input: ActionInput, container: Container, record: ContainerRecord): string | undefined {
  const hash = record.status.annotations[containerHashLabel];
  if (hash !== undefined && hash !== input.hash(container)) return `Container ${container.name} definition changed, will be restarted`;
  const ending = restartPolicy(input.pod) === 'Never' && !isSidecar(container) ? '' : ', will be restarted';
  if (input.livenessFailed(record.id)) return `Container ${container.name} failed liveness probe${ending}`;
  if (input.startupFailed(record.id)) return `Container ${container.name} failed startup probe${ending}`;
  return undefined;
}

function withoutSandbox(input: ActionInput): PodActions {
  const { pod, state } = input;
  const policy = restartPolicy(pod);
  const ranBefore = state.sandboxes.length > 0;
  if (policy === 'Never' && ranBefore && state.containers.length > 0) return { ...nothing, killPod: true };
  const apps = appContainers(pod).filter((container) => shouldRestart(policy, exitedOnly(newest(state, container.name))));
  if (apps.length === 0) return { ...nothing, killPod: true };
  const init = initContainers(pod)[0];
  return { createSandbox: true, killPod: ranBefore, kill: [], startInit: init === undefined ? [] : [init], start: init === undefined ? apps : [] };
}

/** In a sandbox that is lost a running container counts as ended by the loss. */
function exitedOnly(record: ContainerRecord | undefined): ContainerRecord | undefined {
  return record?.status.state === 'CONTAINER_EXITED' ? record : undefined;
}

type InitProgress = { readonly done: boolean; readonly failed: boolean; readonly start: readonly Container[]; readonly kill: readonly KillAction[] };

/** Init containers in order, each after the one before has ended well; a sidecar is passed once it has started. */
function initProgress(input: ActionInput): InitProgress {
  const start: Container[] = [];
  const kill: KillAction[] = [];
  const appsBegan = appContainers(input.pod).some((container) => current(input, container.name) !== undefined);
  for (const container of initContainers(input.pod)) {
    const record = current(input, container.name);
    if (isSidecar(container)) {
      const step = sidecarStep(input, container, record, kill);
      if (step === 'start') start.push(container);
      if (step !== 'started' && !appsBegan) return { done: false, failed: false, start, kill };
      continue;
    }
    if (appsBegan || (record?.status.state === 'CONTAINER_EXITED' && record.status.exitCode === 0)) continue;
    if (record?.status.state === 'CONTAINER_RUNNING') return { done: false, failed: false, start, kill };
    if (record?.status.state === 'CONTAINER_EXITED' && restartPolicy(input.pod) === 'Never') return { done: false, failed: true, start: [], kill };
    return { done: false, failed: false, start: [...start, container], kill };
  }
  return { done: true, failed: false, start, kill };
}

function sidecarStep(input: ActionInput, container: Container, record: ContainerRecord | undefined, kill: KillAction[]): 'start' | 'waiting' | 'started' {
  if (record?.status.state !== 'CONTAINER_RUNNING') return 'start';
  const reason = killReason(input, container, record);
  if (reason !== undefined) {
    kill.push({ record, message: reason });
    return 'start';
  }
  return container.startupProbe === undefined || input.started(record.id) === true ? 'started' : 'waiting';
}

/** Containers of an older sandbox count only as history. */
function current(input: ActionInput, name: string): ContainerRecord | undefined {
  const record = newest(input.state, name);
  return record !== undefined && record.sandboxId === input.state.sandbox?.id ? record : undefined;
}

/** What to do next for a pod that should run. Pure: the same input gives the same answer. */
export function podActions(input: ActionInput): PodActions {
  if (!sandboxReady(input.state)) return withoutSandbox(input);
  const policy = restartPolicy(input.pod);
  const init = initProgress(input);
  const ephemeral = ephemeralContainers(input.pod).filter((container) => newest(input.state, container.name) === undefined);
  if (init.failed) return { ...nothing, killPod: true };
  if (!init.done) return { ...nothing, startInit: init.start, start: ephemeral, kill: init.kill };
  const kill: KillAction[] = [...init.kill];
  const start: Container[] = [];
  let keep = 0;
  for (const container of appContainers(input.pod)) {
    const record = current(input, container.name);
    if (record?.status.state === 'CONTAINER_RUNNING') {
      const reason = killReason(input, container, record);
      if (reason === undefined) { keep += 1; continue; }
      kill.push({ record, message: reason });
      if (policy !== 'Never' || reason.includes('definition changed')) start.push(container);
      else keep += 1;
      continue;
    }
    if (shouldRestart(policy, record)) start.push(container);
  }
  if (keep === 0 && start.length === 0) return { ...nothing, killPod: true };
  return { createSandbox: false, killPod: false, kill: [...kill, ...strangers(input)], startInit: init.start, start: [...start, ...ephemeral] };
}

/** Running containers that the spec no longer names. */
function strangers(input: ActionInput): KillAction[] {
  const names = new Set([...initContainers(input.pod), ...appContainers(input.pod), ...ephemeralContainers(input.pod)].map((container) => container.name));
  return running(input.state).filter((record) => !names.has(record.name)).map((record) => ({ record, message: `Stopping container ${record.name}` }));
}
