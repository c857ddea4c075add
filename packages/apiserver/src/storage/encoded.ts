import { copyBytes } from '@coxswain/host';

/** Bytes among others: no view is made of them. */
export interface BytePart {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

export function wholePart(bytes: Uint8Array): BytePart {
  return { bytes, from: 0, to: bytes.length };
}

interface Slab {
  /** undefined: there was no room for it any more. */
  bytes: Uint8Array | undefined;
  readonly sizeBytes: number;
}

/** Bytes that are kept as long as there is room for them. */
export class Kept {
  readonly #slab: Slab;
  readonly #from: number;
  readonly #to: number;

  constructor(slab: Slab, from: number, to: number) {
    this.#slab = slab;
    this.#from = from;
    this.#to = to;
  }

  get isThere(): boolean {
    return this.#slab.bytes !== undefined;
  }

  get part(): BytePart | undefined {
    const { bytes } = this.#slab;
    return bytes === undefined ? undefined : { bytes, from: this.#from, to: this.#to };
  }
}

/** One for many objects: a buffer of its own costs each a microsecond and half its size again. */
const slabBytes = 64 * 1024;

export interface EncodedLimits {
  readonly leastBytes: number;
  /** Of what is held (`hold`), if that is more. */
  readonly share: number;
}

/**
 * How much of what was encoded is kept. What has to go is any of it, not the oldest: of a list that is larger than all that is kept, and read again
 * and again, nothing would be left when its turn comes.
 */
export class EncodedBudget {
  readonly #limits: EncodedLimits;
  readonly #slabs: Slab[] = [];
  /** Being filled, so far. */
  #last: Slab | undefined;
  #used = 0;
  #sizeBytes = 0;
  #heldBytes = 0;
  #seed = 1;

  constructor(limits: EncodedLimits) {
    this.#limits = limits;
  }

  /** What others hold of which this is made has changed by so much. */
  hold(changeBytes: number): void {
    this.#heldBytes += changeBytes;
    this.#shrink();
  }

  /** Copied. Its holder may be forgotten meanwhile. */
  keep(bytes: Uint8Array): Kept {
    const slab = this.#last?.bytes === undefined || this.#used + bytes.length > this.#last.sizeBytes ? this.#begin(Math.max(slabBytes, bytes.length)) : this.#last;
    const from = this.#used;
    this.#used += bytes.length;
    copyBytes(bytes, 0, bytes.length, slab.bytes as Uint8Array, from);
    return new Kept(slab, from, this.#used);
  }

  forgetAll(): void {
    while (this.#slabs.length > 0) this.#dropOne();
  }

  #begin(sizeBytes: number): Slab {
    const slab: Slab = { bytes: new Uint8Array(sizeBytes), sizeBytes };
    this.#sizeBytes += sizeBytes;
    this.#shrink();
    this.#slabs.push(slab);
    this.#last = slab;
    this.#used = 0;
    return slab;
  }

  #shrink(): void {
    const most = Math.max(this.#limits.leastBytes, this.#heldBytes * this.#limits.share);
    while (this.#sizeBytes > most && this.#slabs.length > 0) this.#dropOne();
  }

  #dropOne(): void {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    const at = Math.floor((this.#seed / 2 ** 32) * this.#slabs.length);
    const gone = this.#slabs[at] as Slab;
    this.#slabs[at] = this.#slabs.at(-1) as Slab;
    this.#slabs.pop();
    this.#sizeBytes -= gone.sizeBytes;
    gone.bytes = undefined;
  }
}
