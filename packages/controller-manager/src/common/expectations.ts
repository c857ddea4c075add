import type { Clock } from '@coxswain/host';

/** Upstream's: a lost event must not stop a controller for ever. */
const expiryMs = 300_000;

interface Expectation { creations: number; readonly deletions: Set<string>; readonly atMs: number }

/**
 * What a controller has done and not yet seen in its cache, by key of its object. Until all of it was seen (or five minutes have
 * passed) it must not count again, or a cache that lags would make it create twice.
 */
export class Expectations {
  readonly #clock: Clock;
  readonly #expected = new Map<string, Expectation>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  satisfied(key: string): boolean {
    const expected = this.#expected.get(key);
    if (expected === undefined) return true;
    if (expected.creations <= 0 && expected.deletions.size === 0) return true;
    return this.#clock.monotonicMs() - expected.atMs > expiryMs;
  }

  /** Called before the writes. */
  expect(key: string, what: { readonly creations?: number; readonly deletions?: readonly string[] }): void {
    this.#expected.set(key, { creations: what.creations ?? 0, deletions: new Set(what.deletions), atMs: this.#clock.monotonicMs() });
  }

  /** Also for a create that failed. */
  creationObserved(key: string): void {
    const expected = this.#expected.get(key);
    if (expected !== undefined) expected.creations -= 1;
  }

  deletionObserved(key: string, podKey: string): void {
    this.#expected.get(key)?.deletions.delete(podKey);
  }

  forget(key: string): void {
    this.#expected.delete(key);
  }
}
