const longestSeconds = 32;

/** How long refused clients of one level are told to wait: twice as long while many are refused, shorter again when few are. */
export class RetryAfter {
  #seconds = 1;
  #raisedAt: number;
  #second: number;
  #dropped = 0;
  #history: { readonly second: number; readonly dropped: number }[] = [];

  constructor(nowMs: number) {
    this.#second = Math.floor(nowMs / 1000);
    this.#raisedAt = this.#second;
  }

  get seconds(): number {
    return this.#seconds;
  }

  record(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#second) {
      this.#dropped += 1;
      return;
    }
    this.#history = [...this.#history, { second: this.#second, dropped: this.#dropped }].filter((one) => second - one.second <= longestSeconds);
    this.#second = second;
    this.#dropped = 1;
    this.#adjust(second);
  }

  #adjust(second: number): void {
    const lately = this.#history.filter((one) => second - one.second <= this.#seconds).reduce((sum, one) => sum + one.dropped, 0);
    if (second - this.#raisedAt >= this.#seconds && lately >= 3 * this.#seconds) {
      this.#seconds = Math.min(longestSeconds, this.#seconds * 2);
      this.#raisedAt = second;
    } else if (lately < this.#seconds && this.#seconds > 1) this.#seconds -= 1;
  }
}
