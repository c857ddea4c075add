import type { Container, Pod } from 'kubernetes-types/core/v1';
import { apiCode, messageOf } from '../api-types.ts';
import type { Image, PodSandboxConfig, CriMount, RegistryAuth } from '../cri/types.ts';
import { decodeBase64 } from '../base64.ts';
import { fromUtf8, utf8 } from '@coxswain/host';
import type { MountedVolumes } from '../volumes/manager.ts';
import { containerConfig, containerHash } from './container-config.ts';
import { crashBackOff } from './crash-back-off.ts';
import { ConfigError, containerEnv } from './env.ts';
import { etcHosts, hostAliases } from './dns.ts';
import type { PodEvents } from './events.ts';
import { runHook } from './hooks.ts';
import { killContainer } from './kill.ts';
import { gracePeriodSeconds, isHostNetwork, specOf, targetContainerName, uidOf } from './pod-facts.ts';
import { newest, podIps, type PodRuntimeState } from './runtime-state.ts';
import { nonRootRefusal } from './security.ts';
import type { WaitingReason } from './status.ts';
import type { WorkerDeps } from './worker-deps.ts';

export type StartResult =
  | { readonly kind: 'started'; readonly id: string }
  /** Shown as the container's waiting reason; tried again after `retryMs`, or when the pod is looked at next. */
  | { readonly kind: 'waiting'; readonly waiting: WaitingReason; readonly retryMs: number };

export interface StartRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly state: PodRuntimeState;
  readonly sandboxId: string;
  readonly sandboxConfig: PodSandboxConfig;
  readonly podIps: readonly string[];
  readonly volumes: MountedVolumes;
  readonly events: PodEvents;
  /** Gives up waiting for an image: the pod is to end. */
  readonly signal: AbortSignal;
}

const configRetryMs = 2000;

