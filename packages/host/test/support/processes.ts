import { readFileSync, readdirSync } from 'node:fs';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
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
    // The name of a program may hold anything, parentheses too.
    const [state = '', parent = '', , session = ''] = textOf(`/proc/${name}/stat`).replace(/^.*\) /s, '').split(' ');
    return state === '' || state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent), session: Number(session) }];
  });
}

/** Was it, or who started it, started with this in its environment? */
export function hasInEnvironment(pid: number, entry: string): boolean {
  return textOf(`/proc/${pid}/environ`).split('\0').includes(entry);
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
