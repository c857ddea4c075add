import { ChangeEvent } from '../mvcc/history.ts';
import type { EventMessage, ResponseHeader } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';

const eventsTag = 11 * 8 + 2;
const watchIdTag = 2 * 8;
const prefixBytes = 5;

/** Frames of watch responses in which header and events are encoded once, however many watches get them. One for a whole member. */
export class WatchFrames {
  #header: ResponseHeader | undefined;
  #headerData: Uint8Array = new Uint8Array(0);

  /** The same bytes as the codec would give for `{ header, watchId, events }`, framed for gRPC. `watchId` is not negative. */
  frame(header: ResponseHeader, watchId: number, events: readonly EventMessage[]): Uint8Array {
    const head = this.#headerBytes(header);
    const parts = events.map(eventBytes);
    let sizeBytes = head.length + (watchId === 0 ? 0 : 1 + varintSize(watchId));
    for (const part of parts) sizeBytes += 1 + varintSize(part.length) + part.length;
    const out = new Uint8Array(prefixBytes + sizeBytes);
    new DataView(out.buffer).setUint32(1, sizeBytes);
    out.set(head, prefixBytes);
    let at = prefixBytes + head.length;
    if (watchId !== 0) {
      out[at] = watchIdTag;
      at = putVarint(out, at + 1, watchId);
    }
    for (const part of parts) {
      out[at] = eventsTag;
      at = putVarint(out, at + 1, part.length);
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  #headerBytes(header: ResponseHeader): Uint8Array {
    const last = this.#header;
    if (last === undefined || last.revision !== header.revision || last.raftTerm !== header.raftTerm) {
      this.#header = header;
      this.#headerData = codecs.watchResponse.encode({ header, watchId: 0, events: [] });
    }
    return this.#headerData;
  }
}

/** Kept for as long as a watch has yet to be told of it. */
function eventBytes(event: EventMessage): Uint8Array {
  if (!(event instanceof ChangeEvent)) return codecs.event.encode(event);
  event.encoded ??= codecs.event.encode(event);
  return event.encoded;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest /= 128) size += 1;
  return size;
}

function putVarint(out: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 128) {
    out[at] = (rest % 128) | 0x80;
    at += 1;
    rest = Math.floor(rest / 128);
  }
  out[at] = rest;
  return at + 1;
}
