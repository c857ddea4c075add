import type { Host } from '@coxswain/host';
import { etcdError } from '../client/errors.ts';
import type { ReadState } from '../raft/index.ts';
import type { RaftDriver } from './driver.ts';

interface Waiter {
  readonly deadlineMs: number;
  resolve(): void;
  reject(error: Error): void;
}

interface Round {
  readonly context: number;
  readonly waiters: Waiter[];
  askedMs: number;
  /** Known once the leader has confirmed. */
  index: number | undefined;
}

/**
 * Linearizable reads by ReadIndex: `confirm` resolves when this member's state is at least as new as anything that had been
 * acknowledged when it was called. Calls that come while a round is open share the next one.
 */
export class Reads {
  readonly #host: Host;
  readonly #driver: RaftDriver;
  readonly #timeoutMs: number;
  readonly #retryMs: number;
  /** Starts at random: an answer to this member's last life must not be taken for ours. */
  #context: number;
  #open: Round | undefined;
  #next: Waiter[] = [];
  #confirmed: Round[] = [];
  #appliedIndex = 0;
  #stopped = false;

  constructor(host: Host, driver: RaftDriver, options: { readonly timeoutMs: number; readonly retryMs: number }) {
    this.#host = host;
    this.#driver = driver;
    this.#timeoutMs = options.timeoutMs;
    this.#retryMs = options.retryMs;
    this.#context = host.random.uint32() * 2 ** 20;
  }

  confirm(): Promise<void> {
    if (this.#stopped) return Promise.reject(etcdError('stopped'));
    return new Promise((resolve, reject) => {
      this.#next.push({ deadlineMs: this.#host.clock.monotonicMs() + this.#timeoutMs, resolve, reject });
      if (this.#open === undefined && this.#next.length === 1) queueMicrotask(() => { this.#start(); });
    });
  }

  #start(): void {
    if (this.#open !== undefined || this.#next.length === 0 || this.#stopped) return;
    this.#context += 1;
    this.#open = { context: this.#context, waiters: this.#next.splice(0), askedMs: this.#host.clock.monotonicMs(), index: undefined };
    this.#driver.input({ type: 'read', context: this.#context, ...this.#driver.leaseNow });
  }

  readStates(states: readonly ReadState[]): void {
    for (const state of states) {
      const round = this.#open;
      if (round === undefined || state.context !== round.context) continue;
      round.index = state.index;
      this.#open = undefined;
      this.#confirmed.push(round);
    }
    this.#release();
    this.#start();
  }

  applied(index: number): void {
    this.#appliedIndex = index;
    if (this.#confirmed.length > 0) this.#release();
  }

  #release(): void {
    while (this.#confirmed.length > 0 && (this.#confirmed[0] as { readonly index: number }).index <= this.#appliedIndex) {
      for (const waiter of (this.#confirmed.shift() as Round).waiters) waiter.resolve();
    }
  }

  /** Asks again what may have been lost, and gives up what has waited too long. */
  tick(): void {
    const nowMs = this.#host.clock.monotonicMs();
    const round = this.#open;
    if (round !== undefined) this.#expire(round.waiters, nowMs);
    this.#expire(this.#next, nowMs);
    for (const confirmed of this.#confirmed) this.#expire(confirmed.waiters, nowMs);
    if (round === undefined) return;
    if (round.waiters.length === 0) {
      this.#open = undefined;
      this.#start();
    } else if (nowMs - round.askedMs >= this.#retryMs) {
      round.askedMs = nowMs;
      this.#driver.input({ type: 'read', context: round.context, ...this.#driver.leaseNow });
    }
  }

  #expire(waiters: Waiter[], nowMs: number): void {
    while (waiters.length > 0 && (waiters[0] as Waiter).deadlineMs <= nowMs) {
      (waiters.shift() as Waiter).reject(etcdError(this.#driver.raft.leader === 0n ? 'noLeader' : 'timeout'));
    }
  }

  stop(): void {
    this.#stopped = true;
    const waiting = [...(this.#open?.waiters ?? []), ...this.#next, ...this.#confirmed.flatMap((round) => round.waiters)];
    for (const waiter of waiting) waiter.reject(etcdError('stopped'));
    this.#open = undefined;
    this.#next = [];
    this.#confirmed = [];
  }
}
