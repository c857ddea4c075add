import { frameHeadBytes, frameType } from './frames.ts';
import { Slabs } from './slabs.ts';

const nothing = new Uint8Array(0);

/** What leaves in one write. */
export interface Batch {
  readonly parts: Uint8Array[];
  /** Nobody reads the parts any more. */
  readonly written: () => void;
}

/** Frames that wait for the transport. They lie in one piece of memory, so that they leave in one write without being copied again. */
export class Output {
  readonly #slabs: Slabs;
  #slab: Uint8Array = nothing;
  #from = 0;
  #at = 0;
  /** Batches with parts of `#slab` that are not yet written. */
  #onTheirWay = 0;
  /** Something in `#parts` lies in `#slab`. */
  #cutOff = false;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  /** Those that are full and lie in `#parts`. */
  #full: Uint8Array[] = [];
  /** Where the head of the last frame lies, if that is content which may still grow; else -1. */
  #growing = -1;
  #growingStream = 0;
  /** Of the last batch: the next one is likely to be as large, and need not be moved to larger memory time and again. */
  #lastBytes = 0;
  #growingBytes = 0;

  constructor(slabs = new Slabs()) {
    this.#slabs = slabs;
  }

  get sizeBytes(): number {
    return this.#partBytes + this.#at - this.#from;
  }

  head(lengthBytes: number, type: number, flags: number, streamId: number): void {
    this.#reserve(frameHeadBytes);
    this.#growing = -1;
    const slab = this.#slab;
    const at = this.#at;
    slab[at] = lengthBytes >>> 16;
    slab[at + 1] = lengthBytes >>> 8;
    slab[at + 2] = lengthBytes;
    slab[at + 3] = type;
    slab[at + 4] = flags;
    slab[at + 5] = streamId >>> 24;
    slab[at + 6] = streamId >>> 16;
    slab[at + 7] = streamId >>> 8;
    slab[at + 8] = streamId;
    this.#at = at + frameHeadBytes;
  }

  uint32(value: number): void {
    this.#reserve(4);
    const slab = this.#slab;
    slab[this.#at] = value >>> 24;
    slab[this.#at + 1] = value >>> 16;
    slab[this.#at + 2] = value >>> 8;
    slab[this.#at + 3] = value;
    this.#at += 4;
  }

  /** A frame of content; what follows other content of the same stream goes into the same frame. */
  content(streamId: number, data: Uint8Array, flags: number, maxFrameBytes: number): void {
    const { length } = data;
    this.#reserve(frameHeadBytes + length);
    if (this.#growing >= 0 && this.#growingStream === streamId && this.#growingBytes + length <= maxFrameBytes) {
      this.#grow(data, flags);
      return;
    }
    const at = this.#at;
    this.head(length, frameType.data, flags, streamId);
    this.copy(data);
    this.#growing = flags === 0 ? at : -1;
    this.#growingStream = streamId;
    this.#growingBytes = length;
  }

  #grow(data: Uint8Array, flags: number): void {
    const slab = this.#slab;
    const at = this.#growing;
    const sizeBytes = this.#growingBytes + data.length;
    slab[at] = sizeBytes >>> 16;
    slab[at + 1] = sizeBytes >>> 8;
    slab[at + 2] = sizeBytes;
    slab[at + 4] = flags;
    this.copy(data);
    this.#growingBytes = sizeBytes;
    if (flags !== 0) this.#growing = -1;
  }

  copy(data: Uint8Array): void {
    this.#reserve(data.length);
    if (data.length > 24) this.#slab.set(data, this.#at);
    else for (let at = 0; at < data.length; at += 1) this.#slab[this.#at + at] = data[at] as number;
    this.#at += data.length;
  }

  /** All that waits. It is not written again before `written` of the same batch says so. */
  take(): Batch {
    this.#cut();
    this.#lastBytes = this.#partBytes;
    const current = this.#cutOff ? this.#slab : undefined;
    const parts = this.#parts;
    const full = this.#full;
    this.#parts = [];
    this.#partBytes = 0;
    this.#full = [];
    if (current !== undefined) this.#onTheirWay += 1;
    this.#cutOff = false;
    return { parts, written: () => { this.#written(current, full); } };
  }

  #written(current: Uint8Array | undefined, full: readonly Uint8Array[]): void {
    for (const slab of full) this.#slabs.give(slab);
    if (current === undefined || current !== this.#slab) return;
    this.#onTheirWay -= 1;
    if (this.#onTheirWay > 0 || this.#at > this.#from || this.#cutOff) return;
    // A connection with nothing to say holds none.
    this.#slabs.give(current);
    this.#slab = nothing;
    this.#from = 0;
    this.#at = 0;
  }

  #cut(): void {
    this.#growing = -1;
    if (this.#at === this.#from) return;
    this.#parts.push(this.#slab.subarray(this.#from, this.#at));
    this.#cutOff = true;
    this.#partBytes += this.#at - this.#from;
    this.#from = this.#at;
  }

  /** Room for so much more, in one piece with what waits as long as that is not too much. */
  #reserve(sizeBytes: number): void {
    if (this.#at + sizeBytes <= this.#slab.length) return;
    const old = this.#slab;
    let next = this.#slabs.take(this.#at - this.#from + Math.max(sizeBytes, this.#lastBytes)) ?? this.#slabs.take(this.#at - this.#from + sizeBytes);
    let moved = 0;
    if (next === undefined) {
      this.#cut();
      next = this.#slabs.take(sizeBytes) ?? new Uint8Array(sizeBytes);
    } else if (this.#at > this.#from) {
      next.set(old.subarray(this.#from, this.#at));
      moved = this.#at - this.#from;
      if (this.#growing >= 0) this.#growing -= this.#from;
    }
    // Something of it may be on its way: it is free when the next batch is, which comes behind that.
    if (this.#onTheirWay > 0 || this.#cutOff) this.#full.push(old);
    else this.#slabs.give(old);
    this.#slab = next;
    this.#cutOff = false;
    this.#onTheirWay = 0;
    this.#from = 0;
    this.#at = moved;
  }
}
