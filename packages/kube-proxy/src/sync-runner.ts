import type { Host } from '@coxswain/host';

const firstRetryMs = 250;
const maxRetryMs = 30_000;

/**
 * Runs one function whenever it was asked for, never twice at a time: requests during a run make one more run. Requests of one
 * moment are one. After a failure it tries again by itself, later and later.
 */
export class SyncRunner {
  readonly #host: Host;
  readonly #minPeriodMs: number;
  readonly #sync: () => Promise<void>;
  readonly #onFailure: () => void;
  #requested = false;
  #before: (() => void)[] = [];
  #wake: (() => void) | undefined;
  /** Why the last run failed; undefined if it did not. */
  problem: string | undefined;

  constructor(host: Host, minPeriodMs: number, sync: () => Promise<void>, onFailure: () => void) {
    this.#host = host;
    this.#minPeriodMs = minPeriodMs;
    this.#sync = sync;
    this.#onFailure = onFailure;
  }

  request(): void {
    this.#requested = true;
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Calls `action` while no run is under way, then runs. */
  exclusively(action: () => void): void {
    this.#before.push(action);
    this.request();
  }

  async run(signal: AbortSignal): Promise<void> {
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      if (!this.#requested) await new Promise<void>((resolve) => { this.#wake = resolve; });
      // Lets events that came together be told together.
      await this.#host.timers.sleep(0, signal);
      if (signal.aborted) return;
      this.#requested = false;
      for (const action of this.#before.splice(0)) action();
      try {
        await this.#sync();
        this.problem = undefined;
        retryMs = firstRetryMs;
        if (this.#minPeriodMs > 0) await this.#host.timers.sleep(this.#minPeriodMs, signal);
      } catch (error) {
        this.problem = error instanceof Error ? error.message : String(error);
        this.#onFailure();
        this.#host.log.error('sync failed, trying again', { error: this.problem, retryMs });
        await this.#host.timers.sleep(retryMs, signal);
        retryMs = Math.min(maxRetryMs, 2 * retryMs);
        this.#requested = true;
      }
    }
  }
}
