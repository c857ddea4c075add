import type { TimerHandle, Timers } from '@coxswain/host';

export interface SilenceOptions {
  readonly timers: Timers;
  readonly afterMs: number;
  /** Called anew for as long as it lasts, one after the other. */
  readonly silent: () => Promise<void>;
}

/** Notices that calls are under way and for some time (up to twice `afterMs`) none has ended. Costs a timer for all of them together. */
export class Silence {
  readonly #options: SilenceOptions;
  #underWay = 0;
  #ended = 0;
  #timer: TimerHandle | undefined;
  #closed = false;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  began(): void {
    this.#underWay += 1;
    if (this.#timer === undefined && !this.#closed) this.#listen();
  }

  ended(): void {
    this.#underWay -= 1;
    this.#ended += 1;
  }

  #listen(): void {
    const before = this.#ended;
    this.#timer = this.#options.timers.after(this.#options.afterMs, () => { void this.#look(before); });
  }

  async #look(before: number): Promise<void> {
    if (this.#underWay > 0 && this.#ended === before) await this.#options.silent();
    this.#timer = undefined;
    if (this.#underWay > 0 && !this.#closed) this.#listen();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}
