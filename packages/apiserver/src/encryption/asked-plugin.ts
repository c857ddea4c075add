import type { Timers } from '@coxswain/host';

/** Asks a key management plugin how it is, again and again. */
export class AskedPlugin {
  readonly #timers: Timers;
  readonly #everyMs: (isHealthy: boolean) => number;
  readonly #stop = new AbortController();
  #unhealthy: string | undefined = 'not asked yet';

  constructor(timers: Timers, everyMs: (isHealthy: boolean) => number) {
    this.#timers = timers;
    this.#everyMs = everyMs;
  }

  /** undefined: healthy. */
  get unhealthy(): string | undefined {
    return this.#unhealthy;
  }

  /** `ask` says what is wrong and never rejects. Resolves after the first time, whatever it said. */
  async start(ask: () => Promise<string | undefined>): Promise<void> {
    this.#unhealthy = await ask();
    void this.#again(ask);
  }

  async #again(ask: () => Promise<string | undefined>): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      await this.#timers.sleep(this.#everyMs(this.#unhealthy === undefined), signal);
      if (signal.aborted) return;
      this.#unhealthy = await ask();
    }
  }

  stop(): void {
    this.#stop.abort();
  }
}
