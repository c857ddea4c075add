/**
 * Which offsets are taken. On the wire it is the big-endian number whose bit i is offset i, without leading zero bytes, as
 * upstream's RangeAllocation has it.
 */
export class Bitmap {
  readonly #bytes: Uint8Array;
  readonly size: number;

  constructor(size: number, wire: Uint8Array = new Uint8Array(0)) {
    this.size = size;
    this.#bytes = new Uint8Array(Math.ceil(size / 8));
    const used = Math.min(wire.length, this.#bytes.length);
    for (let i = 0; i < used; i += 1) this.#bytes[i] = wire[wire.length - 1 - i] as number;
  }

  has(offset: number): boolean {
    return ((this.#bytes[offset >> 3] as number) & (1 << (offset & 7))) !== 0;
  }

  add(offset: number): void {
    this.#bytes[offset >> 3] = (this.#bytes[offset >> 3] as number) | (1 << (offset & 7));
  }

  delete(offset: number): void {
    this.#bytes[offset >> 3] = (this.#bytes[offset >> 3] as number) & ~(1 << (offset & 7));
  }

  /** The first free offset of [from, to) at or after `start`, going round; undefined if all are taken. */
  free(from: number, to: number, start: number): number | undefined {
    for (let i = 0; i < to - from; i += 1) {
      const offset = from + ((start - from + i) % (to - from));
      if (!this.has(offset)) return offset;
    }
    return undefined;
  }

  *offsets(): Generator<number> {
    for (let offset = 0; offset < this.size; offset += 1) if (this.has(offset)) yield offset;
  }

  toWire(): Uint8Array {
    let end = this.#bytes.length;
    while (end > 0 && this.#bytes[end - 1] === 0) end -= 1;
    return this.#bytes.slice(0, end).toReversed();
  }
}
