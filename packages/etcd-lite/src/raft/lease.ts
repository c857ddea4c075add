import type { RaftConfig } from './types.ts';

/**
 * Reads without asking: a leader whose heartbeat a majority has answered knows that no other is elected until an election
 * timeout after it sent that heartbeat, if their clocks run alike. Three things would break this silently and are ruled out:
 * a process that was paused (its ticks stop too, so the monotonic clock decides, etcd #20418), a member that restarts and
 * has forgotten whom it heard (it neither votes nor campaigns for an election timeout), and leadership that was handed over
 * (whoever was told to campaign does so past everybody's patience, however late the message arrives).
 */
export class Lease {
  readonly #durationMs: number | undefined;
  #untilMs = Number.NEGATIVE_INFINITY;
  #broken = false;

  constructor(config: RaftConfig) {
    const { lease, electionTicks } = config;
    // A follower's first tick may come just after it heard the leader.
    this.#durationMs = lease === undefined ? undefined : ((electionTicks - 1) * lease.tickMs) / (1 + lease.maxClockDrift);
  }

  holds(nowMs: number | undefined): boolean {
    return nowMs !== undefined && !this.#broken && nowMs < this.#untilMs;
  }

  wantsRound(nowMs: number | undefined): nowMs is number {
    return this.#durationMs !== undefined && nowMs !== undefined && !this.#broken;
  }

  /** A majority has answered the heartbeat that was sent at `sentMs`. */
  renew(sentMs: number): void {
    if (this.#durationMs !== undefined) this.#untilMs = Math.max(this.#untilMs, sentMs + this.#durationMs);
  }

  /** Somebody was told to take over: none any more as long as this term lasts. */
  break(): void {
    this.#broken = true;
  }
}
