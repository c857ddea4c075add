import type { Host } from '@coxswain/host';

const firstDelayMs = 50;
const longestDelayMs = 5000;

/** Until it succeeds or `signal` aborts. Several servers start at once and trip over each other; the store may not be there yet. */
export async function untilDone(host: Pick<Host, 'timers' | 'log'>, what: string, signal: AbortSignal, run: () => Promise<void>): Promise<void> {
  for (let delayMs = firstDelayMs; !signal.aborted; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
    try {
      return await run();
    } catch (error) {
      if (delayMs > firstDelayMs * 4) host.log.warn('start step failed, trying again', { step: what, error: String(error) });
      await host.timers.sleep(delayMs, signal);
    }
  }
}

/** Again and again after the first time, never two at once; a failure is logged and waits for its next turn. */
export function keepDoing(host: Pick<Host, 'timers' | 'log'>, what: string, everyMs: number, signal: AbortSignal, run: () => Promise<void>): void {
  const loop = async (): Promise<void> => {
    for (;;) {
      await host.timers.sleep(everyMs, signal);
      if (signal.aborted) return;
      await run().catch((error: unknown) => host.log.warn('periodic step failed', { step: what, error: String(error) }));
    }
  };
  loop().catch((error: unknown) => host.log.error('periodic step ended', { step: what, error: String(error) }));
}
