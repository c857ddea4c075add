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

/** Bytes that are kept as long as there is room for them. */
export interface Kept {
  bytes: Uint8Array | undefined;
}

/**
 * How much of what was encoded is kept. What has to go is any of it, not the oldest: of a list that is larger than all that is kept, and read again
 * and again, nothing would be left when its turn comes.
 */
export class EncodedBudget {
  readonly #maxBytes: number;
  readonly #kept: Kept[] = [];
  #sizeBytes = 0;
  #seed = 1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Its holder may be forgotten meanwhile. */
  keep(bytes: Uint8Array): Kept {
    const kept: Kept = { bytes };
    this.#sizeBytes += bytes.length;
    while (this.#sizeBytes > this.#maxBytes && this.#kept.length > 0) this.#dropOne();
    this.#kept.push(kept);
    return kept;
  }

  forgetAll(): void {
    while (this.#kept.length > 0) this.#dropOne();
  }

  #dropOne(): void {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    const at = Math.floor((this.#seed / 2 ** 32) * this.#kept.length);
    const gone = this.#kept[at] as Kept;
    this.#kept[at] = this.#kept.at(-1) as Kept;
    this.#kept.pop();
    this.#sizeBytes -= gone.bytes?.length ?? 0;
    gone.bytes = undefined;
  }
}