async function registryAuths(deps: WorkerDeps, pod: Pod, image: string): Promise<readonly RegistryAuth[]> {
  const host = image.split('/')[0] ?? '';
  const out: RegistryAuth[] = [];
  for (const reference of specOf(pod).imagePullSecrets ?? []) {
    const secret = await deps.objects.secret(pod.metadata?.namespace ?? '', reference.name ?? '');
    const data = secret?.data?.['.dockerconfigjson'];
    if (data === undefined) continue;
    const { auths = {} } = JSON.parse(fromUtf8(decodeBase64(data))) as { auths?: Record<string, RegistryAuth> };
    for (const [server, auth] of Object.entries(auths)) {
      if (server.replace(/^https?:\/\//, '').split('/')[0] === host) out.push({ ...auth, serverAddress: server });
    }
  }
  return out;
}

async function ensureImage(deps: WorkerDeps, request: StartRequest): Promise<Image | StartResult> {
  const { pod, container, sandboxConfig, events } = request;
  const auths = await registryAuths(deps, pod, container.image ?? '');
  const aborted = new Promise<undefined>((resolve) => { request.signal.addEventListener('abort', () => resolve(undefined), { once: true }); });
  const result = await Promise.race([deps.images.ensure({ pod, container, sandboxConfig, auths, events }), aborted]);
  if (result === undefined) return { kind: 'waiting', waiting: { reason: 'ContainerCreating', message: '' }, retryMs: 0 };
  if (result.kind === 'present') return result.image;
  if (result.reason !== 'ImagePullBackOff') events.container(container.name, 'Warning', 'Failed', `Error: ${result.reason}`);
  else events.container(container.name, 'Warning', 'Failed', 'Error: ImagePullBackOff');
  return { kind: 'waiting', waiting: { reason: result.reason, message: result.message }, retryMs: result.retryMs };
}

/** The kubelet's own mounts: hosts file and termination log. */
async function kubeletMounts(deps: WorkerDeps, request: StartRequest, attempt: number): Promise<CriMount[]> {
  const { pod, container } = request;
  const base = deps.volumes.podDirectory(uidOf(pod));
  const out: CriMount[] = [];
  const mount = (containerPath: string, hostPath: string, readonly = false): void => { out.push({ containerPath, hostPath, readonly, propagation: 'PROPAGATION_PRIVATE' }); };
  if (!(container.volumeMounts ?? []).some((candidate) => candidate.mountPath === '/etc/hosts')) {
    await deps.system.files.makeDirectory(base, 0o750);
    await deps.system.files.writeFile(`${base}/etc-hosts`, utf8(await hostsText(deps, request)), 0o644);
    mount('/etc/hosts', `${base}/etc-hosts`, container.securityContext?.readOnlyRootFilesystem === true);
  }
  const directory = `${base}/containers/${container.name}`;
  await deps.system.files.makeDirectory(directory, 0o750);
  const log = `${directory}/${attempt.toString(16).padStart(8, '0')}`;
  await deps.system.files.writeFile(log, new Uint8Array(0), 0o666);
  mount(container.terminationMessagePath ?? '/dev/termination-log', log);
  return out;
}

async function hostsText(deps: WorkerDeps, request: StartRequest): Promise<string> {
  if (!isHostNetwork(request.pod)) return etcHosts(request.pod, request.podIps, deps.config.clusterDomain);
  const own = fromUtf8(await deps.host.disk.readFile('/etc/hosts').catch(() => new Uint8Array(0)));
  return `# Kubernetes-managed hosts file (host network).\n${own}${hostAliases(request.pod)}`;
}

async function configured(deps: WorkerDeps, request: StartRequest, image: Image, attempt: number, hash: string): Promise<ReturnType<typeof containerConfig>> {
  const { pod, container, events } = request;
  const refusal = nonRootRefusal(pod, container, image);
  if (refusal !== undefined) throw new ConfigError(refusal);
  const namespace = pod.metadata?.namespace ?? '';
  const env = await containerEnv(pod, container, {
    podIps: request.podIps, hostIp: deps.node.hostIp(), nodeName: deps.config.nodeName, allocatable: deps.node.allocatable(),
    configMap: (name) => deps.objects.configMap(namespace, name), secret: (name) => deps.objects.secret(namespace, name), services: deps.services,
  }, (message) => events.container(container.name, 'Warning', 'InvalidEnvironmentVariableNames', message));
  const mounts = [...await deps.volumes.containerMounts(pod, container, request.volumes, env), ...await kubeletMounts(deps, request, attempt)];
  await deps.system.files.makeDirectory(`${request.sandboxConfig.logDirectory}/${container.name}`, 0o755);
  return containerConfig({ pod, container, image, config: deps.config, nodeMemoryBytes: deps.node.memoryBytes, attempt, env, mounts, hash, targetId: targetId(request) });
}

function targetId({ container, state }: StartRequest): string | undefined {
  const name = targetContainerName(container);
  if (name === undefined || name === '') return undefined;
  const target = newest(state, name);
  if (target === undefined) throw new Error(`unable to find target container ${name}`);
  return target.id;
}

function failed(request: StartRequest, reason: string, error: unknown): StartResult {
  const message = messageOf(error);
  request.events.container(request.container.name, 'Warning', 'Failed', `Error: ${message}`);
  return { kind: 'waiting', waiting: { reason, message }, retryMs: configRetryMs };
}

/** One attempt to bring one container up. Everything that can go wrong is told as a waiting reason. */
export async function startContainer(deps: WorkerDeps, request: StartRequest): Promise<StartResult> {
  const { container, events } = request;
  const hash = containerHash(deps.host.crypto, container);
  const crashed = crashBackOff(deps.crashBackOff, request.pod, container.name, hash, newest(request.state, container.name));
  if (crashed !== undefined) {
    events.container(container.name, 'Warning', 'BackOff', crashed.event);
    return { kind: 'waiting', waiting: crashed.waiting, retryMs: crashed.leftMs };
  }
  const image = await ensureImage(deps, request);
  if ('kind' in image) return image;
  const last = newest(request.state, container.name);
  const attempt = last === undefined ? rememberedRestarts(request) : last.restartCount + 1;
  let id: string;
  try {
    const config = await configured(deps, request, image, attempt, hash);
    id = await deps.runtime.createContainer(request.sandboxId, config, request.sandboxConfig);
  } catch (error) {
    const config = error instanceof ConfigError || apiCode(error) !== undefined;
    return failed(request, config ? 'CreateContainerConfigError' : 'CreateContainerError', error);
  }
  events.container(container.name, 'Normal', 'Created', `Created container: ${container.name}`);
  try {
    await deps.runtime.startContainer(id);
  } catch (error) {
    return failed(request, 'RunContainerError', error);
  }
  events.container(container.name, 'Normal', 'Started', `Started container ${container.name}`);
  return await postStart(deps, request, id);
}

/** The runtime forgot the containers (a reboot, a removed sandbox) but the API has their count. */
function rememberedRestarts(request: StartRequest): number {
  const statuses = [...(request.pod.status?.initContainerStatuses ?? []), ...(request.pod.status?.containerStatuses ?? [])];
  const old = statuses.find((status) => status.name === request.container.name);
  return old?.containerID === undefined ? 0 : old.restartCount + 1;
}

async function postStart(deps: WorkerDeps, request: StartRequest, id: string): Promise<StartResult> {
  const { pod, container, events } = request;
  const handler = container.lifecycle?.postStart;
  if (handler === undefined) return { kind: 'started', id };
  const failure = await runHook(handler, { pod, container, containerId: id, podIp: request.podIps[0] ?? '', timeoutMs: 24 * 3600 * 1000 }, deps.host, deps.runtime);
  if (failure === undefined) return { kind: 'started', id };
  events.container(container.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
  const state = await deps.reader.read(uidOf(pod));
  const record = state.containers.find((candidate) => candidate.id === id);
  if (record !== undefined) {
    const context = { host: deps.host, runtime: deps.runtime, events, podIp: podIps(state)[0] ?? '' };
    await killContainer(context, { pod, container, record, graceSeconds: gracePeriodSeconds(pod), message: 'FailedPostStartHook' });
  }
  return { kind: 'waiting', waiting: { reason: 'PostStartHookError', message: failure.message }, retryMs: 0 };
}
