import { readFileSync } from 'node:fs';

/** Differs after every boot; pids and start times of another boot name nobody. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Start time in clock ticks since boot: with the pid it names a process for ever, since pids come again. */
export function startTicksOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name may hold spaces and parentheses; fields count from after the last ')'.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

export function isRunning(pid: number, startTicks: number): boolean {
  return startTicksOf(pid) === startTicks;
}

/** False if it was gone already. */
export function sendSignal(pid: number, startTicks: number, signal: NodeJS.Signals): boolean {
  if (!isRunning(pid, startTicks)) return false;
  process.kill(pid, signal);
  return true;
}
