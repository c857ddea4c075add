import { assert } from '../assert.ts';

interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Captured before anything can replace it: one hop lets every pending microtask of the simulated code run. */
const hop = setImmediate;
/** Events before the real event loop gets a turn. */
const turnsOfRound = 64;

class Run {
  readonly untilMs: number;
  readonly done: () => boolean;
  readonly #resolve: (came: boolean) => void;
  readonly #reject: (error: Error) => void;
  ended = false;

  constructor(untilMs: number, done: () => boolean, resolve: (came: boolean) => void, reject: (error: Error) => void) {
    this.untilMs = untilMs;
    this.done = done;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  end(came: boolean): void {
    this.ended = true;
    this.#resolve(came);
  }

  fail(error: unknown): void {
    this.ended = true;
    this.#reject(error as Error);
  }
}

/**
 * Virtual time. Events run in order of (time, order of scheduling), so a run is a function of what was scheduled.
 * Between two events all promise continuations run to the end; simulated code must not wait for anything real.
 */
export class EventLoop {
  #heap: Scheduled[] = [];
  #nowMs: number;
  #order = 0;

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    assert(Number.isFinite(delayMs), 'delay is not a number', { delayMs });
    const item: Scheduled = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run, cancelled: false };
    this.#order += 1;
    this.#push(item);
    return () => { item.cancelled = true; };
  }

  /** Runs events until `untilMs`, or until `done` answers true after one of them. Answers whether `done` did. */
  run(untilMs: number, done: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => { this.#turns(new Run(untilMs, done, resolve, reject)); });
  }

  /** Between two immediates of one round Node runs all promise continuations, without asking the system for news. */
  #turns(run: Run): void {
    for (let at = 0; at < turnsOfRound; at += 1) hop(() => { this.#turn(run); });
    hop(() => { if (!run.ended) this.#turns(run); });
  }

  #turn(run: Run): void {
    if (run.ended) return;
    try {
      if (run.done()) {
        run.end(true);
        return;
      }
      const next = this.#next(run.untilMs);
      if (next === undefined) {
        this.#nowMs = Math.max(this.#nowMs, run.untilMs);
        run.end(false);
        return;
      }
      this.#nowMs = next.atMs;
      next.run();
    } catch (error) {
      run.fail(error);
    }
  }

  #next(untilMs: number): Scheduled | undefined {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) return undefined;
      this.#pop();
      if (!next.cancelled) return next;
    }
  }

  #before(a: Scheduled, b: Scheduled): boolean {
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  #push(item: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(item, heap[parent] as Scheduled)) break;
      heap[at] = heap[parent] as Scheduled;
      at = parent;
    }
    heap[at] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Scheduled;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1] as Scheduled, heap[child] as Scheduled)) child += 1;
      if (!this.#before(heap[child] as Scheduled, last)) break;
      heap[at] = heap[child] as Scheduled;
      at = child;
    }
    heap[at] = last;
  }
}
