import type { EventMessage, KeyValue, ResponseHeader } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';

/** What is kept of the newest events' encoded form, for the other watches that want them. */
const maxKeptBytes = 8 * 1024 * 1024;
const eventsTag = 11 * 8 + 2;
const watchIdTag = 2 * 8;
const prefixBytes = 5;

interface Encoded {
  readonly prevKv: KeyValue | undefined;
  readonly data: Uint8Array;
}

/** Frames of watch responses in which header and events are encoded once, however many watches get them. One for a whole member. */
export class WatchFrames {
  readonly #events = new Map<KeyValue, Encoded>();
  #keptBytes = 0;
  #header: ResponseHeader | undefined;
  #headerData: Uint8Array = new Uint8Array(0);

  /** The same bytes as the codec would give for `{ header, watchId, events }`, framed for gRPC. `watchId` is not negative. */
  frame(header: ResponseHeader, watchId: number, events: readonly EventMessage[]): Uint8Array {
    const head = this.#headerBytes(header);
    const parts = events.map((event) => this.#eventBytes(event));
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

  #eventBytes(event: EventMessage): Uint8Array {
    const known = this.#events.get(event.kv);
    if (known !== undefined && known.prevKv === event.prevKv) return known.data;
    const data = codecs.event.encode(event);
    if (known !== undefined) this.#keptBytes -= known.data.length;
    this.#events.set(event.kv, { prevKv: event.prevKv, data });
    this.#keptBytes += data.length;
    for (const [kv, encoded] of this.#events) {
      if (this.#keptBytes <= maxKeptBytes) break;
      this.#events.delete(kv);
      this.#keptBytes -= encoded.data.length;
    }
    return data;
  }
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
