import type { Host } from '@coxswain/host';
import type { Event } from 'kubernetes-types/core/v1';
import { ApiError } from './api-error.ts';

const maxAttempts = 12;
const retryMs = 10_000;
const maxWaiting = 1000;
/** Where many are written together. */
const maxWaitingTogether = 20_000;
const togetherAtMost = 200;

/** Answers of the server, an HTTP code an event; undefined: it cannot take many together. */
export type WriteEvents = (events: readonly Event[]) => Promise<readonly number[] | undefined>;

/** What one occurrence asks of the server. */
export interface Sending {
  /** Those with equal keys are written one after the other. */
  readonly key: string;
  readonly reason: string;
  /** The event, always the same, if the server has none yet for this key; undefined: `write` changes one. */
  readonly fresh: () => Event | undefined;
  /** By itself. Rejects if it was not written. */
  readonly write: () => Promise<void>;
  /** What `fresh` gave was written together with others. */
  readonly written: () => void;
}

/** Says what is to be sent for an occurrence, at its turn; undefined: nothing. */
export type Prepare<T> = (occurrence: T) => Sending | undefined;

/** Writes events one after the other or, new ones, many together, in order, in the background. What cannot be delivered is dropped with a log line. */
export class EventOutbox<T> {
  readonly #host: Host;
  readonly #prepare: Prepare<T>;
  readonly #waiting: T[] = [];
  /** Taken from those that wait, and next. */
  #next: Sending | undefined;
  #running = false;
  #writeTogether: WriteEvents | undefined;

  constructor(host: Host, prepare: Prepare<T>, writeTogether: WriteEvents | undefined) {
    this.#host = host;
    this.#prepare = prepare;
    this.#writeTogether = writeTogether;
  }

  /** Bounded: an API server that is away must not fill the memory. */
  get full(): boolean {
    return this.#waiting.length >= (this.#writeTogether === undefined ? maxWaiting : maxWaitingTogether);
  }

  push(occurrence: T): void {
    this.#waiting.push(occurrence);
    if (!this.#running) void this.#run();
  }

  /** Until nothing waits; never rejects. */
  async #run(): Promise<void> {
    this.#running = true;
    for (let first = this.#take(); first !== undefined; first = this.#take()) {
      const batch = this.#writeTogether === undefined || first.fresh() === undefined ? [first] : this.#freshOnesAfter(first);
      if (batch.length > 1 && this.#writeTogether !== undefined) await this.#deliverTogether(batch, this.#writeTogether);
      else for (const one of batch) await this.#deliver(one);
    }
    this.#running = false;
  }

  #take(): Sending | undefined {
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) return next;
    while (this.#waiting.length > 0) {
      const sending = this.#prepare(this.#waiting.shift() as T);
      if (sending !== undefined) return sending;
    }
    return undefined;
  }

  /** As many as go together, in order: up to the first that changes another. */
  #freshOnesAfter(first: Sending): readonly Sending[] {
    const batch = new Map([[first.key, first]]);
    while (batch.size < togetherAtMost) {
      const one = this.#take();
      if (one === undefined) break;
      if (batch.has(one.key) || one.fresh() === undefined) { this.#next = one; break; }
      batch.set(one.key, one);
    }
    return [...batch.values()];
  }

  async #deliverTogether(batch: readonly Sending[], write: WriteEvents): Promise<void> {
    let codes: readonly number[] | undefined = [];
    try {
      codes = await write(batch.map(({ fresh }) => fresh() as Event));
      if (codes === undefined) this.#writeTogether = undefined;
    } catch (error) {
      this.#host.log.debug('events could not be written together, trying each', { error: String(error) });
    }
    for (const [at, one] of batch.entries()) {
      const code = codes?.[at] ?? 0;
      if (code >= 200 && code < 300) one.written();
      else if (code >= 400 && code < 500 && code !== 429) this.#host.log.debug('event was refused', { reason: one.reason, code });
      else await this.#deliver(one);
    }
  }

  async #deliver({ reason, write }: Sending): Promise<void> {
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      try {
        await write();
        return;
      } catch (error) {
        // The server has seen and refused it: for instance its namespace is being deleted.
        if (error instanceof ApiError && error.code < 500 && error.code !== 429) {
          this.#host.log.debug('event was refused', { reason, error: error.message });
          return;
        }
        this.#host.log.debug('event could not be written, trying again', { reason, error: String(error) });
        await this.#host.timers.sleep(retryMs * (attempt === 1 ? this.#host.random.float() : 1));
      }
    }
    this.#host.log.warn('event given up', { reason });
  }
}
