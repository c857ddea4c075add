import type { LeaseTerm } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { SchedulerConfig } from './config.ts';

/** Whether this process leads, for those who write what it decided. */
export interface Leadership {
  /** undefined: the term may have ended. */
  term(): LeaseTerm | undefined;
  /** A server said that it has. */
  lost(): void;
}

/** Of a process that asks for the lead once. */
export class Lead implements Leadership {
  readonly #host: Host;
  readonly #identity: string;
  #term: (() => LeaseTerm | undefined) | undefined;
  #ended: AbortController | undefined;

  constructor(host: Host, { identity }: SchedulerConfig) {
    this.#host = host;
    this.#identity = identity;
  }

  term(): LeaseTerm | undefined {
    return this.#term?.();
  }

  /** The election would find out only with its next renewal. */
  lost(): void {
    if (this.#ended?.signal.aborted !== false) return;
    this.#host.log.warn('a write was refused: another scheduler leads', { identity: this.#identity });
    this.#ended.abort();
  }

  /** `work` under the term; its signal also aborts when it turns out to have ended. */
  async during(signal: AbortSignal, term: () => LeaseTerm | undefined, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#term = term;
    this.#ended = new AbortController();
    await work(AbortSignal.any([signal, this.#ended.signal]));
  }
}
