import { DiskError, type Disk, type DiskErrorKind, type DiskFile } from '../disk.ts';
import { randomBelow, type Random } from '../random.ts';

/** What an operation costs; a stall makes everything wait until it ends. */
export interface DiskTiming {
  readonly operationMsMax: number;
  readonly datasyncMsMax: number;
}

export type DiskOperationKind = 'open' | 'read' | 'list' | 'write' | 'truncate' | 'datasync' | 'rename' | 'remove' | 'make-directory' | 'sync-directory';

/** One step of a process at its disk. */
export interface DiskOperation {
  /** Counts all operations of this disk, from 1. */
  readonly number: number;
  readonly kind: DiskOperationKind;
  readonly path: string;
}

/** What is to become of one operation. `before` and `after` may kill the process: then it never learns of the outcome. */
export interface DiskDecision {
  readonly delayMs?: number;
  readonly before?: () => void;
  readonly error?: DiskErrorKind;
  /** A write lands so many bytes further on; what should have been written there stays as it was. */
  readonly misdirectBytes?: number;
  readonly after?: () => void;
}

interface Inode {
  data: Uint8Array;
  size: number;
  durable: Uint8Array;
  /** Writes and truncations since the last datasync, oldest first. */
  pending: PendingChange[];
  /** Changes so far: numbers them. */
  changes: number;
}

type PendingChange = { readonly number: number } & (
  | { readonly kind: 'write'; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number }
);

interface NameChange {
  readonly directory: string;
  readonly apply: (names: Map<string, Inode>) => void;
}

/** How a machine's disk waits; it answers never once its process is dead. */
export type DiskWait = (maxMs: number, extraMs: number) => Promise<void>;

const sectorBytes = 512;

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
 * One machine's disk: survives its processes. `crash` keeps what was synced and, of the rest, what a power cut may: a prefix of
 * the writes with the last one torn, or any of their sectors.
 */
