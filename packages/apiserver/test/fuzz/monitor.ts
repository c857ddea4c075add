import type { Monitor } from './run.ts';

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** CPU time of this thread between two turns of the event loop: what others do on the machine does not count. */
export const byTurns: Monitor = async (work) => {
  let before = cpuMs();
  let longest = 0;
  let over = false;
  const turn = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - before);
    before = now;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  over = true;
  longest = Math.max(longest, cpuMs() - before);
  return longest;
};

/** At least what `byTurns` would find, for two readings of the clock: all that was done meanwhile as if it had been one turn. */
export const byWhole: Monitor = async (work) => {
  const before = cpuMs();
  await work();
  return cpuMs() - before;
};
