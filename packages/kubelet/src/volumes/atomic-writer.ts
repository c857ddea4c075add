import { DiskError, type Host } from '@coxswain/host';
import type { NodeFiles } from '../system.ts';

export interface PayloadFile {
  readonly data: Uint8Array;
  readonly mode: number;
  /** Root, if nobody else. */
  readonly uid?: number;
}
/** Relative paths without `..`. */
export type Payload = ReadonlyMap<string, PayloadFile>;

/** With a group, all of a version is the group's, and what is made in its directories too. */
export interface Owner { readonly gid?: number }

/**
 * Replaces a directory's contents as one step, in upstream's layout: `..data` points to a directory of one version, and
 * every visible name is a link through `..data`. A reader sees all of one version or all of another.
 */
export class AtomicWriter {
  readonly #host: Host;
  readonly #files: NodeFiles;

  constructor(host: Host, files: NodeFiles) {
    this.#host = host;
    this.#files = files;
  }

  /** Answers whether anything changed. */
  async write(directory: string, payload: Payload, owner: Owner = {}): Promise<boolean> {
    const dataLink = `${directory}/..data`;
    const old = (await this.#files.lstat(dataLink)) === undefined ? undefined : await this.#files.readLink(dataLink);
    if (old !== undefined && await this.#same(`${directory}/${old}`, payload)) {
      // The last life may have ended between the switch and the links.
      await this.#links(directory, payload);
      return false;
    }
    const version = `..${new Date(this.#host.clock.nowMs()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '_').replace('T', '_')}.${this.#host.random.uint32()}`;
    await this.#writeVersion(`${directory}/${version}`, payload, owner);
    await this.#files.symlink(version, `${directory}/..data_tmp`);
    await this.#host.disk.rename(`${directory}/..data_tmp`, dataLink);
    await this.#links(directory, payload);
    await this.#removeVersionsBut(directory, version);
    return true;
  }

  /** The one that was replaced, and what attempts left that did not come to their end. */
  async #removeVersionsBut(directory: string, version: string): Promise<void> {
    for (const name of await this.#host.disk.list(directory)) {
      if (/^\.\.\d/.test(name) && name !== version) await this.#host.disk.remove(`${directory}/${name}`, { recursive: true });
    }
  }

  async #writeVersion(directory: string, payload: Payload, owner: Owner): Promise<void> {
    await this.#directory(directory, owner);
    for (const [path, file] of payload) {
      const target = `${directory}/${path}`;
      const parent = target.slice(0, target.lastIndexOf('/'));
      await this.#directories(directory, parent, owner);
      await this.#files.writeFile(target, file.data, file.mode);
      if (file.uid !== undefined || owner.gid !== undefined) await this.#files.chown(target, file.uid ?? 0, owner.gid ?? 0);
    }
  }

  async #directories(top: string, path: string, owner: Owner): Promise<void> {
    if (path === top) return;
    await this.#directories(top, path.slice(0, path.lastIndexOf('/')), owner);
    await this.#directory(path, owner);
  }

  async #directory(path: string, owner: Owner): Promise<void> {
    await this.#files.makeDirectory(path, 0o755);
    if (owner.gid === undefined) return;
    await this.#files.chown(path, 0, owner.gid);
    await this.#files.chmod(path, 0o2755);
  }

  /** Links for new names, and none for names that are gone. */
  async #links(directory: string, payload: Payload): Promise<void> {
    const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0] as string));
    for (const name of await this.#host.disk.list(directory)) {
      if (!name.startsWith('..') && !wanted.has(name)) await this.#host.disk.remove(`${directory}/${name}`, { recursive: true });
    }
    for (const name of wanted) {
      if ((await this.#files.lstat(`${directory}/${name}`)) === undefined) await this.#files.symlink(`..data/${name}`, `${directory}/${name}`);
    }
  }

  /** A version that a power cut has damaged is another one. */
  async #same(directory: string, payload: Payload): Promise<boolean> {
    try {
      return await this.#equal(directory, payload);
    } catch (error) {
      if (error instanceof DiskError && error.kind === 'not-found') return false;
      throw error;
    }
  }

  async #equal(directory: string, payload: Payload): Promise<boolean> {
    const present = await this.#tree(directory, '');
    if (present.length !== payload.size) return false;
    for (const [path, file] of payload) {
      if (!present.includes(path)) return false;
      const data = await this.#host.disk.readFile(`${directory}/${path}`);
      const stat = await this.#files.lstat(`${directory}/${path}`);
      if (data.length !== file.data.length || data.some((byte, index) => byte !== file.data[index])) return false;
      if (stat === undefined || (stat.mode & 0o777) !== (file.mode & 0o777)) return false;
    }
    return true;
  }

  async #tree(directory: string, prefix: string): Promise<string[]> {
    const out: string[] = [];
    for (const name of await this.#host.disk.list(`${directory}${prefix === '' ? '' : `/${prefix}`}`)) {
      const path = prefix === '' ? name : `${prefix}/${name}`;
      const stat = await this.#files.lstat(`${directory}/${path}`);
      if (stat?.type === 'directory') out.push(...await this.#tree(directory, path));
      else out.push(path);
    }
    return out;
  }
}
