import type { Host, TimerHandle } from '@coxswain/host';
import type { WorkQueue, WorkQueueMeter } from './types.ts';

const baseDelayMs = 5;
const maxDelayMs = 1_000_000;

export function createWorkQueue(host: Pick<Host, 'timers' | 'clock'>, meter?: WorkQueueMeter): WorkQueue {
  return new KeyQueue(host, meter);
}

class KeyQueue implements WorkQueue {
  readonly #host: Pick<Host, 'timers' | 'clock'>;
  readonly #meter: WorkQueueMeter | undefined;
  /** Insertion order is the order of work. */
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #addedAgain = new Set<string>();
  readonly #delayed = new Map<string, { readonly handle: TimerHandle; readonly dueMs: number }>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #shutDown = false;

  constructor(host: Pick<Host, 'timers' | 'clock'>, meter: WorkQueueMeter | undefined) {
    this.#host = host;
    this.#meter = meter;
  }

  add(key: string): void {
    if (this.#shutDown) return;
    if (this.#addedAgain.has(key) || this.#waiting.has(key)) return;
    this.#meter?.added(key);
    if (this.#working.has(key)) this.#addedAgain.add(key);
    else this.#line(key);
  }

  #line(key: string): void {
    this.#waiting.add(key);
    this.#takers.shift()?.(this.#take(key));
  }

  #take(key: string): string {
    this.#waiting.delete(key);
    this.#working.add(key);
    this.#meter?.taken(key);
    return key;
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#shutDown) return;
    this.#meter?.retried();
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
    if (first !== undefined) return Promise.resolve(this.#take(first));
    if (this.#shutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => { this.#takers.push(resolve); });
  }

  done(key: string): void {
    this.#working.delete(key);
    this.#meter?.done(key);
    if (this.#addedAgain.delete(key) && !this.#shutDown) this.#line(key);
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
