/** What the kubelet asks of the machine beyond `Host`: identity, mounts, cgroups, file ownership, routes. */

export interface MachineInfo {
  readonly hostname: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly operatingSystem: string;
  readonly architecture: string;
}

export interface FileStat {
  readonly type: 'file' | 'directory' | 'symlink' | 'socket' | 'block-device' | 'char-device' | 'other';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Tells a file from another one of the same name. */
  readonly inode?: number;
}

/** Failures are DiskError as with `Host.disk`. */
export interface NodeFiles {
  /** With parents; sets the mode whatever the umask, also when the directory is there already. */
  makeDirectory(path: string, mode: number): Promise<void>;
  writeFile(path: string, data: Uint8Array, mode: number): Promise<void>;
  /** Undefined if nothing is there. Does not follow a link at the end. */
  lstat(path: string): Promise<FileStat | undefined>;
  /** Follows links. */
  stat(path: string): Promise<FileStat | undefined>;
  symlink(target: string, path: string): Promise<void>;
  readLink(path: string): Promise<string>;
  chmod(path: string, mode: number): Promise<void>;
  chown(path: string, uid: number, gid: number): Promise<void>;
  /** All symbolic links on the way resolved. */
  realPath(path: string): Promise<string>;
  gzip(from: string, to: string): Promise<void>;
  /** Bytes and inodes of the tree. */
  usage(path: string): Promise<{ readonly bytes: number; readonly inodes: number }>;
  /** Calls `changed` after each change to the file; the returned function ends it. May call too often, never too rarely. */
  watch(path: string, changed: () => void): () => void;
}

export interface NodeMounts {
  /** Mount points at or below `path`, deepest first. */
  below(path: string): Promise<readonly string[]>;
  tmpfs(path: string, sizeBytes: number | undefined): Promise<void>;
  /** Rejects if `source` is not its own real path any more. */
  bind(source: string, path: string, options: { readonly readonly: boolean }): Promise<void>;
  unmount(path: string): Promise<void>;
}

export interface CgroupLimits {
  readonly cpuShares?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
}

export interface CgroupUsage { readonly cpuNanoseconds: number; readonly memoryBytes: number; readonly workingSetBytes: number; readonly rssBytes: number }

/** Paths are `/`-separated names below each controller's mount (v1) or the one tree (v2). */
export interface NodeCgroups {
  readonly version: 1 | 2;
  /** Makes it (and its parents) or brings its limits up to date. */
  ensure(path: string, limits: CgroupLimits): Promise<void>;
  /** Kills what is left inside and removes the tree. */
  remove(path: string): Promise<void>;
  /** Names of the children. */
  children(path: string): Promise<readonly string[]>;
  usage(path: string): Promise<CgroupUsage | undefined>;
}

export interface Route { readonly cidr: string; readonly via: string }

/** Routes and masquerading of this node's pod network. Everything is marked as the kubelet's and can be listed again. */
export interface NodeNetwork {
  /** Address of the interface that has the default route, else the first global one. */
  primaryAddress(): Promise<string | undefined>;
  enableForwarding(): Promise<void>;
  listRoutes(): Promise<readonly Route[]>;
  replaceRoute(route: Route): Promise<void>;
  removeRoute(route: Route): Promise<void>;
  /** Traffic from `podCidr` that leaves `clusterCidrs` gets the node's address. */
  ensureMasquerade(podCidr: string, clusterCidrs: readonly string[]): Promise<void>;
  removeMasquerade(): Promise<void>;
  /** What hostPorts have left behind, unless one is still in use. */
  removePortMappings(): Promise<void>;
}

export interface FilesystemInfo { readonly capacityBytes: number; readonly availableBytes: number; readonly inodes: number; readonly inodesFree: number }

export interface NodeSystem {
  machine(): Promise<MachineInfo>;
  filesystem(path: string): Promise<FilesystemInfo>;
  readonly files: NodeFiles;
  readonly mounts: NodeMounts;
  readonly cgroups: NodeCgroups;
  readonly network: NodeNetwork;
}
