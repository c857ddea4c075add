import type { FileStat, MachineInfo, NodeSystem, Route } from '../system.ts';

export interface HollowSystemOptions {
  readonly nodeName: string;
  readonly address: string;
  readonly cpus?: number;
  readonly memoryBytes?: number;
}

interface Entry {
  readonly stat: FileStat;
  readonly target?: string;
}

const nothing = (): Promise<void> => Promise.resolve();

/** Files of pods' volumes, kept in memory and never read by anybody. */
function memoryFiles(): NodeSystem['files'] {
  const entries = new Map<string, Entry>();
  const entry = (type: FileStat['type'], mode: number, sizeBytes = 0): Entry => ({ stat: { type, mode, uid: 0, gid: 0, sizeBytes, modifiedMs: 0 } });
  return {
    makeDirectory: (path, mode) => { entries.set(path, entry('directory', mode)); return nothing(); },
    writeFile: (path, data, mode) => { entries.set(path, entry('file', mode, data.length)); return nothing(); },
    lstat: (path) => Promise.resolve(entries.get(path)?.stat),
    stat: (path) => Promise.resolve(entries.get(path)?.stat),
    symlink: (target, path) => { entries.set(path, { ...entry('symlink', 0o777), target }); return nothing(); },
    readLink: (path) => Promise.resolve(entries.get(path)?.target ?? ''),
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
    ensureMasquerade: nothing, removeMasquerade: nothing,
  };
}

/** A machine that is only told of: capacities and an address, no mounts, cgroups or rules. */
export function hollowSystem(options: HollowSystemOptions): NodeSystem {
  const machine: MachineInfo = {
    hostname: options.nodeName, cpus: options.cpus ?? 4, memoryBytes: options.memoryBytes ?? 8 * 1024 ** 3, machineId: options.nodeName, systemUuid: options.nodeName, bootId: options.nodeName,
    kernelVersion: 'hollow', osImage: 'hollow', operatingSystem: 'linux', architecture: 'amd64',
  };
  return {
    machine: () => Promise.resolve(machine),
    filesystem: () => Promise.resolve({ capacityBytes: 100 * 1024 ** 3, availableBytes: 90 * 1024 ** 3, inodes: 1e7, inodesFree: 9e6 }),
    files: memoryFiles(),
    mounts: { below: () => Promise.resolve([]), tmpfs: nothing, bind: nothing, unmount: nothing },
    cgroups: { version: 2, ensure: nothing, remove: nothing, children: () => Promise.resolve([]), usage: () => Promise.resolve(undefined) },
    network: memoryRoutes(options.address),
  };
}
