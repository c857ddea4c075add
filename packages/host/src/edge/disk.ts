import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { DiskError, type Disk, type DiskErrorKind, type DiskFile } from '../disk.ts';

const kindOfCode: Readonly<Record<string, DiskErrorKind>> = {
  ENOENT: 'not-found', EEXIST: 'exists', ENOSPC: 'no-space', EDQUOT: 'no-space', EROFS: 'read-only', EACCES: 'permission', EPERM: 'permission', ENOTEMPTY: 'not-empty',
};

function toDiskError(error: unknown, path: string): DiskError {
  const failure = error as NodeJS.ErrnoException;
  return new DiskError(kindOfCode[failure.code ?? ''] ?? 'io', path, failure.message);
}

async function guarded<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw toDiskError(error, path);
  }
}

class RealFile implements DiskFile {
  readonly path: string;
  readonly #handle: fs.FileHandle;

  constructor(path: string, handle: fs.FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  sizeBytes(): Promise<number> {
    return guarded(this.path, async () => (await this.#handle.stat()).size);
  }

  read(offset: number, lengthBytes: number): Promise<Uint8Array> {
    return guarded(this.path, async () => {
      const buffer = new Uint8Array(lengthBytes);
      let filled = 0;
      while (filled < lengthBytes) {
        const { bytesRead } = await this.#handle.read(buffer, filled, lengthBytes - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    });
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    return guarded(this.path, async () => {
      let written = 0;
      while (written < data.length) {
        const { bytesWritten } = await this.#handle.write(data, written, data.length - written, offset + written);
        written += bytesWritten;
      }
    });
  }

  datasync(): Promise<void> {
    return guarded(this.path, () => this.#handle.datasync());
  }

  truncate(sizeBytes: number): Promise<void> {
    return guarded(this.path, () => this.#handle.truncate(sizeBytes));
  }

  close(): Promise<void> {
    return guarded(this.path, () => this.#handle.close());
  }
}

const flagsOfMode = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
} as const;

async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

let temporaryNumber = 0;

async function writeFileAtomic(path: string, data: Uint8Array, mode: number): Promise<void> {
  temporaryNumber += 1;
  const temporary = `${path}.${process.pid}.${temporaryNumber}.tmp`;
  const handle = await fs.open(temporary, 'w', mode);
  try {
    await handle.writeFile(data);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await fs.rename(temporary, path);
  await syncDirectory(dirname(path));
}

async function exists(path: string): Promise<boolean> {
  try {
    await fs.access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

export const realDisk: Disk = {
  open: (path, mode, options) => guarded(path, async () => {
    const flags = flagsOfMode[mode] | (options?.durableWrites === true ? constants.O_DSYNC : 0);
    return new RealFile(path, await fs.open(path, flags, 0o600));
  }),
  readFile: (path) => guarded(path, () => fs.readFile(path)),
  writeFileAtomic: (path, data, options) => guarded(path, () => writeFileAtomic(path, data, options?.mode ?? 0o600)),
  list: (path) => guarded(path, async () => (await fs.readdir(path)).toSorted()),
  makeDirectory: (path, options) => guarded(path, async () => { await fs.mkdir(path, { recursive: true, mode: options?.mode ?? 0o755 }); }),
  rename: (from, to) => guarded(from, () => fs.rename(from, to)),
  remove: (path, options) => guarded(path, () => fs.rm(path, { force: true, recursive: options?.recursive ?? false })),
  exists: (path) => guarded(path, () => exists(path)),
  syncDirectory: (path) => guarded(path, () => syncDirectory(path)),
  freeBytes: (path) => guarded(path, async () => { const stat = await fs.statfs(path); return stat.bavail * stat.bsize; }),
};
