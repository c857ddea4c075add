import type { Crypto, Clock, Timers, TimerHandle } from '@coxswain/host';
import { SeatDemand } from './demand.ts';
import type { Work } from './estimate.ts';
import { estimatedServiceMs, FlowQueue, totalWork, type Waiting } from './flow-queue.ts';
import { Dealer } from './shuffle.ts';

/** What is done with what finds no seat. */
export type Limiting =
  | { readonly kind: 'exempt' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'queue'; readonly queues: number; readonly handSize: number; readonly queueLengthLimit: number };

export type Rejection = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

/** To be called once, when the request has been served. */
export type Finish = () => void;
export type Start = { readonly kind: 'execute'; readonly finish: Finish } | { readonly kind: 'reject'; readonly reason: Rejection };

export interface QueueSetTools {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly crypto: Crypto;
}

export interface Arrival {
  readonly schema: string;
  readonly distinguisher: string;
  readonly work: Work;
  /** Longest wait in a queue. */
  readonly waitMs: number;
  /** The client has gone. */
  readonly signal: AbortSignal;
}

/**
 * The requests of one priority level: so many seats, and queues for those who wait. Flows share seats fairly: virtual time passes as fast as
 * each active queue gets service, a queue's next request starts (virtually) where its last one ended, and the one that would be
 * finished first is next.
 */
export class QueueSet {
  readonly name: string;
  readonly demand: SeatDemand;
  readonly #tools: QueueSetTools;
  #limiting: Limiting;
  #limit: number;
  #queues: FlowQueue[] = [];
  #dealer: Dealer | undefined;
  #virtual = 0;
  #virtualAtMs: number;
  #active = 0;
  #robin = 0;
  #enqueues = 0;
  executing = 0;
  seatsInUse = 0;
  waiting = 0;
  seatsWaiting = 0;
  dispatched = 0;
  rejected = 0;
  timedOut = 0;
  cancelled = 0;

  constructor(name: string, limiting: Limiting, limit: number, tools: QueueSetTools) {
    this.name = name;
    this.#tools = tools;
    this.#limiting = limiting;
    this.#limit = limit;
    this.#virtualAtMs = tools.clock.monotonicMs();
    this.demand = new SeatDemand(this.#virtualAtMs);
    this.#shape();
  }

  get limit(): number {
    return this.#limit;
  }

  get limiting(): Limiting {
    return this.#limiting;
  }

  get queues(): readonly FlowQueue[] {
    return this.#queues;
  }

  /** Queues that are too many go on until they are empty. */
  configure(limiting: Limiting): void {
    this.#limiting = limiting;
    this.#shape();
  }

  setLimit(limit: number): void {
    this.#advance();
    this.#limit = limit;
    this.#dispatch();
  }

  #shape(): void {
    const limiting = this.#limiting;
    if (limiting.kind !== 'queue') {
      this.#dealer = undefined;
      return;
    }
    while (this.#queues.length < limiting.queues) this.#queues.push(new FlowQueue());
    this.#dealer = new Dealer(this.#tools.crypto, limiting.queues, limiting.handSize);
    this.#dropSpareQueues();
  }

  #dropSpareQueues(): void {
    const wanted = this.#limiting.kind === 'queue' ? this.#limiting.queues : 0;
    if (this.#queues.length > wanted) this.#queues = this.#queues.filter((queue, index) => index < wanted || queue.active);
  }

  start(arrival: Arrival): Start | Promise<Start> {
    const limiting = this.#limiting;
    if (limiting.kind === 'exempt') return this.#execute(arrival.work, undefined);
    if (limiting.kind === 'reject' || this.#dealer === undefined) {
      return this.seatsInUse + maxSeats(arrival.work) <= this.#limit ? this.#execute(arrival.work, undefined) : this.#reject('concurrency-limit');
    }
    this.#advance();
    const queue = this.#chosen(limiting.queues === 1 ? [0] : this.#dealer.hand(`${arrival.schema}\u0000${arrival.distinguisher}`));
    if (this.seatsInUse >= this.#limit && queue.length >= limiting.queueLengthLimit) return this.#reject('queue-full');
    return this.#enqueue(queue, arrival);
  }

  /** The one of a hand with the least work waiting; the search begins at another card each time. */
  #chosen(hand: readonly number[]): FlowQueue {
    const offset = this.#enqueues % hand.length;
    this.#enqueues += 1;
    let best = this.#queues[hand[offset] as number] as FlowQueue;
    for (let step = 1; step < hand.length; step += 1) {
      const queue = this.#queues[hand[(offset + step) % hand.length] as number] as FlowQueue;
      if (queue.workWaiting < best.workWaiting) best = queue;
    }
    return best;
  }

  #reject(reason: Rejection): Start {
    this.rejected += 1;
    return { kind: 'reject', reason };
  }

  /** Where nobody waits and there is room the request goes straight through: no promise, no timer. */
  #enqueue(queue: FlowQueue, arrival: Arrival): Start | Promise<Start> {
    const seats = maxSeats(arrival.work);
    if (!queue.active) {
      queue.nextStart = this.#virtual;
      this.#active += 1;
    }
    if (this.waiting === 0 && this.#fits(seats)) {
      queue.boundBelow(this.#virtual);
      queue.nextStart += totalWork(arrival.work);
      return this.#execute(arrival.work, queue);
    }
    return new Promise((resolve) => this.#wait(queue, arrival, resolve));
  }

  #fits(seats: number): boolean {
    return seats > this.#limit ? this.executing === 0 : this.seatsInUse + seats <= this.#limit;
  }

