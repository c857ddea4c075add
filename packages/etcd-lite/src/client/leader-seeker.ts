import type { Timers } from '@coxswain/host';

/** Of one endpoint's member. */
export interface Standing {
  readonly memberId: bigint;
  /** 0n: none that it knows. */
  readonly leader: bigint;
}

export interface SeekerOptions {
  readonly timers: Timers;
  readonly endpointCount: number;
  /** The one in use. */
  readonly current: () => number;
  readonly ask: (endpoint: number) => Promise<Standing>;
  /** To be used from now on, unless `insteadOf` is not the one in use any more. */
  readonly use: (endpoint: number, insteadOf: number) => void;
}

const everyMs = 10_000;

/**
 * Finds the endpoint whose member leads: any other only passes on what it is given to write, which then crosses the network once more and costs its
 * member as much as an entry of the log. An endpoint that does not answer here is passed over: whether it can be used is found out by calls.
 */
export class LeaderSeeker {
  readonly #options: SeekerOptions;
  readonly #closed = new AbortController();
  #begun = false;

  constructor(options: SeekerOptions) {
    this.#options = options;
  }

  /** Looks now and every few seconds until `close`; once begun it goes on. */
  begin(): void {
    if (this.#begun || this.#closed.signal.aborted || this.#options.endpointCount < 2) return;
    this.#begun = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await this.look();
      await this.#options.timers.sleep(everyMs, signal);
    }
  }

  /** undefined: it does not answer. */
  async #ask(endpoint: number): Promise<Standing | undefined> {
    try {
      return await this.#options.ask(endpoint);
    } catch {
      // Also one that answers nonsense: the calls that matter will say so.
      return undefined;
    }
  }

  async look(): Promise<void> {
    const { current, use, endpointCount } = this.#options;
    const here = current();
    const standing = await this.#ask(here);
    if (standing === undefined || standing.leader === 0n || standing.leader === standing.memberId) return;
    for (let step = 1; step < endpointCount; step += 1) {
      const there = (here + step) % endpointCount;
      const answer = await this.#ask(there);
      if (answer?.memberId !== standing.leader) continue;
      // It may have lost its office meanwhile.
      if (answer.leader === answer.memberId) use(there, here);
      return;
    }
  }

  close(): void {
    this.#closed.abort();
  }
}
