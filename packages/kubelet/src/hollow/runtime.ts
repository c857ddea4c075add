import type { Clock, Timers, TimerHandle } from '@coxswain/host';
import { RuntimeError, type Container, type ContainerConfig, type ContainerRuntime, type ContainerState, type ContainerStatus, type Filter, type Image, type PodSandbox, type PodSandboxConfig } from '../cri/types.ts';

/** What a container without a process does: runs until it is stopped, or ends by itself. */
export type Behaviour = { readonly kind: 'forever' } | { readonly kind: 'ends'; readonly afterMs: number; readonly exitCode: number };

export interface HollowRuntimeOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Addresses that sandboxes get, in turn. */
  readonly podAddress: (count: number) => string;
  readonly behaviour?: (config: ContainerConfig) => Behaviour;
  /** Exit code of a command in a container; absent: 0. */
  readonly command?: (config: ContainerConfig, command: readonly string[]) => number;
  /** Whether an image can be pulled; absent: every one. */
  readonly hasImage?: (image: string) => boolean;
  /** As measured on a small machine: 115 ms for a sandbox, 72 ms for a container. */
  readonly sandboxMs?: number;
  readonly containerMs?: number;
}

interface HollowSandbox { readonly sandbox: PodSandbox; readonly address: string }

interface HollowContainer {
  readonly status: ContainerStatus;
  readonly podSandboxId: string;
  readonly config: ContainerConfig;
  timer: TimerHandle | undefined;
}

function matches(filter: Filter | undefined, id: string, podSandboxId: string, labels: Readonly<Record<string, string>>): boolean {
  if (filter === undefined) return true;
  if (filter.id !== undefined && filter.id !== id) return false;
  if (filter.podSandboxId !== undefined && filter.podSandboxId !== podSandboxId) return false;
  return Object.entries(filter.labelSelector ?? {}).every(([key, value]) => labels[key] === value);
}

/** A runtime that keeps the books and runs nothing: the kubelet above it is the real one. */
export class HollowRuntime implements ContainerRuntime {
  readonly #options: HollowRuntimeOptions;
  readonly #sandboxes = new Map<string, HollowSandbox>();
  readonly #containers = new Map<string, HollowContainer>();
  #count = 0;

  constructor(options: HollowRuntimeOptions) {
    this.#options = options;
  }

  version(): Promise<{ runtimeName: string; runtimeVersion: string; runtimeApiVersion: string }> {
    return Promise.resolve({ runtimeName: 'hollow', runtimeVersion: '1', runtimeApiVersion: 'v1' });
  }

  status(): Promise<readonly { type: string; status: boolean; reason: string; message: string }[]> {
    return Promise.resolve(['RuntimeReady', 'NetworkReady'].map((type) => ({ type, status: true, reason: '', message: '' })));
  }

  updatePodCidr(): Promise<void> {
    return Promise.resolve();
  }