  #wait(queue: FlowQueue, arrival: Arrival, resolve: (start: Start) => void): void {
    const seats = maxSeats(arrival.work);
    let timer: TimerHandle | undefined;
    const settle = (start: Start): void => {
      timer?.cancel();
      arrival.signal.removeEventListener('abort', gone);
      resolve(start);
    };
    const waiting: Waiting = { ...arrival, arrivedAt: this.#virtual, arrivedMs: this.#tools.clock.nowMs(), execute: () => settle(this.#execute(arrival.work, queue)) };
    const leave = (reason: 'time-out' | 'cancelled'): void => {
      if (!queue.remove(waiting)) return;
      this.#advance();
      this.waiting -= 1;
      this.seatsWaiting -= seats;
      if (reason === 'time-out') this.timedOut += 1;
      else this.cancelled += 1;
      this.#noteDemand();
      this.#settleQueue(queue);
      settle(this.#reject(reason));
    };
    const gone = (): void => leave('cancelled');
    queue.add(waiting);
    queue.boundBelowOldest();
    this.waiting += 1;
    this.seatsWaiting += seats;
    this.#noteDemand();
    timer = this.#tools.timers.after(arrival.waitMs, () => leave('time-out'));
    if (arrival.signal.aborted) gone();
    else arrival.signal.addEventListener('abort', gone, { once: true });
    this.#dispatch();
  }

  #execute(work: Work, queue: FlowQueue | undefined): Start {
    const seats = maxSeats(work);
    const startedMs = this.#tools.clock.monotonicMs();
    this.executing += 1;
    this.dispatched += 1;
    this.seatsInUse += seats;
    if (queue !== undefined) {
      queue.executing += 1;
      queue.seatsInUse += seats;
    }
    this.demand.set(this.seatsInUse + this.seatsWaiting, startedMs);
    let finished = false;
    return {
      kind: 'execute',
      finish: () => {
        if (finished) return;
        finished = true;
        this.#finish(work, queue, startedMs);
      },
    };
  }

  #finish(work: Work, queue: FlowQueue | undefined, startedMs: number): void {
    this.#advance();
    this.executing -= 1;
    if (queue !== undefined) {
      // It began as if it took the estimate; what it took was something else.
      queue.nextStart -= work.initialSeats * (estimatedServiceMs - (this.#tools.clock.monotonicMs() - startedMs));
      queue.boundBelowOldest();
      queue.executing -= 1;
    }
    if (work.lingerMs > 0) {
      if (queue !== undefined) this.#settleQueue(queue);
      this.#tools.timers.after(work.lingerMs, () => {
        this.#advance();
        this.#release(work, queue);
        this.#dispatch();
      });
    } else {
      this.#release(work, queue);
      if (queue !== undefined) this.#settleQueue(queue);
    }
    this.#dispatch();
  }

  #release(work: Work, queue: FlowQueue | undefined): void {
    const seats = maxSeats(work);
    this.seatsInUse -= seats;
    if (queue !== undefined) queue.seatsInUse -= seats;
    this.#noteDemand();
  }

  #noteDemand(): void {
    this.demand.set(this.seatsInUse + this.seatsWaiting, this.#tools.clock.monotonicMs());
  }

  #settleQueue(queue: FlowQueue): void {
    if (queue.active) return;
    this.#active -= 1;
    this.#dropSpareQueues();
  }

  /** Virtual time passes by what each active queue gets. */
  #advance(): void {
    const nowMs = this.#tools.clock.monotonicMs();
    if (this.#active > 0) this.#virtual += ((nowMs - this.#virtualAtMs) * Math.min(this.seatsInUse + this.seatsWaiting, this.#limit)) / this.#active;
    this.#virtualAtMs = nowMs;
  }

  #dispatch(): void {
    while (this.waiting > 0 && (this.seatsInUse < this.#limit || this.executing === 0)) {
      const queue = this.#next();
      const oldest = queue?.oldest;
      if (queue === undefined || oldest === undefined || !this.#fits(maxSeats(oldest.work))) return;
      queue.remove(oldest);
      this.waiting -= 1;
      this.seatsWaiting -= maxSeats(oldest.work);
      queue.nextStart += totalWork(oldest.work);
      queue.boundBelowOldest();
      oldest.execute();
    }
  }

  /** The queue whose oldest request would virtually be finished first; among equals in turn. */
  #next(): FlowQueue | undefined {
    const count = this.#queues.length;
    let best: FlowQueue | undefined;
    let bestIndex = 0;
    let bestFinish = Infinity;
    for (let step = 1; step <= count; step += 1) {
      const index = (this.#robin + step) % count;
      const queue = this.#queues[index] as FlowQueue;
      const { oldest } = queue;
      if (oldest === undefined) continue;
      const finish = queue.nextStart + totalWork(oldest.work);
      if (finish >= bestFinish) continue;
      best = queue;
      bestIndex = index;
      bestFinish = finish;
    }
    if (best !== undefined) this.#robin = bestIndex;
    return best;
  }

  get virtualTime(): number {
    return this.#virtual / 1000;
  }

  get idle(): boolean {
    return this.executing === 0 && this.waiting === 0;
  }
}

export function maxSeats(work: Work): number {
  return Math.max(work.initialSeats, work.finalSeats);
}
