import type { Pod } from 'kubernetes-types/core/v1';
import { apiCode, pods } from '../api-types.ts';
import type { PodEvents } from './events.ts';
import { killContext, killPodContainers } from './kill.ts';
import { uidOf } from './pod-facts.ts';
import { podCgroupPath } from './resources.ts';
import { running, type PodRuntimeState } from './runtime-state.ts';
import type { WorkerDeps } from './worker-deps.ts';

export interface TerminateRequest {
  readonly pod: Pod;
  readonly state: PodRuntimeState;
  readonly events: PodEvents;
  /** No longer in the API: nothing is reported or deleted there. */
  readonly removed: boolean;
  readonly graceSeconds: number;
  readonly logDirectory: string;
  readonly report: (state: PodRuntimeState) => void;
}

/**
 * Brings a pod down, in upstream's order: containers, sandbox, volumes, cgroup, last status; then, if it is deleted, the API
 * object and the runtime's records. A pod that has only ended keeps its records, for logs and statuses.
 */
export async function terminatePod(deps: WorkerDeps, request: TerminateRequest): Promise<'ended' | 'kept'> {
  const { pod, removed } = request;
  const uid = uidOf(pod);
  deps.probes.stopForTermination(pod);
  if (running(request.state).length > 0) {
    if (!removed) request.report(request.state);
    await killPodContainers(killContext(deps.host, deps.runtime, request.events, request.state), pod, request.state, request.graceSeconds);
  }
  const state = await deps.reader.read(uid);
  deps.probes.remove(uid);
  if (!removed) request.report(state);
  for (const sandbox of state.sandboxes) if (sandbox.state === 'SANDBOX_READY') await deps.runtime.stopPodSandbox(sandbox.id);
  await deps.volumes.remove(uid);
  if (deps.config.cgroupsPerQos) await deps.system.cgroups.remove(podCgroupPath(deps.config.cgroupRoot, pod));
  deps.objects.unregister(uid);
  if (!removed && pod.metadata?.deletionTimestamp === undefined) return 'kept';
  if (!removed) await deleteFromApi(deps, pod);
  await removeRecords(deps, state, request.logDirectory);
  deps.statuses.forget(uid);
  deps.crashBackOff.forget(`${uid}/`);
  return 'ended';
}

/** After its last status. */
export async function deleteFromApi(deps: Pick<WorkerDeps, 'client' | 'statuses'>, pod: Pod): Promise<void> {
  const uid = uidOf(pod);
  await deps.statuses.flushed(uid);
  try {
    await deps.client.delete(pods, { namespace: pod.metadata?.namespace, name: pod.metadata?.name ?? '' }, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    // Gone already, or a new pod of that name: either way this one is no more.
    if (apiCode(error) !== 404 && apiCode(error) !== 409) throw error;
  }
}

async function removeRecords(deps: WorkerDeps, state: PodRuntimeState, logDirectory: string): Promise<void> {
  for (const record of state.containers) await deps.runtime.removeContainer(record.id);
  for (const sandbox of state.sandboxes) await deps.runtime.removePodSandbox(sandbox.id);
  await deps.host.disk.remove(logDirectory, { recursive: true });
}
