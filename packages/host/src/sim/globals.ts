/** Names of what simulated code must not reach, with what to use instead. */
const forbidden: Readonly<Record<string, string>> = {
  setTimeout: 'host.timers', setInterval: 'host.timers', setImmediate: 'host.timers', fetch: 'host.network',
};

export class DeterminismViolation extends Error {
  constructor(what: string, instead: string) {
    super(`${what} was called in simulation; use ${instead}`);
    this.name = 'DeterminismViolation';
  }
}

/** The test runner shares the process and keeps its own clock. */
function byTestRunner(): boolean {
  // Lines: the message, this function, the replaced function, its caller.
  const caller = (new Error('caller').stack ?? '').split('\n')[3] ?? '';
  return /node_modules\/(\.pnpm\/)?(vitest|@vitest|vite|tinyspy|tinypool)/.test(caller);
}

/** Replaces the real clock, timers and randomness by throwing ones; answers how to put them back. */
export function forbidGlobals(): () => void {
  const target = globalThis as unknown as Record<string, unknown>;
  const saved = new Map<string, unknown>();
  for (const [name, instead] of Object.entries(forbidden)) {
    const original = target[name] as (...args: unknown[]) => unknown;
    saved.set(name, original);
    target[name] = (...args: unknown[]): unknown => {
      if (byTestRunner()) return original(...args);
      throw new DeterminismViolation(name, instead);
    };
  }
  const now = Date.now;
  const random = Math.random;
  Date.now = () => { if (byTestRunner()) return now(); throw new DeterminismViolation('Date.now', 'host.clock'); };
  Math.random = () => { if (byTestRunner()) return random(); throw new DeterminismViolation('Math.random', 'host.random'); };
  const performanceNow = performance.now.bind(performance);
  performance.now = () => { if (byTestRunner()) return performanceNow(); throw new DeterminismViolation('performance.now', 'host.clock'); };
  return () => {
    for (const [name, original] of saved) target[name] = original;
    Date.now = now;
    Math.random = random;
    performance.now = performanceNow;
  };
}
