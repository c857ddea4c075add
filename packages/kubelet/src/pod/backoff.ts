import type { Clock } from '@coxswain/host';

interface Entry { delayMs: number; updatedMs: number }

/** Doubling delays by key; a key that was quiet for twice the longest delay starts again. */
export class BackOff {
  readonly #clock: Clock;
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, initialMs: number, maxMs: number) {
    this.#clock = clock;
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
  }

  /** What is left of the delay, counted from `sinceMs`; 0 if it is over. */
  remainingMs(key: string, sinceMs: number): number {
    const entry = this.#live(key);
    return entry === undefined ? 0 : Math.max(0, entry.delayMs - (this.#clock.nowMs() - sinceMs));
  }

  delayMs(key: string): number {
    return this.#live(key)?.delayMs ?? 0;
  }

  /** Counts one more failure. */
  next(key: string): void {
    const entry = this.#live(key);
    const delayMs = entry === undefined ? this.#initialMs : Math.min(this.#maxMs, entry.delayMs * 2);
    this.#entries.set(key, { delayMs, updatedMs: this.#clock.nowMs() });
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#clock.nowMs() - entry.updatedMs <= 2 * this.#maxMs) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}

/** `10s`, `1m20s`, `5m0s`: Go's spelling, which the messages have. */
export function goDuration(ms: number): string {
  const whole = Math.round(ms / 1000);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const seconds = whole % 60;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
