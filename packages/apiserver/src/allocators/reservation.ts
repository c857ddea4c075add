import type { Range } from './range.ts';

/** What one write has taken so far. In a dry run nothing is taken from the range. */
export class Reservation {
  readonly #taken = new Map<Range, number[]>();
  readonly #dryRun: boolean;

  constructor(dryRun: boolean) {
    this.#dryRun = dryRun;
  }

  async take(range: Range, offset: number): Promise<boolean> {
    // Whether it is free now says nothing about later.
    if (!this.#dryRun && !await range.allocate(offset)) return false;
    this.#note(range, offset);
    return true;
  }

  async takeNext(range: Range): Promise<number | undefined> {
    const offset = this.#dryRun ? await range.peekNext(this.#taken.get(range) ?? []) : await range.allocateNext();
    if (offset !== undefined) this.#note(range, offset);
    return offset;
  }

  #note(range: Range, offset: number): void {
    this.#taken.set(range, [...(this.#taken.get(range) ?? []), offset]);
  }

  async giveBack(): Promise<void> {
    if (!this.#dryRun) for (const [range, offsets] of this.#taken) await range.release(offsets);
    this.#taken.clear();
  }
}
