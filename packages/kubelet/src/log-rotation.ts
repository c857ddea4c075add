import type { Host } from '@coxswain/host';
import { messageOf } from './api-types.ts';
import type { KubeletConfig } from './config.ts';
import type { ContainerRuntime } from './cri/types.ts';
import type { NodeSystem } from './system.ts';

/** Old logs of one container: `0.log.20240102-030405`, all but the newest of them compressed. */
const rotatedName = /\.\d{8}-\d{6}(?:\.gz)?$/;

function stamp(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}

export class LogRotation {
  readonly #config: KubeletConfig;
  readonly #host: Host;
  readonly #runtime: ContainerRuntime;
  readonly #system: NodeSystem;

  constructor(config: KubeletConfig, host: Host, runtime: ContainerRuntime, system: NodeSystem) {
    this.#config = config;
    this.#host = host;
    this.#runtime = runtime;
    this.#system = system;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#host.timers.sleep(this.#config.containerLogMonitorIntervalMs, signal);
      if (signal.aborted) return;
      await this.rotateAll().catch((error: unknown) => this.#host.log.warn('container logs are not rotated', { error: messageOf(error) }));
    }
  }

  /** One look at every running container. */
  async rotateAll(): Promise<void> {
    for (const container of await this.#runtime.listContainers()) {
      if (container.state !== 'CONTAINER_RUNNING') continue;
      const { logPath } = await this.#runtime.containerStatus(container.id);
      const stat = logPath === '' ? undefined : await this.#system.files.stat(logPath);
      if (stat !== undefined && stat.sizeBytes >= this.#config.containerLogMaxSizeBytes) await this.#rotate(container.id, logPath);
    }
  }

  async #rotate(id: string, path: string): Promise<void> {
    const directory = path.slice(0, path.lastIndexOf('/'));
    const base = path.slice(directory.length + 1);
    const rotated = (await this.#host.disk.list(directory)).filter((name) => name.startsWith(`${base}.`) && rotatedName.test(name)).sort();
    // The one in use and the one that this rotation makes count too.
    const surplus = Math.max(0, rotated.length - (this.#config.containerLogMaxFiles - 2));
    for (const name of rotated.slice(0, surplus)) await this.#host.disk.remove(`${directory}/${name}`);
    for (const name of rotated.slice(surplus)) if (!name.endsWith('.gz')) await this.#compress(`${directory}/${name}`);
    const target = `${path}.${stamp(this.#host.clock.nowMs())}`;
    await this.#host.disk.rename(path, target);
    try {
      await this.#runtime.reopenContainerLog(id);
    } catch (error) {
      // The runtime goes on writing to the renamed file: give it its name back.
      await this.#host.disk.rename(target, path);
      throw error;
    }
  }

  async #compress(path: string): Promise<void> {
    await this.#system.files.gzip(path, `${path}.tmp`);
    await this.#host.disk.rename(`${path}.tmp`, `${path}.gz`);
    await this.#host.disk.remove(path);
  }
}
