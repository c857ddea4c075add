import { ChangeEvent } from '../mvcc/history.ts';
import type { EventMessage } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';

/** An event on the wire; kept for as long as a watch has yet to be told of it. */
export function eventBytes(event: EventMessage): Uint8Array {
  if (!(event instanceof ChangeEvent)) return codecs.event.encode(event);
  event.encoded ??= codecs.event.encode(event);
  return event.encoded;
}

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest /= 128) size += 1;
  return size;
}

/** Returns where it ends. */
export function putVarint(out: Uint8Array, start: number, value: number): number {
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
