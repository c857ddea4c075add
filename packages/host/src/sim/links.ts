import type { SeededRandom } from './prng.ts';
import type { Links } from './wire.ts';

export interface LatencyRange { readonly min: number; readonly max: number }

/** Which machines reach each other, and how fast. */
export class SimulatedLinks implements Links {
  readonly #usualMs: LatencyRange;
  readonly #random: SeededRandom;
  readonly #cut = new Set<string>();
  /** Slow links by `from>to`. */
  readonly #slow = new Map<string, LatencyRange>();
  lossRate = 0;

  constructor(usualMs: LatencyRange, random: SeededRandom) {
    this.#usualMs = usualMs;
    this.#random = random;
  }

  slow(from: string, to: string, latencyMs: LatencyRange): void {
    this.#slow.set(`${from}>${to}`, latencyMs);
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cut.clear();
    this.#slow.clear();
    this.lossRate = 0;
  }

  connected(from: string, to: string): boolean {
    return this.#cut.size === 0 || from === to || !this.#cut.has(`${from}>${to}`);
  }

  latencyMs(from: string, to: string): number {
    const { min, max } = (this.#slow.size === 0 ? undefined : this.#slow.get(`${from}>${to}`)) ?? this.#usualMs;
    const latency = min + this.#random.float() * (max - min);
    return from === to ? latency / 10 : latency + this.#resendMs();
  }

  /** As TCP: after 200 ms, then twice as long. */
  #resendMs(): number {
    let lateMs = 0;
    for (let waitMs = 200; this.lossRate > 0 && waitMs < 2000 && this.#random.float() < this.lossRate; waitMs *= 2) lateMs += waitMs;
    return lateMs;
  }
}
