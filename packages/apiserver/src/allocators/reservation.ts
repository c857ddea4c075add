import type { Range } from './range.ts';

/** What one write has taken so far. */
export class Reservation {
  readonly #taken = new Map<Range, number[]>();

  async take(range: Range, offset: number): Promise<boolean> {
    if (!await range.allocate(offset)) return false;
    this.#note(range, offset);
    return true;
  }

  async takeNext(range: Range): Promise<number | undefined> {
    const offset = await range.allocateNext();
    if (offset !== undefined) this.#note(range, offset);
    return offset;
  }

  #note(range: Range, offset: number): void {
    this.#taken.set(range, [...(this.#taken.get(range) ?? []), offset]);
  }

  async giveBack(): Promise<void> {
    for (const [range, offsets] of this.#taken) await range.release(offsets);
    this.#taken.clear();
  }
}
