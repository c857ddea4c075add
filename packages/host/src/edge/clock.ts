import type { Clock, TimerHandle, Timers } from '../clock.ts';

/** setTimeout fires at once for anything longer. */
const timeoutMsMax = 2 ** 31 - 1;

export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

function arm(dueMs: number, callback: () => void, store: (timer: NodeJS.Timeout) => void): void {
  const leftMs = Math.max(0, dueMs - performance.now());
  if (leftMs <= timeoutMsMax) store(setTimeout(callback, leftMs));
  else store(setTimeout(() => arm(dueMs, callback, store), timeoutMsMax));
}

function after(delayMs: number, callback: () => void): TimerHandle {
  let timer: NodeJS.Timeout | undefined;
  arm(performance.now() + delayMs, callback, (next) => { timer = next; });
  return { cancel: () => clearTimeout(timer) };
}

function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

export const realTimers: Timers = { after, sleep };
