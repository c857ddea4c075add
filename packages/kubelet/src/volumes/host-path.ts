import type { HostPathVolumeSource } from 'kubernetes-types/core/v1';
import type { FileStat, NodeFiles } from '../system.ts';
import { VolumeError } from './payloads.ts';

const described: Readonly<Record<string, { readonly type: FileStat['type']; readonly text: string }>> = {
  Directory: { type: 'directory', text: 'a directory' },
  DirectoryOrCreate: { type: 'directory', text: 'a directory' },
  File: { type: 'file', text: 'a file' },
  FileOrCreate: { type: 'file', text: 'a file' },
  Socket: { type: 'socket', text: 'a socket file' },
  CharDevice: { type: 'char-device', text: 'a character device' },
  BlockDevice: { type: 'block-device', text: 'a block device' },
};

/** Checks the path's type, or makes it where the type says so. */
export async function prepareHostPath(source: HostPathVolumeSource, files: NodeFiles): Promise<void> {
  const rule = described[source.type ?? ''];
  if (rule === undefined) return;
  const present = await files.stat(source.path);
  if (present === undefined && source.type === 'DirectoryOrCreate') return files.makeDirectory(source.path, 0o755);
  if (present === undefined && source.type === 'FileOrCreate') {
    const parent = source.path.slice(0, source.path.lastIndexOf('/'));
    if ((await files.stat(parent === '' ? '/' : parent)) === undefined) throw new VolumeError(`hostPath type check failed: ${source.path} does not exist`);
    return files.writeFile(source.path, new Uint8Array(0), 0o644);
  }
  if (present?.type !== rule.type) throw new VolumeError(`hostPath type check failed: ${source.path} is not ${rule.text}`);
}
