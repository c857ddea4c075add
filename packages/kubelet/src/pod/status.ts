import type { Container, ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from 'kubernetes-types/core/v1';
import { rfc3339Seconds } from '@coxswain/host';
import { allContainers, appContainers, ephemeralContainers, initContainers, isHostNetwork, isSidecar, isTerminalPhase, restartPolicy, specOf } from './pod-facts.ts';
import { qosClass } from './resources.ts';
import { podIps, sandboxReady, type ContainerRecord, type PodRuntimeState } from './runtime-state.ts';

export interface WaitingReason { readonly reason: string; readonly message: string }

export interface StatusInput {
  readonly pod: Pod;
  readonly state: PodRuntimeState;
  readonly nowMs: number;
  readonly hostIp: string;
  /** When the kubelet first saw it. */
  readonly startedMs: number;
  /** Why a container is not started, by container name. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** By container id. Absent: no probe has decided yet. */
  readonly ready: (containerId: string) => boolean | undefined;
  readonly started: (containerId: string) => boolean | undefined;
  /** The pod is being torn down: nothing is started any more. */
  readonly terminating: boolean;
  /** A pod that the kubelet itself ended: refused at admission, past its deadline. */
  readonly failure: WaitingReason | undefined;
  /** The node did not admit the pod. */
  readonly rejected?: boolean;
}

function seconds(nanoseconds: number): string | undefined {
  return nanoseconds === 0 ? undefined : rfc3339Seconds(nanoseconds / 1e6);
}

function terminated(record: ContainerRecord): ContainerState {
  const status = record.status;
  const reason = status.reason === '' ? (status.exitCode === 0 ? 'Completed' : 'Error') : status.reason;
  return {
    terminated: {
      exitCode: status.exitCode, reason,
      ...(status.message === '' ? {} : { message: status.message }),
      startedAt: seconds(status.startedAt) as string, finishedAt: seconds(status.finishedAt) as string,
      containerID: `containerd://${record.id}`,
    },
  };
}

function stateOf(record: ContainerRecord): ContainerState {
  switch (record.status.state) {
    case 'CONTAINER_RUNNING': return { running: { startedAt: seconds(record.status.startedAt) as string } };
    case 'CONTAINER_EXITED': return terminated(record);
    case 'CONTAINER_CREATED': return { waiting: { reason: 'ContainerCreating' } };
    case 'CONTAINER_UNKNOWN': return { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated' } };
  }
}

function defaultWaiting(pod: Pod, isInit: boolean): ContainerState {
  const hasInit = initContainers(pod).length > 0;
  return { waiting: { reason: hasInit ? 'PodInitializing' : isInit ? 'PodInitializing' : 'ContainerCreating' } };
}

/** What the API said of a container that the runtime has no more: a reboot, or a sandbox that was removed. */
function remembered(input: StatusInput, container: Container, isInit: boolean): Pick<ContainerStatus, 'state' | 'lastState' | 'restartCount' | 'imageID' | 'containerID'> {
  const old = (isInit ? input.pod.status?.initContainerStatuses : [...(input.pod.status?.containerStatuses ?? []), ...(input.pod.status?.ephemeralContainerStatuses ?? [])])?.find((status) => status.name === container.name);
  const base = { restartCount: old?.restartCount ?? 0, imageID: old?.imageID ?? '', ...(old?.containerID === undefined ? {} : { containerID: old.containerID }) };
  if (old?.state?.terminated !== undefined) return { ...base, state: old.state, lastState: old.lastState ?? {} };
  if (old?.state?.running !== undefined && (input.terminating || input.failure !== undefined)) {
    return { ...base, state: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated' } }, lastState: old.lastState ?? {} };
  }
  if (old?.state?.running !== undefined) {
    return { ...base, state: defaultWaiting(input.pod, isInit), lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was deleted.  The container used to be Running' } } };
  }
  return { restartCount: 0, imageID: '', state: defaultWaiting(input.pod, isInit), lastState: {} };
}

function containerStatus(input: StatusInput, container: Container, isInit: boolean): ContainerStatus {
  const records = input.state.containers.filter((record) => record.name === container.name);
  const current = records[0];
  const base = current === undefined ? { ...remembered(input, container, isInit), image: container.image ?? '' } : fromRecord(current, records[1]);
  const waiting = input.waiting.get(container.name);
  const isRunning = base.state?.running !== undefined;
  const shown = waiting !== undefined && !isRunning && !input.terminating ? withWaiting(base, waiting) : base;
  const started = isRunning && current !== undefined ? startedOf(input, container, current, isInit) : false;
  return { name: container.name, ...shown, started, ready: readyOf(input, container, current, isInit, started) };
}

/** Readiness says nothing of a container that serves nobody. */
function ephemeralStatus(input: StatusInput, container: Container): ContainerStatus {
  const { started: _started, ...status } = containerStatus(input, container, false);
  return { ...status, ready: false };
}

type Shown = Pick<ContainerStatus, 'state' | 'lastState' | 'restartCount' | 'imageID' | 'containerID' | 'image'>;

function fromRecord(current: ContainerRecord, previous: ContainerRecord | undefined): Shown {
  return {
    state: stateOf(current),
    lastState: previous?.status.state === 'CONTAINER_EXITED' ? terminated(previous) : {},
    restartCount: current.restartCount, image: current.status.image.image, imageID: current.status.imageRef, containerID: `containerd://${current.id}`,
  };
}

/** A container that ended and is about to be started again waits; what it ended with becomes its last state. */
function withWaiting(base: Shown, waiting: WaitingReason): Shown {
  const state: ContainerState = { waiting: { reason: waiting.reason, ...(waiting.message === '' ? {} : { message: waiting.message }) } };
  return { ...base, state, lastState: base.state?.terminated === undefined ? base.lastState ?? {} : { terminated: base.state.terminated } };
}

function startedOf(input: StatusInput, container: Container, current: ContainerRecord, isInit: boolean): boolean {
  if (isInit && !isSidecar(container)) return false;
  return container.startupProbe === undefined || input.started(current.id) === true;
}

function readyOf(input: StatusInput, container: Container, current: ContainerRecord | undefined, isInit: boolean, started: boolean): boolean {
  if (current === undefined) return false;
  if (isInit && !isSidecar(container)) return current.status.state === 'CONTAINER_EXITED' && current.status.exitCode === 0;
  if (current.status.state !== 'CONTAINER_RUNNING' || !started) return false;
  return input.ready(current.id) ?? container.readinessProbe === undefined;
}

interface Counts { waiting: number; running: number; stopped: number; succeeded: number; unknown: number; pendingInit: number }

function ended(status: ContainerStatus): { readonly exitCode: number } | undefined {
  return status.state?.terminated ?? (status.state?.waiting === undefined ? undefined : status.lastState?.terminated);
}

function count(counts: Counts, status: ContainerStatus): void {
  if (status.state?.running !== undefined) { counts.running += 1; return; }
  if (status.state?.terminated !== undefined || (status.state?.waiting !== undefined && status.lastState?.terminated !== undefined)) {
    counts.stopped += 1;
    if (ended(status)?.exitCode === 0) counts.succeeded += 1;
    return;
  }
  if (status.state?.waiting !== undefined) counts.waiting += 1;
  else counts.unknown += 1;
}

function countInit(counts: Counts, container: Container, status: ContainerStatus | undefined): boolean {
  if (isSidecar(container)) {
    if (status?.started !== true) counts.pendingInit += 1;
    return false;
  }
  const end = status?.state?.terminated;
  if (end !== undefined) {
    if (end.exitCode !== 0) return true;
    return false;
  }
  counts.pendingInit += 1;
  return false;
}

/** Upstream's rules, in their order. */
function podPhase(pod: Pod, init: readonly ContainerStatus[], apps: readonly ContainerStatus[], terminal: boolean): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  const counts: Counts = { waiting: 0, running: 0, stopped: 0, succeeded: 0, unknown: 0, pendingInit: 0 };
  const policy = restartPolicy(pod);
  let failedInit = 0;
  for (const container of initContainers(pod)) {
    if (countInit(counts, container, init.find((status) => status.name === container.name))) failedInit += 1;
  }
  if (failedInit > 0 && policy === 'Never') return 'Failed';
  for (const status of apps) count(counts, status);
  const sidecarsRunning = initContainers(pod).some((container) => isSidecar(container) && init.find((status) => status.name === container.name)?.state?.running !== undefined);
  const hasStarted = apps.some((status) => status.state?.running !== undefined || ended(status) !== undefined);
  if ((counts.pendingInit > 0 && !hasStarted && !terminal) || (failedInit > 0 && !terminal)) return 'Pending';
  if (counts.waiting > 0 && !terminal) return 'Pending';
  if (counts.running > 0 && counts.unknown === 0) return 'Running';
  if (counts.running === 0 && counts.stopped > 0 && counts.unknown === 0) {
    if (sidecarsRunning && !terminal) return 'Running';
    if (terminal || policy !== 'Always') {
      if (counts.stopped === counts.succeeded && counts.waiting === 0) return 'Succeeded';
      if (policy === 'Never' || terminal) return 'Failed';
    }
    return 'Running';
  }
  return 'Pending';
}

function condition(type: string, ok: boolean, reason = '', message = ''): Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'> {
  return { type, status: ok ? 'True' : 'False', ...(reason === '' ? {} : { reason }), ...(message === '' ? {} : { message }) };
}

type BareCondition = ReturnType<typeof condition>;

function containersReady(pod: Pod, statuses: readonly ContainerStatus[], phase: string): BareCondition {
  if (phase === 'Succeeded') return condition('ContainersReady', false, 'PodCompleted');
  if (phase === 'Failed') return condition('ContainersReady', false, 'PodFailed');
  const unready: string[] = [];
  for (const container of allContainers(pod)) {
    if (initContainers(pod).includes(container) && !isSidecar(container)) continue;
    if (statuses.find((status) => status.name === container.name)?.ready !== true) unready.push(container.name);
  }
  return unready.length === 0 ? condition('ContainersReady', true) : condition('ContainersReady', false, 'ContainersNotReady', `containers with unready status: [${unready.join(' ')}]`);
}

function ready(pod: Pod, containers: BareCondition): BareCondition {
  if (containers.status !== 'True') return { ...containers, type: 'Ready' };
  const missing: string[] = [];
  for (const gate of specOf(pod).readinessGates ?? []) {
    const found = pod.status?.conditions?.find((candidate) => candidate.type === gate.conditionType);
    if (found === undefined) missing.push(`corresponding condition of pod readiness gate ${JSON.stringify(gate.conditionType)} does not exist.`);
    else if (found.status !== 'True') missing.push(`the status of pod readiness gate ${JSON.stringify(gate.conditionType)} is not "True", but ${found.status}`);
  }
  return missing.length === 0 ? condition('Ready', true) : condition('Ready', false, 'ReadinessGatesNotReady', missing.join(', '));
}

function initialized(pod: Pod, init: readonly ContainerStatus[], apps: readonly ContainerStatus[], phase: string): BareCondition {
  if (phase === 'Succeeded') return condition('Initialized', true, 'PodCompleted');
  const incomplete = initContainers(pod).filter((container) => {
    const status = init.find((candidate) => candidate.name === container.name);
    return isSidecar(container) ? status?.started !== true : status?.ready !== true;
  });
  const hasStarted = apps.some((status) => status.state?.running !== undefined || ended(status) !== undefined);
  if (incomplete.length === 0 || (hasStarted && incomplete.every((container) => isSidecar(container)))) return condition('Initialized', true);
  return condition('Initialized', false, 'ContainersNotInitialized', `containers with incomplete status: [${incomplete.map((container) => container.name).join(' ')}]`);
}

function stamped(input: StatusInput, conditions: readonly BareCondition[]): PodCondition[] {
  const now = rfc3339Seconds(input.nowMs);
  const own = conditions.map((next) => {
    const old = input.pod.status?.conditions?.find((candidate) => candidate.type === next.type);
    const since = old !== undefined && old.status === next.status ? old.lastTransitionTime ?? now : now;
    return { ...next, lastProbeTime: null as unknown as string, lastTransitionTime: since };
  });
  const kept = (input.pod.status?.conditions ?? []).filter((old) => !conditions.some((next) => next.type === old.type));
  return [...own, ...kept];
}

const ownConditions: ReadonlySet<string> = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']);

/** What the kubelet last wrote, with what others have written since: the server may not have the one yet, we do not have the other. */
export function latestStatus(own: PodStatus | undefined, server: PodStatus | undefined): PodStatus {
  if (own === undefined) return server ?? {};
  const foreign = (server?.conditions ?? []).filter((one) => !ownConditions.has(one.type));
  return { ...own, conditions: [...(own.conditions ?? []).filter((one) => ownConditions.has(one.type)), ...foreign] };
}

/** The status that the API server should have now. Conditions of others (readiness gates, the scheduler's) are kept. */
export function podStatus(input: StatusInput): PodStatus {
  const { pod, state } = input;
  const nothingRan = state.containers.length === 0 && state.sandboxes.length === 0;
  if (isTerminalPhase(pod) && nothingRan) return pod.status as PodStatus;
  if (input.rejected === true && nothingRan) return rejectedStatus(input);
  const init = initContainers(pod).map((container) => containerStatus(input, container, true));
  const apps = appContainers(pod).map((container) => containerStatus(input, container, false));
  const ephemeral = ephemeralContainers(pod).map((container) => ephemeralStatus(input, container));
  const computed = input.failure === undefined ? podPhase(pod, init, apps, input.terminating && !anyRunning(state)) : 'Failed';
  // A pod that has ended never lives again, whatever the runtime forgot meanwhile.
  const phase = isTerminalPhase(pod) ? pod.status?.phase as 'Succeeded' | 'Failed' : computed;
  const all = containersReady(pod, [...init, ...apps], phase);
  const networkReady = sandboxReady(state) && (isHostNetwork(pod) || podIps(state).length > 0);
  const conditions = stamped(input, [
    condition('PodReadyToStartContainers', networkReady), initialized(pod, init, apps, phase), ready(pod, all), all, condition('PodScheduled', true),
  ]);
  const ips = isHostNetwork(pod) ? [input.hostIp] : podIps(state).length > 0 ? podIps(state) : (pod.status?.podIPs ?? []).map((entry) => entry.ip ?? '');
  return {
    phase, conditions,
    ...verdict(input),
    ...(input.hostIp === '' ? {} : { hostIP: input.hostIp, hostIPs: [{ ip: input.hostIp }] }),
    ...(ips.length === 0 || ips[0] === '' ? {} : { podIP: ips[0] as string, podIPs: ips.map((ip) => ({ ip })) }),
    startTime: pod.status?.startTime ?? rfc3339Seconds(input.startedMs),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: apps,
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
    qosClass: qosClass(pod),
  } as PodStatus;
}

/** Why the pod has failed; one that failed under a kubelet before this one keeps what that one said. */
function verdict({ failure, pod }: StatusInput): Pick<PodStatus, 'reason' | 'message'> {
  if (failure !== undefined) return { reason: failure.reason, message: failure.message };
  const { reason, message } = isTerminalPhase(pod) ? pod.status ?? {} : {};
  return { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
}

/** Without statuses of containers: clients would show those and not the reason. */
function rejectedStatus(input: StatusInput): PodStatus {
  return { phase: 'Failed', ...verdict(input), startTime: input.pod.status?.startTime ?? rfc3339Seconds(input.startedMs), qosClass: qosClass(input.pod) } as PodStatus;
}

function anyRunning(state: PodRuntimeState): boolean {
  return state.containers.some((record) => record.status.state === 'CONTAINER_RUNNING');
}
