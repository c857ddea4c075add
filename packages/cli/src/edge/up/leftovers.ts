import { existsSync, readFileSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupMembers, runningAs, signalListed } from '@coxswain/host/edge';
import { ownCniResults } from '../../cni-results.ts';
import type { DataPaths } from '../../paths.ts';
import { run } from '../shell.ts';

/** Mount points below any of the folders, deepest first. */
function mountsBelow(folders: readonly string[]): readonly string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((point) => point.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
  return points.filter((point) => folders.some((folder) => point.startsWith(`${folder}/`))).toSorted((a, b) => b.length - a.length);
}

export async function unmountBelow(folders: readonly string[]): Promise<void> {
  for (const point of mountsBelow(folders)) {
    const ran = await run('umount', [point]);
    if (ran.code !== 0) await run('umount', ['-l', point]);
  }
}

/** Containers that no runtime could stop: the shims of a containerd that is gone, and everything in their cgroups, are killed. */
export function killShims(socket: string): void {
  const shims = (line: readonly string[]): boolean => line.some((part) => part.includes('containerd-shim')) && line.some((part) => part.includes(socket));
  signalListed(() => runningAs(shims), 'SIGKILL');
}

function cgroupRoots(name: string): readonly string[] {
  const base = '/sys/fs/cgroup';
  if (!existsSync(base)) return [];
  return [`${base}/${name}`, ...readdirSync(base).map((controller) => `${base}/${controller}/${name}`)].filter((folder) => existsSync(folder));
}

/** A cgroup goes when its last process is gone, which takes a moment after the kill. */
async function removeCgroup(folder: string): Promise<void> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) await removeCgroup(`${folder}/${entry.name}`);
  for (let attempt = 0; attempt < 40; attempt += 1) {
    try {
      signalListed(() => cgroupMembers(folder), 'SIGKILL');
      rmdirSync(folder);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY') throw error;
      await sleep(50);
    }
  }
}

export async function removeCgroups(name: string): Promise<void> {
  for (const folder of cgroupRoots(name)) await removeCgroup(folder);
}

/** Nodes that ever ran here, also those that the settings do not name any more. */
export function nodeNames(paths: DataPaths): readonly string[] {
  return existsSync(`${paths.root}/nodes`) ? readdirSync(`${paths.root}/nodes`) : [];
}

const cniCache = '/var/lib/cni';

/** What the CNI library remembers of pods that nobody could stop. */
export function removeCniResults(dataRoot: string): void {
  const folder = `${cniCache}/results`;
  if (!existsSync(folder)) return;
  const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(`${folder}/${name}`, 'utf8')]));
  for (const name of ownCniResults(files, dataRoot)) rmSync(`${folder}/${name}`, { force: true });
  removeIfEmpty(folder);
  removeIfEmpty(cniCache);
}

export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
