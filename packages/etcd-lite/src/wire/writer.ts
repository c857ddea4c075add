/**
 * Protobuf's primitives written from the end of a buffer towards its front: when a nested message has been written its
 * length is known, so that nothing is measured beforehand or moved afterwards. Callers write fields in reverse.
 */
export class ReverseWriter {
  #buffer: Uint8Array;
  #start: number;

  constructor(capacityBytes = 256) {
    this.#buffer = new Uint8Array(capacityBytes);
    this.#start = capacityBytes;
  }

  get sizeBytes(): number {
    return this.#buffer.length - this.#start;
  }

  /** What was written; a view, so the writer must not be used again. */
  finish(): Uint8Array {
    return this.#buffer.subarray(this.#start);
  }

  #reserve(sizeBytes: number): number {
    if (sizeBytes > this.#start) this.#grow(sizeBytes);
    this.#start -= sizeBytes;
    return this.#start;
  }

  #grow(needBytes: number): void {
    const used = this.sizeBytes;
    const next = new Uint8Array(Math.max(this.#buffer.length * 2, used + needBytes + 64));
    next.set(this.#buffer.subarray(this.#start), next.length - used);
    this.#start = next.length - used;
    this.#buffer = next;
  }

  bytes(data: Uint8Array): void {
    // Reserving may replace the buffer, so it must come first.
    const at = this.#reserve(data.length);
    this.#buffer.set(data, at);
  }

  /** A non-negative integer below 2^53. */
  varint(value: number): void {
    let at = this.#reserve(varintSize(value));
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#buffer[at] = (rest % 128) | 0x80;
      at += 1;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#buffer[at] = (rest & 0x7f) | 0x80;
      at += 1;
      rest >>>= 7;
    }
    this.#buffer[at] = rest;
  }

  /** Two's complement, ten bytes if negative. */
  int64(value: number): void {
    if (value >= 0) this.varint(value);
    else this.bigint(BigInt(value));
  }

  /** Two's complement in 64 bits. */
  bigint(value: bigint): void {
    let low = Number(BigInt.asUintN(32, value));
    let high = Number(BigInt.asUintN(32, value >> 32n));
    const out: number[] = [];
    while (high !== 0 || low > 0x7f) {
      out.push((low & 0x7f) | 0x80);
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    out.push(low);
    const at = this.#reserve(out.length);
    this.#buffer.set(out, at);
  }
}

function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  let size = 4;
  let rest = value / 0x10000000;
  while (rest >= 1) {
    size += 1;
    rest /= 128;
  }
  return size;
}
