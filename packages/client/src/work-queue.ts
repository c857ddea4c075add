import type { Host, TimerHandle } from '@coxswain/host';
import type { WorkQueue } from './types.ts';

const baseDelayMs = 5;
const maxDelayMs = 1_000_000;

/** `onDepth` is told the number of waiting keys after each change, for metrics. */
export function createWorkQueue(host: Pick<Host, 'timers' | 'clock'>, _name = '', onDepth?: (depth: number) => void): WorkQueue {
  return new KeyQueue(host, onDepth);
}

class KeyQueue implements WorkQueue {
  readonly #host: Pick<Host, 'timers' | 'clock'>;
  readonly #onDepth: ((depth: number) => void) | undefined;
  /** Insertion order is the order of work. */
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #addedAgain = new Set<string>();
  readonly #delayed = new Map<string, { readonly handle: TimerHandle; readonly dueMs: number }>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #shutDown = false;

  constructor(host: Pick<Host, 'timers' | 'clock'>, onDepth: ((depth: number) => void) | undefined) {
    this.#host = host;
    this.#onDepth = onDepth;
  }

  add(key: string): void {
    if (this.#shutDown) return;
    if (this.#working.has(key)) {
      this.#addedAgain.add(key);
      return;
    }
    const taker = this.#waiting.has(key) ? undefined : this.#takers.shift();
    if (taker === undefined) this.#waiting.add(key);
    else this.#hand(key, taker);
    this.#onDepth?.(this.#waiting.size);
  }

  #hand(key: string, taker: (key: string) => void): void {
    this.#working.add(key);
    taker(key);
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#shutDown) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const dueMs = this.#host.clock.monotonicMs() + delayMs;
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined && earlier.dueMs <= dueMs) return;
    earlier?.handle.cancel();
    const handle = this.#host.timers.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { handle, dueMs });
  }

  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.min(baseDelayMs * 2 ** failures, maxDelayMs));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  next(): Promise<string | undefined> {
    const [first] = this.#waiting;
    if (first !== undefined) {
      this.#waiting.delete(first);
      this.#working.add(first);
      this.#onDepth?.(this.#waiting.size);
      return Promise.resolve(first);
    }
    if (this.#shutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => { this.#takers.push(resolve); });
  }

  done(key: string): void {
    this.#working.delete(key);
    if (this.#addedAgain.delete(key)) this.add(key);
  }

  shutDown(): void {
    this.#shutDown = true;
    for (const { handle } of this.#delayed.values()) handle.cancel();
    this.#delayed.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  get size(): number {
    return this.#waiting.size;
  }
}
