import { fromUtf8, utf8, type Disk } from '@coxswain/host';
import type { FilesystemInfo, FileStat, MachineInfo, NodeSystem, Route } from '../system.ts';

export interface HollowSystemOptions {
  readonly nodeName: string;
  readonly address: string;
  readonly disk: Disk;
  readonly cpus?: number;
  readonly memoryBytes?: number;
}

const nothing = (): Promise<void> => Promise.resolve();

/** Marks a file that stands for a symbolic link, which `Disk` does not have. */
const linkMark = '\u0000link:';

/** Files of pods' volumes, on the host's own disk: the kubelet reads and renames them there. Modes and owners are not kept. */
function diskFiles(disk: Disk): NodeSystem['files'] {
  const stat = (type: FileStat['type'], sizeBytes: number): FileStat => ({ type, mode: 0o755, uid: 0, gid: 0, sizeBytes, modifiedMs: 0 });
  const isDirectory = async (path: string): Promise<boolean> => disk.list(path).then(() => true, () => false);
  const lstat = async (path: string): Promise<FileStat | undefined> => {
    if (!(await disk.exists(path))) return undefined;
    if (await isDirectory(path)) return stat('directory', 0);
    const data = await disk.readFile(path);
    return fromUtf8(data.subarray(0, linkMark.length)) === linkMark ? stat('symlink', data.length) : stat('file', data.length);
  };
  const readLink = async (path: string): Promise<string> => fromUtf8(await disk.readFile(path)).slice(linkMark.length);
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    writeFile: (path, data) => disk.writeFileAtomic(path, data),
    lstat, readLink,
    stat: async (path) => { const found = await lstat(path); return found?.type === 'symlink' ? stat('directory', 0) : found; },
    symlink: (target, path) => disk.writeFileAtomic(path, utf8(`${linkMark}${target}`)),
    chmod: nothing, chown: nothing, gzip: nothing,
    realPath: (path) => Promise.resolve(path),
    usage: () => Promise.resolve({ bytes: 0, inodes: 0 }),
    watch: () => () => undefined,
  };
}

function memoryRoutes(address: string): NodeSystem['network'] {
  let routes: readonly Route[] = [];
  return {
    primaryAddress: () => Promise.resolve(address),
    enableForwarding: nothing,
    listRoutes: () => Promise.resolve(routes),
    replaceRoute: (route) => { routes = [...routes.filter((one) => one.cidr !== route.cidr), route]; return nothing(); },
    removeRoute: (route) => { routes = routes.filter((one) => one.cidr !== route.cidr); return nothing(); },
    ensureMasquerade: nothing, removeMasquerade: nothing, removePortMappings: nothing,
  };
}

export function hollowMachine({ nodeName, cpus = 4, memoryBytes = 8 * 1024 ** 3 }: Omit<HollowSystemOptions, 'disk' | 'address'>): MachineInfo {
  return {
    hostname: nodeName, cpus, memoryBytes, machineId: nodeName, systemUuid: nodeName, bootId: nodeName,
    kernelVersion: 'hollow', osImage: 'hollow', operatingSystem: 'linux', architecture: 'amd64',
  };
}

export const hollowFilesystem: FilesystemInfo = { capacityBytes: 100 * 1024 ** 3, availableBytes: 90 * 1024 ** 3, inodes: 1e7, inodesFree: 9e6 };

/** A machine that is only told of: capacities and an address, no mounts, cgroups or rules. */
export function hollowSystem(options: HollowSystemOptions): NodeSystem {
  return {
    machine: () => Promise.resolve(hollowMachine(options)),
    filesystem: () => Promise.resolve(hollowFilesystem),
    files: diskFiles(options.disk),
    mounts: { below: () => Promise.resolve([]), tmpfs: nothing, bind: nothing, unmount: nothing },
    cgroups: { version: 2, ensure: nothing, remove: nothing, children: () => Promise.resolve([]), usage: () => Promise.resolve(undefined) },
    network: memoryRoutes(options.address),
  };
}
