const kept = 4096;

/** Which rows changed last, so that who remembers something of all rows need not look at each for changes. */
export class RowLog {
  readonly #rows = new Int32Array(kept);
  #end = 0;

  /** How many changes there have been: the place of the next one. */
  get end(): number { return this.#end; }

  add(row: number): void {
    this.#rows[this.#end % kept] = row;
    this.#end += 1;
  }

  /** Tells of each change from `place` on, of a row that changed twice twice. False: there were too many to remember, any row may have changed. */
  since(place: number, changed: (row: number) => void): boolean {
    if (this.#end - place > kept) return false;
    for (let at = place; at < this.#end; at += 1) changed(this.#rows[at % kept] as number);
    return true;
  }
}
