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

/**
 * The test runner shares the process and keeps its own clock. bcryptjs asks for the time to know when it should pause, but never
 * pauses where it computes at once (`crypto.ts`).
 */
function mayAsk(): boolean {
  // Lines: the message, this function, the replaced function, its caller.
  const caller = (new Error('caller').stack ?? '').split('\n')[3] ?? '';
  return /node_modules\/(\.pnpm\/)?(vitest|@vitest|vite|tinyspy|tinypool|bcryptjs)/.test(caller);
}

/** Replaces the real clock, timers and randomness by throwing ones; answers how to put them back. */
export function forbidGlobals(): () => void {
  const target = globalThis as unknown as Record<string, unknown>;
  const saved = new Map<string, unknown>();
  for (const [name, instead] of Object.entries(forbidden)) {
    const original = target[name] as (...args: unknown[]) => unknown;
    saved.set(name, original);
    target[name] = (...args: unknown[]): unknown => {
      if (mayAsk()) return original(...args);
      throw new DeterminismViolation(name, instead);
    };
  }
  const now = Date.now;
  const random = Math.random;
  Date.now = () => { if (mayAsk()) return now(); throw new DeterminismViolation('Date.now', 'host.clock'); };
  Math.random = () => { if (mayAsk()) return random(); throw new DeterminismViolation('Math.random', 'host.random'); };
  const performanceNow = performance.now.bind(performance);
  performance.now = () => { if (mayAsk()) return performanceNow(); throw new DeterminismViolation('performance.now', 'host.clock'); };
  return () => {
    for (const [name, original] of saved) target[name] = original;
    Date.now = now;
    Math.random = random;
    performance.now = performanceNow;
  };
}
