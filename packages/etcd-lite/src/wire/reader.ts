export class MalformedMessage extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedMessage';
  }
}

const halves = new Uint32Array(2);
const unsignedWide = new BigUint64Array(halves.buffer);
const signedWide = new BigInt64Array(halves.buffer);

function join64(low: number, high: number, signed: boolean): bigint {
  halves[0] = low;
  halves[1] = high;
  return (signed ? signedWide[0] : unsignedWide[0]) as bigint;
}

/** Protobuf's primitives from the front of a buffer. Byte fields are views of it. */
export class Reader {
  readonly buffer: Uint8Array;
  position: number;
  readonly end: number;

  constructor(buffer: Uint8Array, position = 0, end = buffer.length) {
    this.buffer = buffer;
    this.position = position;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  byte(): number {
    if (this.position >= this.end) throw new MalformedMessage('message ends within a field');
    const value = this.buffer[this.position] as number;
    this.position += 1;
    return value;
  }

  /** Unsigned, below 2^53; a larger one (or a negative int64) is rounded as Number does. */
  int64(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 7; count += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return Number(BigInt.asIntN(64, this.#wide(BigInt(value))));
  }

  bigint(signed: boolean): bigint {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= bits << 31;
      if (byte < 0x80) return join64(low, high, signed);
    }
    throw new MalformedMessage('varint is longer than ten bytes');
  }

  #wide(low: bigint): bigint {
    let value = low;
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedMessage('varint is longer than ten bytes');
  }

  /** The end of a length-delimited field that starts here. */
  limit(): number {
    const sizeBytes = this.int64();
    const end = this.position + sizeBytes;
    if (sizeBytes < 0 || end > this.end) throw new MalformedMessage('field is longer than its message');
    return end;
  }

  bytes(): Uint8Array {
    const end = this.limit();
    const value = this.buffer.subarray(this.position, end);
    this.position = end;
    return value;
  }

  skip(wireType: number): void {
    switch (wireType) {
      case 0: this.bigint(false); return;
      case 1: this.#advance(8); return;
      case 2: this.position = this.limit(); return;
      case 5: this.#advance(4); return;
      default: throw new MalformedMessage(`wire type ${wireType} is not supported`);
    }
  }

  #advance(sizeBytes: number): void {
    if (this.position + sizeBytes > this.end) throw new MalformedMessage('message ends within a field');
    this.position += sizeBytes;
  }
}
