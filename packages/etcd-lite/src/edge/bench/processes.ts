import { readFileSync } from 'node:fs';
import type { StoreCluster } from './cluster.ts';

/** Linux counts in hundredths of a second on every machine we run on. */
const ticksPerSecond = 100;
const userTimeField = 11;

/** Processor time of all members so far, all threads. */
export function cpuSeconds(cluster: StoreCluster): number {
  return cluster.members.reduce((sum, member) => sum + (member.process?.pid === undefined ? 0 : cpuSecondsOf(member.process.pid)), 0);
}

export function cpuSecondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may have spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
  return ((fields[userTimeField] as number) + (fields[userTimeField + 1] as number)) / ticksPerSecond;
}

export interface Memory { readonly anonymousMb: number; readonly fileMb: number; readonly residentMb: number }

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024;
  return { anonymousMb: mb('RssAnon'), fileMb: mb('RssFile'), residentMb: mb('VmRSS') };
}
