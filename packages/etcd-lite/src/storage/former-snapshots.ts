import { DiskError, type Disk, type Logger } from '@coxswain/host';
import type { SnapshotMeta } from '../raft/types.ts';
import { crc32c } from '../wal/crc32c.ts';
import { StoreCorruption } from './corruption.ts';

const frameHeaderBytes = 8;

/**
 * States as they were kept before there were segments: files of frames, each length, CRC (chained) and content, ended by an empty
 * frame. They are only read, once: the first checkpoint replaces them.
 */
export class FormerSnapshots {
  readonly #disk: Disk;
  readonly #directory: string;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  #path(meta: SnapshotMeta): string {
    return `${this.#directory}/${hex(meta.term)}-${hex(meta.index)}.snap`;
  }

  async has(meta: SnapshotMeta): Promise<boolean> {
    return this.#disk.exists(this.#path(meta));
  }

  /** To be called when their content is elsewhere. */
  async remove(log: Logger): Promise<void> {
    try {
      if (await this.#disk.exists(this.#directory)) await this.#disk.remove(this.#directory, { recursive: true });
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      log.warn('snapshots of the former format could not be removed', { error: error.message });
    }
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
        if (header.length < frameHeaderBytes) throw new StoreCorruption(path, offset, 'the snapshot is damaged');
        const view = new DataView(header.buffer, header.byteOffset, header.length);
        const length = view.getUint32(0, true);
        if (offset + frameHeaderBytes + length > sizeBytes) throw new StoreCorruption(path, offset, 'the snapshot is damaged');
        const content = length === 0 ? new Uint8Array(0) : await file.read(offset + frameHeaderBytes, length);
        crc = crc32c(content, crc);
        if (crc !== view.getUint32(4, true)) throw new StoreCorruption(path, offset, 'the snapshot is damaged');
        if (length === 0) return;
        yield content;
        offset += frameHeaderBytes + length;
      }
    } finally {
      await file.close();
    }
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}