  #nowNs(): number {
    return this.#options.clock.nowMs() * 1e6;
  }

  #newId(): string {
    this.#count += 1;
    return this.#count.toString(16).padStart(64, '0');
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    await this.#options.timers.sleep(this.#options.sandboxMs ?? 115);
    const id = this.#newId();
    const sandbox: PodSandbox = { id, metadata: config.metadata, state: 'SANDBOX_READY', createdAt: this.#nowNs(), labels: config.labels, annotations: config.annotations };
    this.#sandboxes.set(id, { sandbox, address: this.#options.podAddress(this.#count) });
    return id;
  }

  #container(id: string): HollowContainer {
    const found = this.#containers.get(id);
    if (found === undefined) throw new RuntimeError('not-found', `container ${id} is not known`);
    return found;
  }

  #end(container: HollowContainer, exitCode: number): void {
    container.timer?.cancel();
    if (container.status.state === 'CONTAINER_EXITED') return;
    container.status.state = 'CONTAINER_EXITED';
    container.status.finishedAt = this.#nowNs();
    container.status.exitCode = exitCode;
    container.status.reason = exitCode === 0 ? 'Completed' : 'Error';
  }

  stopPodSandbox(id: string): Promise<void> {
    for (const container of this.#containers.values()) if (container.podSandboxId === id) this.#end(container, 137);
    const found = this.#sandboxes.get(id);
    if (found !== undefined) found.sandbox.state = 'SANDBOX_NOTREADY';
    return Promise.resolve();
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id);
    for (const [key, container] of this.#containers) if (container.podSandboxId === id) this.#containers.delete(key);
    this.#sandboxes.delete(id);
  }

  podSandboxStatus(id: string): ReturnType<ContainerRuntime['podSandboxStatus']> {
    const found = this.#sandboxes.get(id);
    if (found === undefined) return Promise.reject(new RuntimeError('not-found', `sandbox ${id} is not known`));
    return Promise.resolve({ ...found.sandbox, network: { ip: found.address, additionalIps: [] } });
  }

  listPodSandboxes(filter?: Filter): Promise<readonly PodSandbox[]> {
    return Promise.resolve([...this.#sandboxes.values()].map((one) => ({ ...one.sandbox })).filter((one) => matches(filter, one.id, one.id, one.labels)));
  }

  createContainer(podSandboxId: string, config: ContainerConfig): Promise<string> {
    const id = this.#newId();
    const status: ContainerStatus = {
      id, metadata: config.metadata, state: 'CONTAINER_CREATED', createdAt: this.#nowNs(), startedAt: 0, finishedAt: 0, exitCode: 0, image: { image: config.image.image },
      imageRef: config.image.image, reason: '', message: '', labels: config.labels, annotations: config.annotations, logPath: config.logPath,
    };
    this.#containers.set(id, { status, podSandboxId, config, timer: undefined });
    return Promise.resolve(id);
  }

  async startContainer(id: string): Promise<void> {
    await this.#options.timers.sleep(this.#options.containerMs ?? 72);
    const container = this.#container(id);
    container.status.state = 'CONTAINER_RUNNING';
    container.status.startedAt = this.#nowNs();
    const behaviour = this.#options.behaviour?.(container.config) ?? { kind: 'forever' };
    if (behaviour.kind === 'ends') container.timer = this.#options.timers.after(behaviour.afterMs, () => this.#end(container, behaviour.exitCode));
  }

  stopContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container !== undefined) this.#end(container, 0);
    return Promise.resolve();
  }

  removeContainer(id: string): Promise<void> {
    this.#containers.get(id)?.timer?.cancel();
    this.#containers.delete(id);
    return Promise.resolve();
  }

  listContainers(filter?: Filter): Promise<readonly Container[]> {
    const all = [...this.#containers.values()].map(({ status, podSandboxId }): Container => ({
      id: status.id, podSandboxId, metadata: status.metadata, imageRef: status.imageRef, state: status.state as ContainerState, createdAt: status.createdAt, labels: status.labels, annotations: status.annotations,
    }));
    return Promise.resolve(all.filter((one) => matches(filter, one.id, one.podSandboxId, one.labels)));
  }

  containerStatus(id: string): Promise<ContainerStatus> {
    const found = this.#containers.get(id);
    return found === undefined ? Promise.reject(new RuntimeError('not-found', `container ${id} is not known`)) : Promise.resolve({ ...found.status });
  }

  updateContainerResources(): Promise<void> { return Promise.resolve(); }
  reopenContainerLog(): Promise<void> { return Promise.resolve(); }

  execSync(id: string, command: readonly string[]): Promise<{ stdout: Uint8Array; stderr: Uint8Array; exitCode: number }> {
    const exitCode = this.#options.command?.(this.#container(id).config, command) ?? 0;
    return Promise.resolve({ stdout: new Uint8Array(0), stderr: new Uint8Array(0), exitCode });
  }

  #noStreams(): Promise<string> {
    return Promise.reject(new RuntimeError('other', 'a hollow container has no process to talk to'));
  }

  exec(): Promise<string> { return this.#noStreams(); }
  attach(): Promise<string> { return this.#noStreams(); }
  portForward(): Promise<string> { return this.#noStreams(); }
  listContainerStats(): Promise<readonly []> { return Promise.resolve([]); }
  listImages(): Promise<readonly Image[]> { return Promise.resolve([]); }

  imageStatus(image: string): Promise<Image | undefined> {
    return Promise.resolve(this.#options.hasImage?.(image) === false ? undefined : { id: image, repoTags: [image], repoDigests: [], size: 1, username: '' });
  }

  pullImage(image: string): Promise<string> {
    if (this.#options.hasImage?.(image) === false) return Promise.reject(new RuntimeError('not-found', `${image}: not found`));
    return Promise.resolve(image);
  }

  removeImage(): Promise<void> { return Promise.resolve(); }
}
