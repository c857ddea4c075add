import type { Host } from '@coxswain/host';
import type { NodeFiles } from '../system.ts';

/** Gives a tree to a group that may write all of it; links are the group's too, but what they point to is left alone. */
export async function giveToGroup(host: Host, files: NodeFiles, path: string, gid: number): Promise<void> {
  const stat = await files.lstat(path);
  if (stat === undefined) return;
  await files.chown(path, stat.uid, gid);
  if (stat.type === 'symlink') return;
  if (stat.type !== 'directory') return files.chmod(path, stat.mode | 0o660);
  await files.chmod(path, stat.mode | 0o2770);
  for (const name of await host.disk.list(path)) await giveToGroup(host, files, `${path}/${name}`, gid);
}
