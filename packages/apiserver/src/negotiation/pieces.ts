import { copyBytes, emptyBytes, type ByteSink, type ByteSource, type PushSource } from '@coxswain/host';

/** Longer lists are sent in pieces, so that no list is ever in memory as a whole and other requests have their turn in between. */
const pieceBytes = 128 * 1024;

/** Puts items into memory that is there, one after the other, in their order. */
export interface ItemWriter<T> {
  /** As much as `write` may need, which comes next with the same item. */
  sizeBytesMax(item: T): number;
  /** Answers where it ends. */
  write(item: T, target: Uint8Array, at: number): number;
}

/** A body as it is put together: a head, items and a tail, into one piece of memory after the other. */
export class Filler<T> {
  readonly #writer: ItemWriter<T>;
  readonly #tail: Uint8Array;
  #items: readonly T[];
  #next = 0;
  /** What comes before the next item; of that, so much has been written. */
  #rest: Uint8Array | undefined;
  #restAt = 0;
  #tailTaken = false;

  constructor(head: Uint8Array, items: readonly T[], writer: ItemWriter<T>, tail: Uint8Array) {
    this.#rest = head;
    this.#items = items;
    this.#writer = writer;
    this.#tail = tail;
  }

  get done(): boolean {
    return this.#rest === undefined && this.#tailTaken;
  }

  /** Nothing more will be asked for. */
  forget(): void {
    this.#items = [];
    this.#rest = undefined;
    this.#tailTaken = true;
  }

  /** How many bytes there are now; 0 only at the end. */
  fill(target: Uint8Array): number {
    let at = 0;
    while (at < target.length && !this.done) {
      if (this.#rest !== undefined) {
        at = this.#writeRest(this.#rest, target, at);
        continue;
      }
      const item = this.#items[this.#next];
      if (item === undefined && this.#next >= this.#items.length) {
        this.#rest = this.#tail;
        this.#tailTaken = true;
        continue;
      }
      const sizeBytesMax = this.#writer.sizeBytesMax(item as T);
      if (at > 0 && at + sizeBytesMax > target.length) return at;
      this.#next += 1;
      if (sizeBytesMax <= target.length) at = this.#writer.write(item as T, target, at);
      else this.#rest = this.#large(item as T, sizeBytesMax);
    }
    return at;
  }

  /** One that is longer than a piece. */
  #large(item: T, sizeBytesMax: number): Uint8Array {
    const whole = new Uint8Array(sizeBytesMax);
    return whole.subarray(0, this.#writer.write(item, whole, 0));
  }

  #writeRest(rest: Uint8Array, target: Uint8Array, at: number): number {
    const end = Math.min(rest.length, this.#restAt + target.length - at);
    copyBytes(rest, this.#restAt, end, target, at);
    const written = end - this.#restAt;
    this.#restAt = end;
    if (end === rest.length) {
      this.#rest = undefined;
      this.#restAt = 0;
    }
    return at + written;
  }
}

/** A body that is longer than a piece. Pushed, all pieces lie in the same memory, one after the other. */
class Pieces<T> implements PushSource {
  readonly #filler: Filler<T>;
  #first: Uint8Array | undefined;
  /** Of all pieces that are pushed. */
  #memory: Uint8Array = emptyBytes;
  #sink: ByteSink | undefined;

  constructor(first: Uint8Array, filler: Filler<T>) {
    this.#first = first;
    this.#filler = filler;
  }

  #next(memory: Uint8Array): Uint8Array | undefined {
    const sizeBytes = this.#filler.fill(memory);
    return sizeBytes === 0 ? undefined : memory.subarray(0, sizeBytes);
  }

  start(sink: ByteSink): void {
    this.#sink = sink;
    this.#pump();
  }

  drained(): void {
    this.#pump();
  }

  stop(): void {
    this.#sink = undefined;
    this.#filler.forget();
  }

  #pump(): void {
    for (let room = true; room && this.#sink !== undefined;) {
      const piece = this.#first ?? this.#next(this.#memory);
      if (piece === undefined) {
        const sink = this.#sink;
        this.stop();
        sink.end();
        return;
      }
      if (this.#first !== undefined) {
        this.#memory = this.#first;
        this.#first = undefined;
      }
      room = this.#sink.write(piece);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (this.#first !== undefined) yield this.#first;
      for (let piece = this.#next(new Uint8Array(pieceBytes)); piece !== undefined; piece = this.#next(new Uint8Array(pieceBytes))) yield piece;
    } finally {
      this.stop();
    }
  }
}

/** What fits into one piece is put together here. */
const scratch = new Uint8Array(pieceBytes);

/** Whole if it fits into one piece. */
export function pieces<T>(filler: Filler<T>): Uint8Array | ByteSource {
  const first = scratch.slice(0, filler.fill(scratch));
  return filler.done ? first : new Pieces(first, filler);
}
