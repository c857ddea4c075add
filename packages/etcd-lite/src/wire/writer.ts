import { emptyBytes } from '@coxswain/host';

const wide = new BigUint64Array(1);
const halves = new Uint32Array(wide.buffer);

/** Shared by all that is encoded: nothing else runs between `start` and `finish`. */
const scratchBytes = 64 * 1024;
/** One that had to grow stays, up to this size: who writes one large message writes many. */
const keptBytes = 1024 * 1024;
let scratch: Uint8Array | undefined;

/**
 * Protobuf's primitives written from the end of a buffer towards its front: when a nested message has been written its
 * length is known, so that nothing is measured beforehand or moved afterwards. Callers write fields in reverse.
 */
export class ReverseWriter {
  #buffer: Uint8Array;
  #start: number;

  /** Its buffer is lent from the last one that has finished, so that a message costs one array of its own size. */
  constructor() {
    this.#buffer = scratch ?? new Uint8Array(scratchBytes);
    this.#start = this.#buffer.length;
    scratch = undefined;
  }

  get sizeBytes(): number {
    return this.#buffer.length - this.#start;
  }

  /** What was written, behind so many free bytes and in front of `tail`. The writer must not be used again. */
  finish(freeBytes = 0, tail = emptyBytes): Uint8Array {
    const end = freeBytes + this.sizeBytes;
    const data = new Uint8Array(end + tail.length);
    data.set(this.#buffer.subarray(this.#start), freeBytes);
    data.set(tail, end);
    if (this.#buffer.length <= keptBytes) scratch = this.#buffer;
    return data;
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

  /** Fixed width, little-endian. */
  uint32(value: number): void {
    const at = this.#reserve(4);
    for (let byte = 0; byte < 4; byte += 1) this.#buffer[at + byte] = value >>> (8 * byte);
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
    wide[0] = value;
    let low = halves[0] as number;
    let high = halves[1] as number;
    if (high === 0) {
      this.varint(low);
      return;
    }
    const bits = 64 - Math.clz32(high);
    let at = this.#reserve(Math.ceil(bits / 7));
    while (high !== 0 || low > 0x7f) {
      this.#buffer[at] = (low & 0x7f) | 0x80;
      at += 1;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#buffer[at] = low;
  }
}

/** From so many bytes on a part of its own costs less than a copy. */
const partBytes = 4096;

/** As ReverseWriter, but what is large stays where it is: a message in parts. */
export class PartsWriter {
  #writer = new ReverseWriter();
  /** Behind what `#writer` has, last part first. */
  readonly #parts: Uint8Array[] = [];
  #cutBytes = 0;

  get sizeBytes(): number {
    return this.#cutBytes + this.#writer.sizeBytes;
  }

  bytes(data: Uint8Array): void {
    if (data.length < partBytes) {
      this.#writer.bytes(data);
      return;
    }
    this.#cut();
    this.#writer = new ReverseWriter();
    this.#add(data);
  }

  #add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#cutBytes += part.length;
  }

  #cut(): void {
    const part = this.#writer.finish();
    if (part.length > 0) this.#add(part);
  }

  uint32(value: number): void {
    this.#writer.uint32(value);
  }

  varint(value: number): void {
    this.#writer.varint(value);
  }

  bigint(value: bigint): void {
    this.#writer.bigint(value);
  }

  /** First part first. The writer must not be used again. */
  finish(): readonly Uint8Array[] {
    this.#cut();
    return this.#parts.reverse();
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
