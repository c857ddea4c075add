import { StoreCorruption } from './corruption.ts';

/** Cuts a stream of chunks of any size into pieces of given sizes. */
export class ByteCutter {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes taken so far. */
  position = 0;

  readonly #ended: Promise<never>;

  /** `ended` rejects when no more of the stream is wanted, even if it stands still. */
  constructor(source: AsyncIterable<Uint8Array>, ended: Promise<never>) {
    this.#source = source[Symbol.asyncIterator]();
    this.#ended = ended;
  }

  async #more(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await Promise.race([this.#source.next(), this.#ended]);
      if (next.done === true) return false;
      this.#rest = next.value;
    }
    return true;
  }

  /** `sizeBytes` in pieces as they come. Rejects with StoreCorruption if the stream ends before. */
  async *stream(sizeBytes: number, name: string): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = sizeBytes; left > 0;) {
      if (!await this.#more()) throw new StoreCorruption(name, this.position, 'the snapshot ends before its end');
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      this.position += part.length;
      left -= part.length;
      yield part;
    }
  }

  async take(sizeBytes: number, name: string): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of this.stream(sizeBytes, name)) {
      parts.push(part);
      length += part.length;
    }
    const out = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  async ended(): Promise<boolean> {
    return !await this.#more();
  }
}
