import type { EventMessage } from '../wire/messages.ts';

function sizeOf(event: EventMessage): number {
  const kvBytes = (kv: EventMessage['prevKv']): number => (kv === undefined ? 0 : kv.key.length + kv.value.length + 64);
  return kvBytes(event.kv) + kvBytes(event.prevKv);
}

/** Cuts events into parts of at most about `maxBytes` (a single event may be larger). */
export function splitEvents(events: readonly EventMessage[], maxBytes: number): (readonly EventMessage[])[] {
  const parts: EventMessage[][] = [];
  let sizeBytes = Number.POSITIVE_INFINITY;
  for (const event of events) {
    const bytes = sizeOf(event);
    if (sizeBytes + bytes > maxBytes) {
      parts.push([]);
      sizeBytes = 0;
    }
    (parts[parts.length - 1] as EventMessage[]).push(event);
    sizeBytes += bytes;
  }
  return parts;
}
