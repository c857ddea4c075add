import type { Host } from '@coxswain/host';
import type { Container, Pod, Volume, VolumeMount } from 'kubernetes-types/core/v1';
import type { KubeletConfig } from '../config.ts';
import type { CriMount } from '../cri/types.ts';
import { expand, ConfigError } from '../pod/env.ts';
import { specOf, uidOf } from '../pod/pod-facts.ts';
import { wholeValue } from '../quantity.ts';
import type { NodeSystem } from '../system.ts';
import { AtomicWriter } from './atomic-writer.ts';
import { claimName } from './claims.ts';
import { prepareHostPath } from './host-path.ts';
import { giveToGroup } from './ownership.ts';
import { VolumeError, volumePayload, type PayloadSources } from './payloads.ts';

/** Host path by volume name. */
export type MountedVolumes = ReadonlyMap<string, string>;

const pluginOf: Readonly<Record<string, string>> = {
  emptyDir: 'kubernetes.io~empty-dir', configMap: 'kubernetes.io~configmap', secret: 'kubernetes.io~secret', projected: 'kubernetes.io~projected', downwardAPI: 'kubernetes.io~downward-api',
};

function pluginName(volume: Volume): string | undefined {
  return Object.entries(pluginOf).find(([field]) => volume[field as keyof Volume] !== undefined)?.[1];
}

/** What comes from the API is not the container's to change, whatever its mount says. */
function isReadonly(volume: Volume | undefined): boolean {
  return volume?.configMap !== undefined || volume?.secret !== undefined || volume?.downwardAPI !== undefined || volume?.projected !== undefined;
}

/** Makes a pod's volumes and takes them away. `mount` may be called again at any time: it repairs and brings up to date. */
export class VolumeManager {
  readonly #host: Host;
  readonly #system: NodeSystem;
  readonly #config: KubeletConfig;
  readonly #sources: PayloadSources;
  readonly #writer: AtomicWriter;

  constructor(host: Host, system: NodeSystem, config: KubeletConfig, sources: PayloadSources) {
    this.#host = host;
    this.#system = system;
    this.#config = config;
    this.#sources = sources;
    this.#writer = new AtomicWriter(host, system.files);
  }

  podDirectory(uid: string): string {
    return `${this.#config.rootDir}/pods/${uid}`;
  }

