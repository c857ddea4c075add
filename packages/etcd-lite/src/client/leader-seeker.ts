import type { Timers } from '@coxswain/host';

/** Of one endpoint's member. */
export interface Standing {
  readonly memberId: bigint;
  /** 0n: none that it knows. */
  readonly leader: bigint;
  readonly term: number;
}

export interface SeekerOptions {
  readonly timers: Timers;
  readonly endpointCount: number;
  /** The one in use. */
  readonly current: () => number;
  readonly ask: (endpoint: number, timeoutMs: number) => Promise<Standing>;
  /** To be used from now on, unless `insteadOf` is not the one in use any more. */
  readonly use: (endpoint: number, insteadOf: number) => void;
  /** What waits for it is not waited for any longer. */
  readonly abandon: (endpoint: number) => void;
}

const everyMs = 10_000;
const askMs = 2000;
/** Who waits for somebody that hangs waits for this, too. */
const doubtMs = 250;

const leads = ({ memberId, leader }: Standing): boolean => leader !== 0n && leader === memberId;

/**
 * Finds the endpoint whose member leads: any other only passes on what it is given to write, which then crosses the network once more and costs its
 * member as much as an entry of the log. An endpoint that does not answer here is passed over: whether it can be used is found out by calls,
 * and by `doubt`.
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
  async #ask(endpoint: number, timeoutMs: number): Promise<Standing | undefined> {
    try {
      return await this.#options.ask(endpoint, timeoutMs);
    } catch {
      // Also one that answers nonsense: the calls that matter will say so.
      return undefined;
    }
  }

  async look(): Promise<void> {
    const { current, use, endpointCount } = this.#options;
    const here = current();
    const standing = await this.#ask(here, askMs);
    if (standing === undefined || standing.leader === 0n || leads(standing)) return;
    for (let step = 1; step < endpointCount; step += 1) {
      const there = (here + step) % endpointCount;
      const answer = await this.#ask(there, askMs);
      if (answer?.memberId !== standing.leader) continue;
      // It may have lost its office meanwhile.
      if (leads(answer)) use(there, here);
      return;
    }
  }

  /**
   * For when nothing comes from the one in use: a process that is stopped, or cut off, keeps its connections, and the others choose a leader without
   * it. All are asked at once. The newest leader is used from now on; what waits for one that says nothing, or does not know of that leader, is
   * given up: it would wait in vain for as long as calls may take.
   */
  async doubt(): Promise<void> {
    const { current, use, abandon, endpointCount } = this.#options;
    const here = current();
    const standings = await Promise.all(Array.from({ length: endpointCount }, (_, endpoint) => this.#ask(endpoint, doubtMs)));
    const [newest] = [...standings.entries()].flatMap(([endpoint, standing]) => (standing !== undefined && leads(standing) ? [{ endpoint, term: standing.term }] : []))
      .toSorted((a, b) => b.term - a.term || Number(b.endpoint === here) - Number(a.endpoint === here));
    if (newest === undefined || newest.endpoint === here || current() !== here) return;
    use(newest.endpoint, here);
    if ((standings[here]?.term ?? 0) < newest.term) abandon(here);
  }

  close(): void {
    this.#closed.abort();
  }
}
