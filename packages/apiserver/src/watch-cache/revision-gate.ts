import type { Timers } from '@coxswain/host';

interface Waiter {
  readonly revision: number;
  readonly resolve: (reached: boolean) => void;
}

/** A revision that only grows, and those who wait for it. */
export class RevisionGate {
  readonly #timers: Timers;
  readonly #waiters = new Set<Waiter>();
  #revision = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get revision(): number {
    return this.#revision;
  }

  advance(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    for (const waiter of this.#waiters) {
      if (waiter.revision <= revision) waiter.resolve(true);
    }
  }

  wait(revision: number, timeoutMs: number): Promise<boolean> {
    if (revision <= this.#revision) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (reached: boolean): void => {
        timer.cancel();
        this.#waiters.delete(waiter);
        resolve(reached);
      };
      const waiter: Waiter = { revision, resolve: settle };
      const timer = this.#timers.after(timeoutMs, () => settle(false));
      this.#waiters.add(waiter);
    });
  }
}