  async mount(pod: Pod): Promise<MountedVolumes> {
    const base = this.podDirectory(uidOf(pod));
    await this.#system.files.makeDirectory(base, 0o750);
    const mounts = new Set(await this.#system.mounts.below(base));
    const entries = await Promise.all((specOf(pod).volumes ?? []).map(async (volume): Promise<[string, string]> => {
      try {
        return [volume.name, await this.#one(pod, volume, base, mounts)];
      } catch (error) {
        throw new VolumeError(`MountVolume.SetUp failed for volume "${volume.name}" : ${(error as Error).message}`);
      }
    }));
    return new Map(entries);
  }

  async #one(pod: Pod, volume: Volume, base: string, mounts: ReadonlySet<string>): Promise<string> {
    if (volume.hostPath !== undefined) {
      await prepareHostPath(volume.hostPath, this.#system.files);
      return volume.hostPath.path;
    }
    if (claimName(pod, volume) !== undefined) return await this.#claimed(pod, volume, base, mounts);
    const plugin = pluginName(volume);
    if (plugin === undefined) throw new VolumeError(`no volume plugin matched for ${Object.keys(volume).filter((field) => field !== 'name').join(', ')}`);
    const directory = `${base}/volumes/${plugin}/${volume.name}`;
    if (volume.emptyDir !== undefined) await this.#emptyDir(pod, volume, directory, mounts);
    else await this.#payload(pod, volume, directory, mounts);
    return directory;
  }

  async #claimed(pod: Pod, volume: Volume, base: string, mounts: ReadonlySet<string>): Promise<string> {
    const { metadata, spec } = await this.#sources.claims.volume(pod, volume);
    if (spec?.hostPath !== undefined) {
      await prepareHostPath(spec.hostPath, this.#system.files);
      return spec.hostPath.path;
    }
    if (spec?.local === undefined) throw new VolumeError(`no volume plugin matched for persistent volume ${metadata?.name ?? ''}`);
    const { path } = spec.local;
    if ((await this.#system.files.stat(path))?.type !== 'directory') throw new VolumeError(`path ${JSON.stringify(path)} does not exist or is no directory`);
    const directory = `${base}/volumes/kubernetes.io~local-volume/${metadata?.name ?? ''}`;
    if (mounts.has(directory)) return directory;
    await this.#system.files.makeDirectory(directory, 0o750);
    await this.#system.mounts.bind(path, directory, { readonly: false });
    const fsGroup = specOf(pod).securityContext?.fsGroup;
    if (fsGroup !== undefined) await giveToGroup(this.#host, this.#system.files, directory, fsGroup);
    return directory;
  }

  async #emptyDir(pod: Pod, volume: Volume, directory: string, mounts: ReadonlySet<string>): Promise<void> {
    const fsGroup = specOf(pod).securityContext?.fsGroup;
    const present = await this.#system.files.lstat(directory);
    const memory = volume.emptyDir?.medium === 'Memory';
    if (present !== undefined && (!memory || mounts.has(directory))) return;
    await this.#system.files.makeDirectory(directory, 0o777);
    if (memory) {
      const limit = volume.emptyDir?.sizeLimit;
      await this.#system.mounts.tmpfs(directory, limit === undefined ? undefined : wholeValue(limit));
    }
    if (fsGroup !== undefined) {
      await this.#system.files.chown(directory, 0, fsGroup);
      await this.#system.files.chmod(directory, 0o2777);
    } else {
      await this.#system.files.chmod(directory, 0o777);
    }
  }

  /** Secrets and tokens stay in memory; nothing of them reaches the disk. */
  async #payload(pod: Pod, volume: Volume, directory: string, mounts: ReadonlySet<string>): Promise<void> {
    const payload = await volumePayload(pod, volume, this.#sources);
    if (payload === undefined) return;
    if ((await this.#system.files.lstat(directory)) === undefined) await this.#system.files.makeDirectory(directory, 0o777);
    const inMemory = volume.configMap === undefined;
    if (inMemory && !mounts.has(directory)) await this.#system.mounts.tmpfs(directory, undefined);
    const fsGroup = specOf(pod).securityContext?.fsGroup;
    const shared = fsGroup === undefined ? payload : new Map([...payload].map(([path, file]) => [path, { ...file, mode: file.mode | 0o440 }]));
    if (fsGroup !== undefined) {
      await this.#system.files.chown(directory, 0, fsGroup);
      await this.#system.files.chmod(directory, inMemory ? 0o3777 : 0o2777);
    }
    await this.#writer.write(directory, shared, fsGroup === undefined ? {} : { gid: fsGroup });
  }

  /** Mounts of one container, without the kubelet's own (hosts file, termination log). */
  async containerMounts(pod: Pod, container: Container, volumes: MountedVolumes, env: ReadonlyMap<string, string>): Promise<CriMount[]> {
    const out: CriMount[] = [];
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      const volume = volumes.get(mount.name);
      if (volume === undefined) throw new ConfigError(`volume ${mount.name} of container ${container.name} is not mounted`);
      const source = specOf(pod).volumes?.find((candidate) => candidate.name === mount.name);
      const hostPath = await this.#subPath(pod, container, mount, volume, index, env);
      if (source !== undefined && (source.hostPath !== undefined || claimName(pod, source) !== undefined) && (await this.#system.files.stat(hostPath)) === undefined) {
        await this.#system.files.makeDirectory(hostPath, 0o755);
      }
      out.push({ containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`, hostPath, readonly: mount.readOnly === true || source?.persistentVolumeClaim?.readOnly === true || isReadonly(source), propagation: propagationOf(mount) });
    }
    return out;
  }

  /**
   * A sub-path is bound to a place of the kubelet's own, after its links were resolved and found inside the volume, so that
   * the container cannot be pointed elsewhere by a link that it makes later.
   */
  async #subPath(pod: Pod, container: Container, mount: VolumeMount, volume: string, index: number, env: ReadonlyMap<string, string>): Promise<string> {
    const wanted = mount.subPathExpr === undefined ? mount.subPath ?? '' : expand(mount.subPathExpr, env);
    if (wanted === '') return volume;
    if (wanted.startsWith('/') || wanted.split('/').includes('..')) throw new ConfigError(`subPath ${JSON.stringify(wanted)} must be a relative path inside the volume`, 'CreateContainerConfigError');
    const real = await this.#inside(volume, wanted);
    if (real === undefined) throw new ConfigError(`failed to prepare subPath for volumeMount "${mount.name}" of container "${container.name}"`);
    const target = `${this.podDirectory(uidOf(pod))}/volume-subpaths/${mount.name}/${container.name}/${index}`;
    const mounted = new Set(await this.#system.mounts.below(target));
    if (mounted.has(target)) await this.#system.mounts.unmount(target);
    const stat = await this.#system.files.stat(real);
    if (stat?.type === 'directory') await this.#system.files.makeDirectory(target, 0o750);
    else {
      await this.#system.files.makeDirectory(target.slice(0, target.lastIndexOf('/')), 0o750);
      await this.#system.files.writeFile(target, new Uint8Array(0), 0o640);
    }
    await this.#system.mounts.bind(real, target, { readonly: false });
    return target;
  }

  /** The real path, made name by name where it is missing: nothing behind a link that leads out of the volume (then undefined). */
  async #inside(volume: string, wanted: string): Promise<string | undefined> {
    const { files } = this.#system;
    const root = await files.realPath(volume);
    let at = root;
    for (const name of wanted.split('/').filter((part) => part !== '' && part !== '.')) {
      const next = `${at}/${name}`;
      if ((await files.lstat(next)) === undefined) await files.makeDirectory(next, 0o750);
      at = await files.realPath(next);
      if (at !== root && !at.startsWith(`${root}/`)) return undefined;
    }
    return at;
  }

  /** Everything of the pod on disk: mounts first, so that nothing behind them is removed. */
  async remove(uid: string): Promise<void> {
    const base = this.podDirectory(uid);
    for (const target of await this.#system.mounts.below(base)) await this.#system.mounts.unmount(target);
    const left = await this.#system.mounts.below(base);
    if (left.length > 0) throw new VolumeError(`still mounted: ${left.join(', ')}`);
    await this.#host.disk.remove(base, { recursive: true });
    this.#sources.tokens.forget(uid);
    this.#sources.claims.forget(uid);
  }
}

function propagationOf(mount: VolumeMount): CriMount['propagation'] {
  if (mount.mountPropagation === 'HostToContainer') return 'PROPAGATION_HOST_TO_CONTAINER';
  return mount.mountPropagation === 'Bidirectional' ? 'PROPAGATION_BIDIRECTIONAL' : 'PROPAGATION_PRIVATE';
}
