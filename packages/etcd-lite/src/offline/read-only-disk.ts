import { DiskError, type Disk, type DiskFile } from '@coxswain/host';

/** A disk that can only be looked at: what would change it is refused, except the cutting of a torn tail, which is only seen. */
export function readOnlyDisk(disk: Disk): Disk {
  const refuse = (path: string): Promise<never> => Promise.reject(new DiskError('read-only', path, `${path}: only looked at`));
  return {
    open: async (path) => lookedAt(await disk.open(path, 'read')),
    readFile: (path) => disk.readFile(path), list: (directory) => disk.list(directory), exists: (path) => disk.exists(path), freeBytes: (path) => disk.freeBytes(path),
    writeFileAtomic: refuse, makeDirectory: (path) => refuse(path), rename: refuse, syncDirectory: async () => undefined,
    // A segment of the log in which nothing was promised; it is left out, and left there.
    remove: async () => undefined,
  };
}

function lookedAt(file: DiskFile): DiskFile {
  return {
    path: file.path, sizeBytes: () => file.sizeBytes(), read: (offset, lengthBytes) => file.read(offset, lengthBytes), close: () => file.close(),
    write: () => Promise.reject(new DiskError('read-only', file.path, `${file.path}: only looked at`)), datasync: async () => undefined, truncate: async () => undefined,
  };
}
