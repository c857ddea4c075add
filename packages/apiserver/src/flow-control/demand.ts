const smoothing = 0.977;

/** How many seats a level could have used over time. */
export class SeatDemand {
  #value = 0;
  #atMs: number;
  #startMs: number;
  #sum = 0;
  #squares = 0;
  #max = 0;
  average = 0;
  deviation = 0;
  highWatermark = 0;
  smoothed = 0;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
    this.#startMs = nowMs;
  }

  set(value: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#value = value;
    if (value > this.#max) this.#max = value;
  }

  #advance(nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs;
    this.#sum += this.#value * elapsedMs;
    this.#squares += this.#value * this.#value * elapsedMs;
    this.#atMs = nowMs;
  }

  /** Ends a period: what was seen in it is in the fields, and the next one begins. */
  close(nowMs: number): void {
    this.#advance(nowMs);
    const elapsedMs = nowMs - this.#startMs;
    this.average = elapsedMs > 0 ? this.#sum / elapsedMs : this.#value;
    this.deviation = elapsedMs > 0 ? Math.sqrt(Math.max(0, this.#squares / elapsedMs - this.average * this.average)) : 0;
    this.highWatermark = this.#max;
    const envelope = this.average + this.deviation;
    this.smoothed = Math.max(envelope, smoothing * this.smoothed + (1 - smoothing) * envelope);
    this.#startMs = nowMs;
    this.#sum = 0;
    this.#squares = 0;
    this.#max = this.#value;
  }
}
