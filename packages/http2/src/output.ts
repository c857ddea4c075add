import { frameHeadBytes } from './frames.ts';

const slabBytes = 64 * 1024;
/** Larger content is handed on as it is; smaller is copied behind its frame's head. */
const copyBytesMax = 4096;

/** Frames that wait for the transport. Many small ones lie in one piece, so that they leave in one write. */
export class Output {
  #slab = new Uint8Array(0);
  #from = 0;
  #at = 0;
  #parts: Uint8Array[] = [];
  #partBytes = 0;

  get sizeBytes(): number {
    return this.#partBytes + this.#at - this.#from;
  }

  head(lengthBytes: number, type: number, flags: number, streamId: number): void {
    this.#reserve(frameHeadBytes);
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

  /** `data` must not change afterwards. */
  bytes(data: Uint8Array): void {
    if (data.length > copyBytesMax) {
      this.#cut();
      this.#parts.push(data);
      this.#partBytes += data.length;
      return;
    }
    this.copy(data);
  }

  copy(data: Uint8Array): void {
    this.#reserve(data.length);
    if (data.length > 24) this.#slab.set(data, this.#at);
    else for (let at = 0; at < data.length; at += 1) this.#slab[this.#at + at] = data[at] as number;
    this.#at += data.length;
  }

  /** All that waits. What was handed out is never written again. */
  take(): Uint8Array[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#partBytes = 0;
    return parts;
  }

  #cut(): void {
    if (this.#at === this.#from) return;
    this.#parts.push(this.#slab.subarray(this.#from, this.#at));
    this.#partBytes += this.#at - this.#from;
    this.#from = this.#at;
  }

  #reserve(sizeBytes: number): void {
    if (this.#at + sizeBytes <= this.#slab.length) return;
    this.#cut();
    this.#slab = new Uint8Array(Math.max(slabBytes, sizeBytes));
    this.#from = 0;
    this.#at = 0;
  }
}
