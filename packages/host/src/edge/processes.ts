import { readdirSync, readFileSync } from 'node:fs';

// The number of a process comes again when that has ended, after 32768 starts on some machines: who signals somebody else's process knows when it started, too.

function endedMeanwhile(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Fields of /proc/PID/stat after the command's name (the first is field 3, the state); none if there is no such process, or no /proc. */
export function statFields(pid: number | string): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    if (endedMeanwhile(error)) return [];
    throw error;
  }
}

/** In clock ticks since boot: with the number it names a process until the next boot. undefined: it has ended. */
export function startTicksOf(pid: number): number | undefined {
  const fields = statFields(pid);
  return fields.length === 0 || fields[0] === 'Z' ? undefined : Number(fields[19]);
}

export function isRunning(pid: number, startTicks: number): boolean {
  return startTicksOf(pid) === startTicks;
}

/** False if nobody is left to get it. */
function signalled(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** False if it was gone already, also when another has its number now. */
export function sendSignal(pid: number, startTicks: number, signal: NodeJS.Signals): boolean {
  return isRunning(pid, startTicks) && signalled(pid, signal);
}

/**
 * To a process group that was started as one (`detached`), of which the leader may have ended: as long as anybody is left in it nobody gets its number.
 * `startTicks`: the leader's, undefined if it had ended before they could be read.
 */
export function signalGroup(leader: number, startTicks: number | undefined, signal: NodeJS.Signals): boolean {
  const now = startTicksOf(leader);
  return (now === undefined || now === startTicks) && signalled(-leader, signal);
}

/** Numbers of all that run with such a command line. */
export function runningAs(accept: (commandLine: readonly string[]) => boolean): readonly number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((name) => {
    try {
      return accept(readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(0, -1));
    } catch (error) {
      if (endedMeanwhile(error)) return false;
      throw error;
    }
  }).map(Number);
}

/** Of the group itself, not of those below it; nobody if it is gone or cannot have any. */
export function cgroupMembers(directory: string): readonly number[] {
  try {
    return readFileSync(`${directory}/cgroup.procs`, 'utf8').split('\n').filter((line) => line !== '').map(Number);
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/**
 * To all whom `list` names: what it reads (a command line, a cgroup's members) and the number must be of one process. Answers how many it was sent to.
 * Numbers that name nobody here (0: of another pid namespace) are passed over; to the system 0 would mean the caller's own group.
 */
export function signalListed(list: () => readonly number[], signal: NodeJS.Signals): number {
  const starts = new Map(list().map((pid) => [pid, startTicksOf(pid)]));
  let sent = 0;
  for (const pid of list()) {
    const startTicks = starts.get(pid);
    if (startTicks !== undefined && sendSignal(pid, startTicks, signal)) sent += 1;
  }
  return sent;
}
