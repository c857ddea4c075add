import { concatBytes, type ByteSource } from '@coxswain/host';

/** Exact reads from a byte source. */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #parts: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(source: ByteSource) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Undefined if the source ends first. */
  async read(lengthBytes: number): Promise<Uint8Array | undefined> {
    while (this.#sizeBytes < lengthBytes) {
      const next = await this.#iterator.next();
      if (next.done === true) return undefined;
      this.#parts.push(next.value);
      this.#sizeBytes += next.value.length;
    }
    const joined = concatBytes(this.#parts);
    this.#parts = joined.length > lengthBytes ? [joined.subarray(lengthBytes)] : [];
    this.#sizeBytes = joined.length - lengthBytes;
    return joined.subarray(0, lengthBytes);
  }

  async stop(): Promise<void> {
    await this.#iterator.return?.();
  }
}
