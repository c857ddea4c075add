import { copyBytes } from '@coxswain/host';

const utf8 = new TextEncoder();
/** Longer texts are worth a call out of the engine. */
const shortText = 48;
const keptBytes = 64 * 1024;

/**
 * Writes from the end towards the start, so that the length of a message is known when its prefix is written. What comes last on the wire is
 * written first.
 */
export class BackwardWriter {
  #bytes = new Uint8Array(keptBytes);
  #at = keptBytes;

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
    if (typeof value === 'number' && value >= 0 && value < 0x80) {
      this.#reserve(1);
      this.#bytes[--this.#at] = value;
      return;
    }
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
    this.#part(bytes, 0, bytes.length);
  }

  #part(source: Uint8Array, from: number, length: number): void {
    this.#reserve(length);
    const start = (this.#at -= length);
    const bytes = this.#bytes;
    if (length > shortText) copyBytes(source, from, from + length, bytes, start);
    else for (let index = 0; index < length; index += 1) bytes[start + index] = source[from + index] as number;
  }

  bytes(bytes: Uint8Array): void {
    this.raw(bytes);
    this.varint(bytes.length);
  }

  /** As `bytes`, of a part. */
  copy(source: Uint8Array, from: number, to: number): void {
    this.#part(source, from, to - from);
    this.varint(to - from);
  }

  /** Almost every text is ASCII, whose length is known before it is written. */
  string(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const start = this.#at - length;
    if (length > shortText ? !this.#longAscii(text, start) : !this.#shortAscii(text, start)) {
      this.bytes(utf8.encode(text));
      return;
    }
    this.#at = start;
    this.varint(length);
  }

  #shortAscii(text: string, start: number): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      bytes[start + index] = code;
    }
    return true;
  }

  /** All was read into as many bytes as there are characters: there is none that takes more than one. */
  #longAscii(text: string, start: number): boolean {
    return utf8.encodeInto(text, this.#bytes.subarray(start, this.#at)).read === text.length;
  }

  tag(field: number, wireType: 0 | 1 | 2): void {
    this.varint(field * 8 + wireType);
  }

  /** Ready for another message. What a large one took is given back. */
  reset(): void {
    if (this.#bytes.length > keptBytes) this.#bytes = new Uint8Array(keptBytes);
    this.#at = this.#bytes.length;
  }

  /** Of what has been written; good until more is. */
  view(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(this.#at);
  }
}