export class SimulatedDisk {
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  readonly #directories = new Set<string>(['/']);
  #nameChanges: NameChange[] = [];
  /** Every operation (with `no-space` and `read-only`: every change) fails. */
  fault: DiskErrorKind | undefined;
  stalledUntilMs = 0;
  /** What it says is free; that it fills up is what `fault` is for. */
  freeBytes = 2 ** 40;
  /** Asked for each operation when it begins. */
  decide: ((operation: DiskOperation) => DiskDecision | undefined) | undefined;
  #operations = 0;

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
    if (random.float() < 0.5) this.#keepPrefix(inode, random);
    else this.#keepSectors(inode, random);
    inode.pending = [];
    inode.data = inode.durable.slice();
    inode.size = inode.data.length;
  }

  #keepPrefix(inode: Inode, random: Random): void {
    const kept = randomBelow(random, inode.pending.length + 1);
    for (const [at, change] of inode.pending.entries()) {
      if (at > kept) break;
      const torn = at === kept;
      if (change.kind === 'truncate') { if (!torn) inode.durable = truncated(inode.durable, change.size); continue; }
      const data = torn ? change.data.subarray(0, randomBelow(random, change.data.length)) : change.data;
      inode.durable = written(inode.durable, change.offset, data);
    }
  }

  /** The disk writes in any order what it has not been told to have done. */
  #keepSectors(inode: Inode, random: Random): void {
    const share = random.float();
    for (const change of inode.pending) {
      if (change.kind === 'truncate') { if (random.float() < share) inode.durable = truncated(inode.durable, change.size); continue; }
      for (let from = 0; from < change.data.length;) {
        const to = Math.min(change.data.length, from + sectorBytes - ((change.offset + from) % sectorBytes));
        if (random.float() < share) inode.durable = written(inode.durable, change.offset + from, change.data.subarray(from, to));
        from = to;
      }
    }
  }

  /** Flips one bit that had been durable, unless the file is empty. Answers where. */
  rot(path: string, offset: number, bit: number): void {
    const inode = this.#find(path);
    for (const bytes of [inode.durable, inode.data]) if (offset < bytes.length) bytes[offset] = (bytes[offset] as number) ^ (1 << bit);
  }

  /** Files and their sizes as a process sees them, by path. */
  files(): readonly { readonly path: string; readonly sizeBytes: number }[] {
    return [...this.#names].map(([path, inode]) => ({ path, sizeBytes: inode.size })).sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #check(path: string, writing: boolean): void {
    if (this.fault === undefined) return;
    if (!writing && (this.fault === 'no-space' || this.fault === 'read-only')) return;
    throw new DiskError(this.fault, path, `simulated disk fault: ${this.fault}`);
  }

  #change(path: string, apply: (names: Map<string, Inode>) => void, directory = parentOf(path)): void {
    apply(this.#names);
    this.#nameChanges.push({ directory, apply });
  }

  #find(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new DiskError('not-found', path, `ENOENT: no such file, ${path}`);
    return inode;
  }

  #create(path: string): Inode {
    if (!this.#directories.has(parentOf(path))) throw new DiskError('not-found', path, `ENOENT: no such directory, ${parentOf(path)}`);
    const inode: Inode = { data: new Uint8Array(0), size: 0, durable: new Uint8Array(0), pending: [], changes: 0 };
    this.#change(path, (names) => { names.set(path, inode); });
    return inode;
  }

  #datasync(inode: Inode): void {
    for (const change of inode.pending) {
      if (change.kind === 'truncate') inode.durable = truncated(inode.durable, change.size);
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
    const step: Step = async (kind, path, act) => {
      this.#operations += 1;
      const decision = this.decide?.({ number: this.#operations, kind, path });
      decision?.before?.();
      await wait(kind === 'datasync' || kind === 'sync-directory' ? timing.datasyncMsMax : timing.operationMsMax, decision?.delayMs ?? 0);
      this.#check(path, changing[kind]);
      if (decision?.error !== undefined) throw new DiskError(decision.error, path, `simulated disk fault: ${decision.error}`);
      const result = act(decision?.misdirectBytes ?? 0);
      if (decision?.after !== undefined) {
        decision.after();
        await wait(0, 0);
      }
      return result;
    };
    return {
      open: (path, mode, options) => step(mode === 'create' ? 'write' : 'open', path, () => {
        const inode = mode === 'create' ? (this.#names.get(path) ?? this.#create(path)) : this.#find(path);
        return this.#file(path, inode, step, options?.durableWrites === true);
      }),
      readFile: (path) => step('read', path, () => { const inode = this.#find(path); return inode.data.slice(0, inode.size); }),
      writeFileAtomic: (path, data) => step('datasync', path, () => {
        const inode = this.#create(`${path}.tmp`);
        writeInode(inode, 0, data.slice());
        this.#datasync(inode);
        this.#rename(`${path}.tmp`, path);
        this.#syncDirectory(parentOf(path));
      }),
      list: (directory) => step('list', directory, () => this.#list(directory)),
      makeDirectory: (path) => step('make-directory', path, () => { for (let at: string = path; at !== '/'; at = parentOf(at)) this.#directories.add(at); }),
      rename: (from, to) => step('rename', from, () => { this.#rename(from, to); }),
      remove: (path, options) => step('remove', path, () => { this.#remove(path, options?.recursive ?? false); }),
      exists: (path) => step('open', path, () => this.#names.has(path) || this.#directories.has(path)),
      syncDirectory: (path) => step('sync-directory', path, () => { this.#syncDirectory(path); }),
      freeBytes: async () => (this.fault === 'no-space' ? 0 : this.freeBytes),
    };
  }

  /** With durable writes: the two steps that they consist of, so that power may be cut, or the disk fail, between them. */
  #file(path: string, inode: Inode, step: Step, durableWrites: boolean): DiskFile {
    let closed = false;
    const use = (): void => { if (closed) throw new DiskError('io', path, `EBADF: the file is closed, ${path}`); };
    const datasync = (): Promise<void> => { const { changes: before } = inode; return step('datasync', path, () => { this.#syncPrefix(inode, before); }); };
    return {
      path,
      sizeBytes: async () => { use(); return inode.size; },
      read: async (offset, lengthBytes) => { use(); return step('read', path, () => inode.data.slice(Math.min(offset, inode.size), Math.min(offset + lengthBytes, inode.size))); },
      write: async (offset, data) => {
        use();
        await this.#write(path, inode, offset, data.slice(), step);
        if (durableWrites) await datasync();
      },
      datasync: async () => { use(); await datasync(); },
      truncate: async (size) => { use(); await step('truncate', path, () => { truncateInode(inode, size); }); },
      close: async () => { use(); closed = true; },
    };
  }

  /** A disk that is full takes a part before it says so. */
  async #write(path: string, inode: Inode, offset: number, data: Uint8Array, step: Step): Promise<void> {
    try {
      await step('write', path, (misdirectBytes) => { writeInode(inode, offset + misdirectBytes, data); });
    } catch (error) {
      if (error instanceof DiskError && error.kind === 'no-space' && data.length > 1) writeInode(inode, offset, data.subarray(0, data.length >> 1));
      throw error;
    }
  }

  /** A datasync promises only what was written before it was called. */
  #syncPrefix(inode: Inode, upTo: number): void {
    const later = inode.pending.filter((change) => change.number > upTo);
    inode.pending = inode.pending.filter((change) => change.number <= upTo);
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
    // No file system forgets a directory before what is in it: one sync of the parent is enough.
    for (const name of this.#names.keys()) if (name.startsWith(`${path}/`)) this.#change(name, (names) => { names.delete(name); }, parentOf(path));
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

/** One operation: waits its time, fails if it is to fail, and acts. */
type Step = <T>(kind: DiskOperationKind, path: string, act: (misdirectBytes: number) => T) => Promise<T>;

/** Those that a full or read-only disk refuses. */
const changing: Readonly<Record<DiskOperationKind, boolean>> = {
  open: false, read: false, list: false, write: true, truncate: true, datasync: true, rename: true, remove: true, 'make-directory': true, 'sync-directory': true,
};

function truncated(data: Uint8Array, size: number): Uint8Array {
  return data.length >= size ? data.slice(0, size) : written(data, size, new Uint8Array(0));
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
  inode.changes += 1;
  inode.pending.push({ number: inode.changes, kind: 'write', offset, data });
}

function truncateInode(inode: Inode, size: number): void {
  if (size < inode.size) inode.data.fill(0, size, inode.size);
  inode.data = resized(inode.data, size);
  inode.size = size;
  inode.changes += 1;
  inode.pending.push({ number: inode.changes, kind: 'truncate', size });
}
