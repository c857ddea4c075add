import type { EventMessage, ResponseHeader } from '../wire/messages.ts';
import { eventSize, putEvent, putVarint, varintSize } from './event-bytes.ts';

const eventsTag = 11 * 8 + 2;
const watchIdTag = 2 * 8;
const prefixBytes = 5;
const leastGrowthBytes = 16 * 1024;

/** Frames of watch responses one behind the other, in one piece of memory. Used once. */
export class WatchOutput {
  #data = new Uint8Array(0);
  #sizeBytes = 0;
  #count = 0;
  /** Where the last frame of events begins, what is in it, and where its watch's id stands. */
  #last: { readonly header: ResponseHeader; readonly events: readonly EventMessage[]; readonly start: number; readonly end: number; readonly idAt: number; readonly idSize: number } | undefined;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get count(): number {
    return this.#count;
  }

  #reserve(sizeBytes: number): number {
    const at = this.#sizeBytes;
    this.#sizeBytes += sizeBytes;
    this.#count += 1;
    if (this.#sizeBytes > this.#data.length) {
      // The first one is often the only one.
      const next = new Uint8Array(at === 0 ? sizeBytes : Math.max(this.#sizeBytes, this.#data.length * 2, leastGrowthBytes));
      next.set(this.#data.subarray(0, at));
      this.#data = next;
    }
    return at;
  }

  frame(frame: Uint8Array): void {
    const at = this.#reserve(frame.length);
    this.#data.set(frame, at);
  }

  /** `{ header, watchId, events }` as the codec would give it, framed; `head` is `header` encoded. The id is not negative. */
  events(head: Uint8Array, header: ResponseHeader, watchId: number, events: readonly EventMessage[]): void {
    const idSize = watchId === 0 ? 0 : varintSize(watchId);
    const last = this.#last;
    if (last !== undefined && last.header === header && last.events === events && last.idSize === idSize) this.#again(last, watchId);
    else this.#write(head, header, watchId, idSize, events);
  }

  /** Many watches are told the same: only the id differs. */
  #again(last: { readonly start: number; readonly end: number; readonly idAt: number; readonly idSize: number }, watchId: number): void {
    const at = this.#reserve(last.end - last.start);
    this.#data.copyWithin(at, last.start, last.end);
    if (last.idSize > 0) putVarint(this.#data, at + last.idAt - last.start, watchId);
  }

  #write(head: Uint8Array, header: ResponseHeader, watchId: number, idSize: number, events: readonly EventMessage[]): void {
    const sizes = events.map(eventSize);
    let sizeBytes = head.length + (idSize === 0 ? 0 : 1 + idSize);
    for (const size of sizes) sizeBytes += 1 + varintSize(size) + size;
    const start = this.#reserve(prefixBytes + sizeBytes);
    const data = this.#data;
    data[start] = 0;
    for (let byte = 0; byte < 4; byte += 1) data[start + 1 + byte] = sizeBytes >>> (24 - 8 * byte);
    data.set(head, start + prefixBytes);
    let at = start + prefixBytes + head.length;
    const idAt = at + 1;
    if (idSize > 0) {
      data[at] = watchIdTag;
      at = putVarint(data, idAt, watchId);
    }
    for (let index = 0; index < sizes.length; index += 1) {
      data[at] = eventsTag;
      at = putVarint(data, at + 1, sizes[index] as number);
      at = putEvent(data, at, events[index] as EventMessage);
    }
    this.#last = { header, events, start, end: at, idAt, idSize };
  }

  /** All of it; must not be changed. */
  finish(): Uint8Array {
    return this.#data.length === this.#sizeBytes ? this.#data : this.#data.subarray(0, this.#sizeBytes);
  }
}
