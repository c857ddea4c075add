import { DiskError, type Disk, type DiskErrorKind, type DiskFile } from '../disk.ts';
import { randomBelow, type Random } from '../random.ts';

/** What an operation costs; a stall makes everything wait until it ends. */
export interface DiskTiming {
  readonly operationMsMax: number;
  readonly datasyncMsMax: number;
}

interface Inode {
  data: Uint8Array;
  size: number;
  durable: Uint8Array;
  /** Writes and truncations since the last datasync, oldest first. */
  pending: (| { readonly kind: 'write'; readonly offset: number; readonly data: Uint8Array } | { readonly kind: 'truncate'; readonly size: number })[];
}

interface NameChange {
  readonly directory: string;
  readonly apply: (names: Map<string, Inode>) => void;
}

/** How a machine's disk waits; it answers never once its process is dead. */
export type DiskWait = (maxMs: number) => Promise<void>;

function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at <= 0 ? '/' : path.slice(0, at);
}

function resized(data: Uint8Array, sizeBytes: number): Uint8Array {
  if (sizeBytes <= data.length) return data;
  const out = new Uint8Array(Math.max(sizeBytes, data.length * 2, 4096));
  out.set(data);
  return out;
}

/**
 * One machine's disk: survives its processes. `crash` keeps what was synced and, of the rest, a random
 * prefix of the writes (the last one torn), as a power cut may.
 */
export class SimulatedDisk {
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  readonly #directories = new Set<string>(['/']);
  #nameChanges: NameChange[] = [];
  fault: DiskErrorKind | undefined;
  stalledUntilMs = 0;

  /** Power cut. */
  crash(random: Random): void {
    const keptNames = randomBelow(random, this.#nameChanges.length + 1);
    for (const change of this.#nameChanges.slice(0, keptNames)) change.apply(this.#durableNames);
    this.#nameChanges = [];
    this.#names.clear();
    for (const [path, inode] of this.#durableNames) {
      this.#names.set(path, inode);
      this.#crashInode(inode, random);
    }
  }

  #crashInode(inode: Inode, random: Random): void {
    const kept = randomBelow(random, inode.pending.length + 1);
    for (const [at, change] of inode.pending.entries()) {
      if (at > kept) break;
      const torn = at === kept;
      if (change.kind === 'truncate') { if (!torn) inode.durable = inode.durable.slice(0, change.size); continue; }
      const data = torn ? change.data.subarray(0, randomBelow(random, change.data.length)) : change.data;
      inode.durable = written(inode.durable, change.offset, data);
    }
    inode.pending = [];
    inode.data = inode.durable.slice();
    inode.size = inode.data.length;
  }

  #check(path: string, writing: boolean): void {
    if (this.fault === undefined) return;
    if (!writing && (this.fault === 'no-space' || this.fault === 'read-only')) return;
    throw new DiskError(this.fault, path, `simulated disk fault: ${this.fault}`);
  }

  #change(path: string, apply: (names: Map<string, Inode>) => void): void {
    apply(this.#names);
    this.#nameChanges.push({ directory: parentOf(path), apply });
  }

