import { concatBytes, type ByteSource } from '@coxswain/host';

/** Reads exact numbers of bytes from chunks of any size. */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(source: ByteSource) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Undefined if the source ends first; `partial` tells whether something had come. */
  async take(sizeBytes: number): Promise<Uint8Array | undefined> {
    while (this.#size < sizeBytes) {
      const next = await this.#iterator.next();
      if (next.done === true) return undefined;
      this.#chunks.push(next.value);
      this.#size += next.value.length;
    }
    const all = concatBytes(this.#chunks);
    const rest = all.subarray(sizeBytes);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    return all.subarray(0, sizeBytes);
  }

  /** Bytes that have come and were not taken. */
  get left(): number {
    return this.#size;
  }

  /** What is left, as it comes. */
  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#chunks.splice(0);
    for (;;) {
      const next = await this.#iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
}

/** Length (4, little-endian) and content: how members frame what they send each other. */
export function lengthFrame(content: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + content.length);
  new DataView(out.buffer).setUint32(0, content.length, true);
  out.set(content, 4);
  return out;
}

/** Undefined at the end. Throws if a frame is larger than `maxBytes`. */
export async function readLengthFrame(reader: ByteReader, maxBytes: number): Promise<Uint8Array | undefined> {
  const head = await reader.take(4);
  if (head === undefined) return undefined;
  const length = new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true);
  if (length > maxBytes) throw new Error(`a frame of ${length} bytes is larger than ${maxBytes}`);
  return length === 0 ? new Uint8Array(0) : reader.take(length);
}

/** Cuts frames as `lengthFrame` makes them from what comes, in pieces of any size. */
export class LengthCutter {
  readonly #maxBytes: number;
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  /** Of `#rest`, before it is worth looking again. */
  #needBytes = 4;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Calls `frame` for each that is whole now, with a view of what came. Throws if one is larger than allowed. */
  push(data: Uint8Array, frame: (content: Uint8Array) => void): void {
    this.#rest.push(data);
    this.#restBytes += data.length;
    if (this.#restBytes < this.#needBytes) return;
    const all = this.#rest.length === 1 ? data : concatBytes(this.#rest);
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    let at = 0;
    this.#needBytes = 4;
    while (all.length - at >= 4) {
      const length = view.getUint32(at, true);
      if (length > this.#maxBytes) throw new Error(`a frame of ${length} bytes is larger than ${this.#maxBytes}`);
      if (all.length - at < 4 + length) {
        this.#needBytes = 4 + length;
        break;
      }
      frame(all.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.#rest = at === all.length ? [] : [all.subarray(at)];
    this.#restBytes = all.length - at;
  }
}
