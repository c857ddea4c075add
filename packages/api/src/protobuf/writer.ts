const utf8 = new TextEncoder();

/**
 * Writes from the end towards the start, so that the length of a message is known when its prefix is written. What comes last on the wire is
 * written first.
 */
export class BackwardWriter {
  #bytes = new Uint8Array(4096);
  #at = 4096;

  /** Distance from the end; the difference of two is a length. */
  get size(): number {
    return this.#bytes.length - this.#at;
  }

  #reserve(length: number): void {
    if (this.#at >= length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.size + length));
    grown.set(this.#bytes.subarray(this.#at), grown.length - this.size);
    this.#at = grown.length - this.size;
    this.#bytes = grown;
  }

  varint(value: number | bigint): void {
    if (typeof value === 'bigint' || value < 0 || value > 0x7fffffff) {
      this.#largeVarint(BigInt(value));
      return;
    }
    const length = value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
    this.#reserve(length);
    let rest = value;
    let at = (this.#at -= length);
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at] = rest;
  }

  #largeVarint(value: bigint): void {
    const groups: number[] = [];
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) groups.push(Number(rest & 0x7fn) | 0x80);
    groups.push(Number(rest));
    this.raw(Uint8Array.from(groups));
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    new DataView(this.#bytes.buffer).setFloat64(this.#at, value, true);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
  }

  bytes(bytes: Uint8Array): void {
    this.raw(bytes);
    this.varint(bytes.length);
  }

  string(text: string): void {
    this.bytes(utf8.encode(text));
  }

  tag(field: number, wireType: 0 | 1 | 2): void {
    this.varint(field * 8 + wireType);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(this.#at);
  }
}