  #find(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new DiskError('not-found', path, `ENOENT: no such file, ${path}`);
    return inode;
  }

  #create(path: string): Inode {
    if (!this.#directories.has(parentOf(path))) throw new DiskError('not-found', path, `ENOENT: no such directory, ${parentOf(path)}`);
    const inode: Inode = { data: new Uint8Array(0), size: 0, durable: new Uint8Array(0), pending: [] };
    this.#change(path, (names) => { names.set(path, inode); });
    return inode;
  }

  #datasync(inode: Inode): void {
    for (const change of inode.pending) {
      if (change.kind === 'truncate') inode.durable = inode.durable.length >= change.size ? inode.durable.slice(0, change.size) : written(inode.durable, change.size, new Uint8Array(0));
      else inode.durable = written(inode.durable, change.offset, change.data);
    }
    inode.pending = [];
  }

  #syncDirectory(path: string): void {
    const rest: NameChange[] = [];
    for (const change of this.#nameChanges) {
      if (change.directory === path) change.apply(this.#durableNames);
      else rest.push(change);
    }
    this.#nameChanges = rest;
  }

  /** The disk as one process sees it. */
  view(wait: DiskWait, timing: DiskTiming): Disk {
    const touch = async (path: string, writing: boolean): Promise<void> => {
      await wait(timing.operationMsMax);
      this.#check(path, writing);
    };
    const sync = async (path: string): Promise<void> => {
      await wait(timing.datasyncMsMax);
      this.#check(path, true);
    };
    return {
      open: async (path, mode) => {
        await touch(path, mode === 'create');
        const inode = mode === 'create' ? (this.#names.get(path) ?? this.#create(path)) : this.#find(path);
        return this.#file(path, inode, touch, sync);
      },
      readFile: async (path) => { await touch(path, false); const inode = this.#find(path); return inode.data.slice(0, inode.size); },
      writeFileAtomic: async (path, data) => {
        await sync(path);
        const inode = this.#create(`${path}.tmp`);
        writeInode(inode, 0, data.slice());
        this.#datasync(inode);
        this.#rename(`${path}.tmp`, path);
        this.#syncDirectory(parentOf(path));
      },
      list: async (directory) => { await touch(directory, false); return this.#list(directory); },
      makeDirectory: async (path) => { await touch(path, true); for (let at: string = path; at !== '/'; at = parentOf(at)) this.#directories.add(at); },
      rename: async (from, to) => { await touch(from, true); this.#rename(from, to); },
      remove: async (path, options) => { await touch(path, true); this.#remove(path, options?.recursive ?? false); },
      exists: async (path) => { await touch(path, false); return this.#names.has(path) || this.#directories.has(path); },
      syncDirectory: async (path) => { await sync(path); this.#syncDirectory(path); },
      freeBytes: async () => (this.fault === 'no-space' ? 0 : 2 ** 40),
    };
  }

  #file(path: string, inode: Inode, touch: (path: string, writing: boolean) => Promise<void>, sync: (path: string) => Promise<void>): DiskFile {
    let closed = false;
    const use = (): void => { if (closed) throw new DiskError('io', path, `EBADF: the file is closed, ${path}`); };
    return {
      path,
      sizeBytes: async () => { use(); return inode.size; },
      read: async (offset, lengthBytes) => { use(); await touch(path, false); return inode.data.slice(Math.min(offset, inode.size), Math.min(offset + lengthBytes, inode.size)); },
      write: async (offset, data) => { use(); const copy = data.slice(); await this.#write(path, inode, offset, copy, touch); },
      datasync: async () => { use(); const before = inode.pending.length; await sync(path); this.#syncPrefix(inode, before); },
      truncate: async (size) => { use(); await touch(path, true); truncateInode(inode, size); },
      close: async () => { use(); closed = true; },
    };
  }

  /** A disk that is full takes a part before it says so. */
  async #write(path: string, inode: Inode, offset: number, data: Uint8Array, touch: (path: string, writing: boolean) => Promise<void>): Promise<void> {
    try {
      await touch(path, true);
    } catch (error) {
      if (error instanceof DiskError && error.kind === 'no-space' && data.length > 1) writeInode(inode, offset, data.subarray(0, data.length >> 1));
      throw error;
    }
    writeInode(inode, offset, data);
  }

  /** A datasync promises only what was written before it was called. */
  #syncPrefix(inode: Inode, count: number): void {
    const later = inode.pending.slice(count);
    inode.pending = inode.pending.slice(0, count);
    this.#datasync(inode);
    inode.pending = later;
  }

  #rename(from: string, to: string): void {
    const inode = this.#find(from);
    this.#change(to, (names) => { names.delete(from); names.set(to, inode); });
  }

  #remove(path: string, recursive: boolean): void {
    if (this.#names.has(path)) this.#change(path, (names) => { names.delete(path); });
    if (!recursive) return;
    for (const name of this.#names.keys()) if (name.startsWith(`${path}/`)) this.#change(name, (names) => { names.delete(name); });
    for (const name of this.#directories) if (name === path || name.startsWith(`${path}/`)) this.#directories.delete(name);
  }

  #list(directory: string): readonly string[] {
    if (!this.#directories.has(directory)) throw new DiskError('not-found', directory, `ENOENT: no such directory, ${directory}`);
    const names = new Set<string>();
    const prefix = directory === '/' ? '/' : `${directory}/`;
    for (const path of [...this.#names.keys(), ...this.#directories]) {
      if (path.startsWith(prefix) && path !== directory) names.add((path.slice(prefix.length).split('/')[0]) as string);
    }
    return [...names].filter((name) => name !== '').toSorted();
  }
}

function written(base: Uint8Array, offset: number, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.max(base.length, offset + data.length));
  out.set(base);
  out.set(data, offset);
  return out;
}

function writeInode(inode: Inode, offset: number, data: Uint8Array): void {
  inode.data = resized(inode.data, offset + data.length);
  inode.data.set(data, offset);
  inode.size = Math.max(inode.size, offset + data.length);
  inode.pending.push({ kind: 'write', offset, data });
}

function truncateInode(inode: Inode, size: number): void {
  if (size < inode.size) inode.data.fill(0, size, inode.size);
  inode.data = resized(inode.data, size);
  inode.size = size;
  inode.pending.push({ kind: 'truncate', size });
}
