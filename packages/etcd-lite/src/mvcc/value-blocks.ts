/**
 * New values are put into blocks that many share. An array for each would be two objects and a piece of the allocator's memory, which
 * come to lie between versions and keys: when they go, most of what they leave is too small to be used again. Values come and go
 * in nearly the same order, so a block goes soon after its first value.
 */
const blockBytes = 256 * 1024;
const maxPartBytes = 0x1fff;

/** A value that has its array to itself. Another place is 31 bits: where it begins in its block, and its length. */
export const wholeBlock = -1;

export const placeStart = (place: number): number => place >>> 13;
export const placeLength = (place: number): number => place & maxPartBytes;

export interface PlacedValue {
  setPlace(block: Uint8Array, place: number): void;
  value: Uint8Array | undefined;
}

export class ValueBlocks {
  #block = new Uint8Array(0);
  #filled = 0;

  /** Copies `value`, unless it is large and an array of its own. */
  keep(owner: PlacedValue, value: Uint8Array): void {
    if (value.length === 0 || value.length > maxPartBytes) {
      owner.value = own(value);
      return;
    }
    if (this.#filled + value.length > this.#block.length) {
      this.#block = new Uint8Array(blockBytes);
      this.#filled = 0;
    }
    this.#block.set(value, this.#filled);
    owner.setPlace(this.#block, this.#filled << 13 | value.length);
    this.#filled += value.length;
  }
}

/** Bytes that would keep a much larger buffer alive (a whole network frame) are copied. */
function own(data: Uint8Array): Uint8Array {
  return data.buffer.byteLength > data.length + 128 ? data.slice() : data;
}
