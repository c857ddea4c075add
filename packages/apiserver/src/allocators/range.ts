import { randomBelow, type Random } from '@coxswain/host';
import type { RawStore } from '../types.ts';
import { Bitmap } from './bitmap.ts';
import { decodeStoredRange, encodeStoredRange } from './stored-range.ts';

export interface RangeDescription {
  /** `/registry/ranges/serviceips` */
  readonly key: string;
  /** `10.96.0.0/16`, `30000-32767`: an object with another one was made under other flags. */
  readonly range: string;
  readonly size: number;
  /** Offsets below are given out by chance only when the others are used up, so that people can choose theirs there. */
  readonly staticBand: number;
}

/** What is stored belongs to another range: the repair loop rebuilds it from what is in use. */
class RangeChanged extends Error {
  constructor(stored: string, wanted: string) {
    super(`the stored range ${stored} is not the configured one ${wanted}`);
    this.name = 'RangeChanged';
  }
}

interface Loaded {
  readonly bitmap: Bitmap;
  readonly modRevision: number;
  readonly foreign: boolean;
}

/**
 * Offsets of one range, in one key that several servers change by compare-and-set. Calls of one server queue up behind each
 * other, so that they do not make each other's writes fail.
 */
export class Range {
  readonly description: RangeDescription;
  readonly #store: RawStore;
  readonly #random: Random;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(description: RangeDescription, store: RawStore, random: Random) {
    this.description = description;
    this.#store = store;
    this.#random = random;
  }

  /** False if it is taken. */
  allocate(offset: number): Promise<boolean> {
    return this.#change((bitmap) => {
      if (bitmap.has(offset)) return false;
      bitmap.add(offset);
      return true;
    });
  }

  /** Undefined if the range is full. */
  allocateNext(): Promise<number | undefined> {
    const { size, staticBand } = this.description;
    return this.#change((bitmap) => {
      const offset = bitmap.free(staticBand, size, staticBand + randomBelow(this.#random, size - staticBand))
        ?? (staticBand === 0 ? undefined : bitmap.free(0, staticBand, randomBelow(this.#random, staticBand)));
      if (offset !== undefined) bitmap.add(offset);
      return offset;
    });
  }

  /** One that is free now and not in `besides`, without taking it. */
  async peekNext(besides: readonly number[]): Promise<number | undefined> {
    const { bitmap } = await this.#load();
    const { size, staticBand } = this.description;
    for (const offset of besides) bitmap.add(offset);
    return bitmap.free(staticBand, size, staticBand) ?? bitmap.free(0, size, 0);
  }

  release(offsets: readonly number[]): Promise<void> {
    return this.#change((bitmap) => { for (const offset of offsets) bitmap.delete(offset); });
  }

  /** `change` gets the stored bitmap, or an empty one if what is stored belongs to another range. */
  repair(change: (bitmap: Bitmap) => void): Promise<void> {
    return this.#change(change, true);
  }

  #change<T>(change: (bitmap: Bitmap) => T, replaceOther = false): Promise<T> {
    const run = this.#tail.then(() => this.#changeNow(change, replaceOther));
    this.#tail = run.catch(() => undefined);
    return run;
  }

  async #changeNow<T>(change: (bitmap: Bitmap) => T, replaceOther: boolean): Promise<T> {
    for (;;) {
      const { bitmap, modRevision, foreign } = await this.#load(replaceOther);
      const before = bitmap.toWire();
      const result = change(bitmap);
      const after = bitmap.toWire();
      if (!foreign && sameBytes(before, after)) return result;
      // Somebody always wins, so this ends.
      if (await this.#store.compareAndPut(this.description.key, encodeStoredRange({ range: this.description.range, wire: after }), modRevision)) return result;
    }
  }

  async #load(acceptForeign = false): Promise<Loaded> {
    const { key, range, size } = this.description;
    const stored = await this.#store.get(key);
    if (stored === undefined) return { bitmap: new Bitmap(size), modRevision: 0, foreign: false };
    const found = decodeStoredRange(stored.value);
    const foreign = found.range !== range;
    if (foreign && !acceptForeign) throw new RangeChanged(found.range, range);
    return { bitmap: foreign ? new Bitmap(size) : new Bitmap(size, found.wire), modRevision: stored.modRevision, foreign };
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
