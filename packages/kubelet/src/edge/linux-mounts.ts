import { constants } from 'node:fs';
import { open, readFile, readlink } from 'node:fs/promises';
import { DiskError } from '@coxswain/host';
import type { NodeMounts } from '../system.ts';
import { runCommand } from './run-command.ts';

/** Blanks and backslashes stand as octal in /proc/self/mountinfo. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

async function below(path: string): Promise<readonly string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const targets = lines.map((line) => unescape(line.split(' ')[4] ?? '')).filter((target) => target === path || target.startsWith(`${path}/`));
  return targets.reverse();
}

async function mountCommand(args: readonly string[], path: string): Promise<void> {
  try {
    await runCommand('mount', args);
  } catch (error) {
    throw new DiskError('io', path, (error as Error).message);
  }
}

/** Opens a name only to hold what it leads to; Node has no name for it. */
const openPath = 0o10000000;

/**
 * Binds what `source` is now, which must have no link on its way: a container may change its volume between the check of a
 * path and its mount, so the thing itself is held, compared and mounted.
 */
async function bindExactly(source: string, path: string): Promise<void> {
  const handle = await open(source, openPath | constants.O_NOFOLLOW).catch((error: unknown) => { throw new DiskError('io', source, (error as Error).message); });
  try {
    const held = `/proc/${process.pid}/fd/${handle.fd}`;
    if (await readlink(held) !== source || (await handle.stat()).isSymbolicLink()) throw new DiskError('io', source, `${source} is a link now`);
    await mountCommand(['--no-canonicalize', '--bind', held, path], path);
  } finally {
    await handle.close();
  }
}

export const linuxMounts: NodeMounts = {
  below,
  tmpfs: (path, sizeBytes) => mountCommand(['-t', 'tmpfs', '-o', sizeBytes === undefined ? 'noswap' : `size=${sizeBytes}`, 'tmpfs', path], path)
    .catch(() => mountCommand(['-t', 'tmpfs', ...(sizeBytes === undefined ? [] : ['-o', `size=${sizeBytes}`]), 'tmpfs', path], path)),
  bind: async (source, path, options) => {
    await bindExactly(source, path);
    if (options.readonly) await mountCommand(['-o', 'remount,bind,ro', path], path);
  },
  unmount: async (path) => {
    try {
      await runCommand('umount', [path]);
    } catch {
      // Busy: taken out of the tree now, freed when its last user ends.
      await runCommand('umount', ['-l', path]).catch((error: unknown) => { throw new DiskError('io', path, (error as Error).message); });
    }
  },
};
