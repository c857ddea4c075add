import { readdirSync, readFileSync } from 'node:fs';
import { statFields } from '../../src/edge/processes.ts';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly startTicks: number;
}

/** All that run. None where there is no /proc. */
export function processes(): readonly Process[] {
  let names: readonly string[] = [];
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const fields = statFields(name);
    const [state = 'Z', parent, , session] = fields;
    return state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent), session: Number(session), startTicks: Number(fields[19]) }];
  });
}

/** Was it, or who started it, started with this in its environment? */
export function hasInEnvironment(pid: number, entry: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(entry);
  } catch {
    // It has ended, or is somebody else's.
    return false;
  }
}
