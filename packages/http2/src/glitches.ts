import { errorCode, ProtocolFailure } from './frames.ts';

/** Streams that are reset by the peer, settings and empty frames: what costs us more than them. So many at once, and a second. */
const burst = 2000;
const perSecond = 400;

/** A peer's budget of what only costs work. */
export class Glitches {
  readonly #nowMs: () => number;
  #count = 0;
  #atMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Throws ProtocolFailure when the budget is used up. */
  count(what: string): void {
    const nowMs = this.#nowMs();
    this.#count = Math.max(0, this.#count - ((nowMs - this.#atMs) * perSecond) / 1000) + 1;
    this.#atMs = nowMs;
    if (this.#count > burst) throw new ProtocolFailure(errorCode.enhanceYourCalm, `too many ${what}`);
  }
}
