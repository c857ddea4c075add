import type { Work } from './estimate.ts';

/** A request that stands in a queue. */
export interface Waiting {
  readonly schema: string;
  readonly distinguisher: string;
  readonly work: Work;
  /** In virtual time. */
  readonly arrivedAt: number;
  readonly arrivedMs: number;
  readonly execute: () => void;
}

/** A guess at how long a request is served, corrected when it is through. */
export const estimatedServiceMs = 3;

/** Seats times ms. */
export function totalWork(work: Work): number {
  return work.initialSeats * estimatedServiceMs + work.finalSeats * work.lingerMs;
}

/** First come, first served within it. */
export class FlowQueue {
  readonly #waiting = new Set<Waiting>();
  executing = 0;
  seatsInUse = 0;
  workWaiting = 0;
  /** When its next request starts, in virtual time. */
  nextStart = 0;

  get length(): number {
    return this.#waiting.size;
  }

  get waiting(): ReadonlySet<Waiting> {
    return this.#waiting;
  }

  get oldest(): Waiting | undefined {
    return this.#waiting.values().next().value;
  }

  get active(): boolean {
    return this.#waiting.size > 0 || this.executing > 0;
  }

  add(waiting: Waiting): void {
    this.#waiting.add(waiting);
    this.workWaiting += totalWork(waiting.work);
  }

  /** False: it is not here any more. */
  remove(waiting: Waiting): boolean {
    if (!this.#waiting.delete(waiting)) return false;
    this.workWaiting = this.#waiting.size === 0 ? 0 : this.workWaiting - totalWork(waiting.work);
    return true;
  }

  /** A flow that was away has saved up nothing. */
  boundBelow(virtual: number): void {
    if (this.nextStart < virtual) this.nextStart = virtual;
  }

  boundBelowOldest(): void {
    const { oldest } = this;
    if (oldest !== undefined) this.boundBelow(oldest.arrivedAt);
  }
}
