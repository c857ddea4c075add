/** Bytes that are no protobuf, or not of the type that was expected. */
export class ProtobufError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtobufError';
  }
}

/** Of a request's body. More nobody has: 1.5 MiB, which is what etcd takes, would be of fields of twelve bytes. */
export const maxMessageFields = 131_072;

/** A message that is too much work for its length. */
export class ProtobufTooLongError extends Error {
  constructor() {
    super(`limit is ${maxMessageFields} fields in a message`);
    this.name = 'ProtobufTooLongError';
  }
}

const utf8 = new TextDecoder('utf-8');

export interface Tag {
  readonly field: number;
  readonly wireType: number;
}

export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new ProtobufError('unexpected EOF');
    this.#at++;
    return byte;
  }

  /** Signed, 64 bits. */
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (shift > 63n) throw new ProtobufError('proto: integer overflow');
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  }

  /** As `varint`: what is short, as lengths and tags mostly are, without big integers. */
  #number(): number {
    const first = this.#bytes[this.#at];
    const second = this.#bytes[this.#at + 1];
    if (first === undefined || second === undefined || (first >= 0x80 && second >= 0x80)) return Number(this.varint());
    this.#at += first < 0x80 ? 1 : 2;
    return first < 0x80 ? first : (first & 0x7f) | (second << 7);
  }

  length(): number {
    const length = this.#number();
    if (length < 0) throw new ProtobufError('proto: negative length found during unmarshaling');
    return length;
  }

  tag(): Tag {
    const key = this.#number();
    if (!Number.isSafeInteger(key) || key < 8) throw new ProtobufError(`proto: illegal tag ${Math.floor(key / 8)} (wire type ${key & 7})`);
    return { field: Math.floor(key / 8), wireType: key & 7 };
  }

  bytes(): Uint8Array {
    const length = this.length();
    if (length > this.#bytes.length - this.#at) throw new ProtobufError('unexpected EOF');
    const found = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return found;
  }

  string(): string {
    return utf8.decode(this.bytes());
  }

  double(): number {
    if (this.#bytes.length - this.#at < 8) throw new ProtobufError('unexpected EOF');
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8).getFloat64(0, true);
    this.#at += 8;
    return value;
  }

  /** Unknown fields are passed over. */
  skip(wireType: number): void {
    switch (wireType) {
      case 0: this.varint(); break;
      case 1: this.double(); break;
      case 2: this.bytes(); break;
      case 5:
        for (let index = 0; index < 4; index++) this.#byte();
        break;
      default: throw new ProtobufError(`proto: illegal wireType ${wireType}`);
    }
  }
}
