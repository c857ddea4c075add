/** So many share a write to the log and the messages about it that more would save little. */
const enough = 32;
/** Fewer at a time than this, and nobody waits for others. */
const fewAtATime = 3;
/** No proposal for so long: those that come together are here. */
const gapMs = 1;
const mostMs = 5;

/**
 * When proposals that wait should go to the log. Each batch costs all members a write, a datasync and some messages, whatever its
 * size. Where many clients write at once those who come a moment later are waited for; a client that writes alone never waits.
 */
export class Gathering {
  /** How many went together lately. */
  #usual = 1;
  /** Most that were without an answer at once lately: when all of them wait here, nobody else is to be expected. */
  #most = 0;
  #firstMs: number | undefined;
  #lastMs = 0;

  arrived(nowMs: number): void {
    this.#firstMs ??= nowMs;
    this.#lastMs = nowMs;
  }

  /** 0: now. Else when to look again. `unanswered` counts those that wait, too. */
  waitMs(waiting: number, unanswered: number, nowMs: number): number {
    this.#most = Math.max(this.#most, unanswered);
    if (this.#usual < fewAtATime || waiting >= enough || waiting >= this.#most) return 0;
    const leftMs = Math.min(this.#lastMs + gapMs, (this.#firstMs ?? nowMs) + mostMs) - nowMs;
    return Math.max(0, leftMs);
  }

  submitted(count: number): void {
    this.#usual += (count - this.#usual) / 4;
    this.#most -= this.#most / 16;
    this.#firstMs = undefined;
  }
}
