interface Forgetful {
  forget(): void;
}

/**
 * How much of what was parsed is kept: states are kept as bytes, whose parsed form takes several times their size. The oldest
 * goes first; what is asked for again is parsed again.
 */
export class ParsedBudget {
  readonly #maxBytes: number;
  #kept: { readonly item: Forgetful; readonly sizeBytes: number }[] = [];
  #first = 0;
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  keep(item: Forgetful, sizeBytes: number): void {
    this.#kept.push({ item, sizeBytes });
    this.#sizeBytes += sizeBytes;
    this.#shrinkTo(this.#maxBytes);
  }

  forgetAll(): void {
    this.#shrinkTo(0);
    this.#kept = [];
    this.#first = 0;
  }

  #shrinkTo(maxBytes: number): void {
    while (this.#sizeBytes > maxBytes) {
      const oldest = this.#kept[this.#first];
      if (oldest === undefined) break;
      this.#first += 1;
      this.#sizeBytes -= oldest.sizeBytes;
      oldest.item.forget();
    }
    if (this.#first > 1024 && this.#first * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#first);
      this.#first = 0;
    }
  }
}
