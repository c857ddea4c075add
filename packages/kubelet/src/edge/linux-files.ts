import { constants, createReadStream, createWriteStream, watch, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { DiskError, type DiskErrorKind } from '@coxswain/host';
import type { FileStat, NodeFiles } from '../system.ts';

const kinds: Readonly<Record<string, DiskErrorKind>> = {
  ENOENT: 'not-found', EEXIST: 'exists', ENOSPC: 'no-space', EROFS: 'read-only', EACCES: 'permission', EPERM: 'permission', ENOTEMPTY: 'not-empty',
};

async function guarded<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    throw new DiskError(kinds[failure.code ?? ''] ?? 'io', path, failure.message);
  }
}

function typeOf(stat: Stats): FileStat['type'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isSocket()) return 'socket';
  if (stat.isBlockDevice()) return 'block-device';
  return stat.isCharacterDevice() ? 'char-device' : 'other';
}

function fileStat(stat: Stats): FileStat {
  return { type: typeOf(stat), mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, sizeBytes: stat.size, modifiedMs: stat.mtimeMs, inode: stat.ino };
}

async function unlessMissing(path: string, work: Promise<Stats>): Promise<FileStat | undefined> {
  try {
    return fileStat(await work);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new DiskError('io', path, (error as Error).message);
  }
}

async function usage(path: string): Promise<{ bytes: number; inodes: number }> {
  let bytes = 0;
  let inodes = 0;
  const walk = async (directory: string): Promise<void> => {
    for (const entry of await fs.readdir(directory, { withFileTypes: true }).catch(() => [])) {
      const full = join(directory, entry.name);
      const stat = await fs.lstat(full).catch(() => undefined);
      if (stat === undefined) continue;
      inodes += 1;
      bytes += stat.blocks * 512;
      if (entry.isDirectory()) await walk(full);
    }
  };
  await walk(path);
  return { bytes, inodes };
}

/** Watches the directory, so that a file that is replaced (rotated) goes on being watched by its name. */
function watchFile(path: string, changed: () => void): () => void {
  const name = basename(path);
  const watcher = watch(dirname(path), { persistent: false }, (_event, file) => { if (file === null || file === name) changed(); });
  watcher.on('error', () => { watcher.close(); changed(); });
  return () => watcher.close();
}

export const linuxFiles: NodeFiles = {
  makeDirectory: async (path, mode) => {
    await guarded(path, fs.mkdir(path, { recursive: true }));
    await guarded(path, fs.chmod(path, mode));
  },
  writeFile: async (path, data, mode) => {
    await guarded(path, fs.writeFile(path, data, { mode, flag: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW }));
    await guarded(path, fs.chmod(path, mode));
  },
  lstat: (path) => unlessMissing(path, fs.lstat(path)),
  stat: (path) => unlessMissing(path, fs.stat(path)),
  symlink: async (target, path) => {
    await guarded(path, fs.rm(path, { force: true }));
    await guarded(path, fs.symlink(target, path));
  },
  readLink: (path) => guarded(path, fs.readlink(path)),
  chmod: (path, mode) => guarded(path, fs.chmod(path, mode)),
  chown: (path, uid, gid) => guarded(path, fs.lchown(path, uid, gid)),
  realPath: (path) => guarded(path, fs.realpath(path)),
  gzip: (from, to) => guarded(from, pipeline(createReadStream(from), createGzip(), createWriteStream(to))),
  usage, watch: watchFile,
};
