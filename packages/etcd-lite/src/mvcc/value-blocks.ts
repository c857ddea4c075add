/**
 * New values are put into blocks that many share. An array for each would be two objects and a piece of the allocator's memory, which
 * come to lie between versions and keys: when they go, most of what they leave is too small to be used again. Values come and go
 * in nearly the same order, so a block goes soon after its first value.
 */
const blockBytes = 256 * 1024;
const maxPartBytes = 0x1fff;
const nothing = new Uint8Array(0);

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
  #shared: Uint8Array = nothing;

  /** From now on values in this memory, which never changes, stay where they are; undefined: all are copied. */
  share(memory: ArrayBufferLike | undefined): void {
    if (this.#shared.buffer !== memory) this.#shared = memory === undefined ? nothing : new Uint8Array(memory);
  }

  /** Copies `value`, unless its memory is shared or it is large and an array of its own. */
  keep(owner: PlacedValue, value: Uint8Array): void {
    if (value.length === 0 || value.length > maxPartBytes) {
      owner.value = own(value);
      return;
    }
    if (value.buffer === this.#shared.buffer && value.byteOffset < blockBytes) {
      owner.setPlace(this.#shared, value.byteOffset << 13 | value.length);
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

/** Fewer values of one write are copied: what has brought them may be much larger. */
const leastShared = 8;

/** The memory of values that fill at least half of it, as those of a large transaction do: it is as good as a block. */
export function sharedMemory(values: readonly Uint8Array[]): ArrayBufferLike | undefined {
  const memory = values[0]?.buffer;
  if (memory === undefined || values.length < leastShared) return undefined;
  let filledBytes = 0;
  for (const value of values) if (value.buffer === memory) filledBytes += value.length;
  return filledBytes * 2 >= memory.byteLength ? memory : undefined;
}

/** Bytes that would keep a much larger buffer alive (a whole network frame) are copied. */
function own(data: Uint8Array): Uint8Array {
  return data.buffer.byteLength > data.length + 128 ? data.slice() : data;
}
