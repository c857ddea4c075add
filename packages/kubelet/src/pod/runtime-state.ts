import type { Container, ContainerRuntime, ContainerStatus, PodSandbox, PodSandboxStatus } from '../cri/types.ts';
import { RuntimeError } from '../cri/types.ts';
import { containerNameLabel, podUidLabel, restartCountLabel } from './labels.ts';

/** What the runtime has of one pod at one moment. */
export interface PodRuntimeState {
  /** Newest first. */
  readonly sandboxes: readonly PodSandbox[];
  /** Of the newest sandbox. */
  readonly sandbox: PodSandboxStatus | undefined;
  /** Newest first. */
  readonly containers: readonly ContainerRecord[];
}

export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string;
  readonly restartCount: number;
  readonly status: ContainerStatus;
}

export const emptyState: PodRuntimeState = { sandboxes: [], sandbox: undefined, containers: [] };

export function sandboxReady(state: PodRuntimeState): boolean {
  return state.sandbox?.state === 'SANDBOX_READY';
}

export function podIps(state: PodRuntimeState): readonly string[] {
  const network = state.sandbox?.network;
  if (network === undefined || network === null || network.ip === '' || !sandboxReady(state)) return [];
  return [network.ip, ...network.additionalIps.map((entry) => entry.ip)];
}

/** The newest container of that name. */
export function newest(state: PodRuntimeState, name: string): ContainerRecord | undefined {
  return state.containers.find((record) => record.name === name);
}

export function running(state: PodRuntimeState): readonly ContainerRecord[] {
  return state.containers.filter((record) => record.status.state === 'CONTAINER_RUNNING' || record.status.state === 'CONTAINER_UNKNOWN');
}

export type MessageReader = (status: ContainerStatus) => Promise<string>;

/**
 * Reads one pod's state. What an ended container says never changes again, so it is asked once.
 * `readMessage` finds what a container that ended left as its termination message.
 */
export class PodStateReader {
  readonly #runtime: ContainerRuntime;
  readonly #readMessage: MessageReader;
  /** By pod, then by container. */
  readonly #ended = new Map<string, ReadonlyMap<string, ContainerStatus>>();

  constructor(runtime: ContainerRuntime, readMessage: MessageReader) {
    this.#runtime = runtime;
    this.#readMessage = readMessage;
  }

  async read(uid: string): Promise<PodRuntimeState> {
    const labelSelector = { [podUidLabel]: uid };
    const [sandboxes, containers] = await Promise.all([this.#runtime.listPodSandboxes({ labelSelector }), this.#runtime.listContainers({ labelSelector })]);
    const newestFirst = [...sandboxes].sort((a, b) => b.createdAt - a.createdAt);
    const top = newestFirst[0];
    const ended = this.#ended.get(uid);
    const [sandbox, records] = await Promise.all([
      top === undefined ? undefined : this.#unlessGone(this.#runtime.podSandboxStatus(top.id)),
      Promise.all(containers.map((container) => this.#record(container, ended?.get(container.id)))),
    ]);
    const known = records.filter((record) => record !== undefined);
    this.#remember(uid, known);
    return { sandboxes: newestFirst, sandbox, containers: known.sort((a, b) => b.status.createdAt - a.status.createdAt) };
  }

  async #record(container: Container, ended: ContainerStatus | undefined): Promise<ContainerRecord | undefined> {
    const status = ended ?? await this.#freshStatus(container.id);
    if (status === undefined) return undefined;
    return {
      id: container.id, name: container.labels[containerNameLabel] ?? container.metadata.name, sandboxId: container.podSandboxId,
      restartCount: Number(container.annotations[restartCountLabel] ?? 0), status,
    };
  }

  async #freshStatus(id: string): Promise<ContainerStatus | undefined> {
    const status = await this.#unlessGone(this.#runtime.containerStatus(id));
    if (status?.state !== 'CONTAINER_EXITED') return status;
    return { ...status, message: await this.#readMessage(status) };
  }

  #remember(uid: string, records: readonly ContainerRecord[]): void {
    const ended = records.filter((record) => record.status.state === 'CONTAINER_EXITED');
    if (ended.length === 0) this.#ended.delete(uid);
    else this.#ended.set(uid, new Map(ended.map((record) => [record.id, record.status])));
  }

  async #unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof RuntimeError && error.kind === 'not-found') return undefined;
      throw error;
    }
  }
}
