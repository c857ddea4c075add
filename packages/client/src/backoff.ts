import type { Clock, Random } from '@coxswain/host';

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
  /** 1: between once and twice the step. */
  readonly jitter: number;
  /** So long without a failure forgets them. */
  readonly resetMs: number;
}

/** client-go's numbers for a reflector. */
export const reflectorBackoff: BackoffOptions = { initialMs: 800, maxMs: 30_000, factor: 2, jitter: 1, resetMs: 120_000 };

/** Exponential delays with jitter, so that a server that comes back is not met by all its clients at once. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  #stepMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, random: Random, options: BackoffOptions) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#stepMs = options.initialMs;
  }

  nextMs(): number {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastMs > this.#options.resetMs) this.#stepMs = this.#options.initialMs;
    this.#lastMs = nowMs;
    const stepMs = this.#stepMs;
    this.#stepMs = Math.min(stepMs * this.#options.factor, this.#options.maxMs);
    return stepMs * (1 + this.#random.float() * this.#options.jitter);
  }
}
