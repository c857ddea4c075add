import type { Clock } from '@coxswain/host';
import { leastTtlSeconds, rewrite, type RawMessage } from '../wire/raw.ts';

const sizeMax = 4096;
/** Other people's records are kept at most this long, refusals shorter. */
const ttlSecondsMax = 30;
const negativeSecondsMax = 5;

interface Entry { readonly message: RawMessage; readonly storedMs: number; readonly untilMs: number }

/** Answers of upstream servers, by what was asked. */
export class AnswerCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string, id: number, question: Uint8Array): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    const nowMs = this.#clock.monotonicMs();
    if (entry === undefined || entry.untilMs <= nowMs) {
      this.#entries.delete(key);
      return undefined;
    }
    return rewrite(entry.message, id, question, Math.floor((nowMs - entry.storedMs) / 1000));
  }

  put(key: string, message: RawMessage): void {
    // SERVFAIL and the like pass; NXDOMAIN and empty answers say how long by their SOA.
    if (message.truncated || (message.rcode !== 0 && message.rcode !== 3) || message.ttlOffsets.length === 0) return;
    const seconds = Math.min(leastTtlSeconds(message), message.rcode === 0 ? ttlSecondsMax : negativeSecondsMax);
    if (seconds <= 0) return;
    const storedMs = this.#clock.monotonicMs();
    this.#entries.delete(key);
    this.#entries.set(key, { message, storedMs, untilMs: storedMs + seconds * 1000 });
    const oldest = this.#entries.keys().next();
    if (this.#entries.size > sizeMax && oldest.done !== true) this.#entries.delete(oldest.value);
  }
}
