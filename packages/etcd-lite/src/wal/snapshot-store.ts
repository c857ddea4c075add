import { DiskError, type Disk, type Logger } from '@coxswain/host';
import type { SnapshotMeta } from '../raft/types.ts';
import { crc32c } from './crc32c.ts';

/** A snapshot file that is not what was written. */
export class SnapshotCorruption extends Error {
  constructor(path: string, offset: number) {
    super(`snapshot is damaged: ${path} at offset ${offset}; restore this member's data directory from a copy, or empty it while all other members are healthy: it then fetches the state from them`);
    this.name = 'SnapshotCorruption';
  }
}

const frameHeaderBytes = 8;

/**
 * States of the machine as files: frames of length, CRC (chained) and content, ended by an empty frame. A file gets its
 * name only when it is whole and on disk.
 */
export class SnapshotStore {
  readonly #disk: Disk;
  readonly #directory: string;

  private constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  static async open(disk: Disk, directory: string): Promise<SnapshotStore> {
    if (!await disk.exists(directory)) await disk.makeDirectory(directory, { mode: 0o700 });
    for (const name of await disk.list(directory)) if (name.endsWith('.part')) await removeIfPossible(disk, `${directory}/${name}`);
    return new SnapshotStore(disk, directory);
  }

  #path(meta: SnapshotMeta): string {
    return `${this.#directory}/${hex(meta.term)}-${hex(meta.index)}.snap`;
  }

  /** Resolves when the file is durable. `chunks` may come from anywhere; an error of theirs leaves nothing behind. */
  async save(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, label: string): Promise<number> {
    const part = `${this.#path(meta)}.${label}.part`;
    const file = await this.#disk.open(part, 'create');
    let offset = 0;
    try {
      let crc = 0;
      const put = async (content: Uint8Array): Promise<void> => {
        crc = crc32c(content, crc);
        await file.write(offset, frame(content, crc));
        offset += frameHeaderBytes + content.length;
      };
      for await (const chunk of chunks) if (chunk.length > 0) await put(chunk);
      await put(new Uint8Array(0));
      await file.datasync();
    } catch (error) {
      await file.close();
      await removeIfPossible(this.#disk, part);
      throw error;
    }
    await file.close();
    await this.#disk.rename(part, this.#path(meta));
    await this.#disk.syncDirectory(this.#directory);
    return offset;
  }

  /** The chunks as they were saved. */
  async *read(meta: SnapshotMeta): AsyncGenerator<Uint8Array, void, undefined> {
    const path = this.#path(meta);
    const file = await this.#disk.open(path, 'read');
    try {
      const sizeBytes = await file.sizeBytes();
      let crc = 0;
      for (let offset = 0; ;) {
        const header = await file.read(offset, frameHeaderBytes);
        if (header.length < frameHeaderBytes) throw new SnapshotCorruption(path, offset);
        const view = new DataView(header.buffer, header.byteOffset, header.length);
        const length = view.getUint32(0, true);
        if (offset + frameHeaderBytes + length > sizeBytes) throw new SnapshotCorruption(path, offset);
        const content = length === 0 ? new Uint8Array(0) : await file.read(offset + frameHeaderBytes, length);
        crc = crc32c(content, crc);
        if (crc !== view.getUint32(4, true)) throw new SnapshotCorruption(path, offset);
        if (length === 0) return;
        yield content;
        offset += frameHeaderBytes + length;
      }
    } finally {
      await file.close();
    }
  }

  async has(meta: SnapshotMeta): Promise<boolean> {
    return this.#disk.exists(this.#path(meta));
  }

  /** Removes all snapshots older than `meta` but the newest of them. */
  async purge(meta: SnapshotMeta, log: Logger): Promise<void> {
    const names = (await this.#disk.list(this.#directory)).filter((name) => name.endsWith('.snap') && indexOf(name) < meta.index).sort((a, b) => indexOf(b) - indexOf(a));
    for (const name of names.slice(1)) {
      try {
        await this.#disk.remove(`${this.#directory}/${name}`);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        log.warn('an old snapshot could not be removed', { name, error: error.message });
      }
    }
  }
}

/** What no name leads to does no harm but for its space; the next start tries again. */
async function removeIfPossible(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}

function indexOf(name: string): number {
  return Number.parseInt(name.slice(17, 33), 16);
}

function frame(content: Uint8Array, crc: number): Uint8Array {
  const out = new Uint8Array(frameHeaderBytes + content.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, content.length, true);
  view.setUint32(4, crc, true);
  out.set(content, frameHeaderBytes);
  return out;
}
