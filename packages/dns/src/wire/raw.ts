/** Parts of a message that are read and changed without decoding it, so that records of any type pass unchanged. */

export interface RawMessage {
  readonly bytes: Uint8Array;
  readonly rcode: number;
  readonly truncated: boolean;
  /** Question section, as sent. */
  readonly question: Uint8Array;
  /** Where the TTLs stand, the OPT record's excepted. */
  readonly ttlOffsets: readonly number[];
}

function u16(bytes: Uint8Array, at: number): number {
  const [high, low] = [bytes[at], bytes[at + 1]];
  if (high === undefined || low === undefined) throw new RangeError('message ends early');
  return (high << 8) | low;
}

function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 65_536 + u16(bytes, at + 2);
}

function skipName(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new RangeError('message ends early');
    if (length === 0) return at + 1;
    if ((length & 0xc0) === 0xc0) return at + 2;
    at += 1 + length;
  }
}

const optType = 41;

/** Throws RangeError if the message is cut off. */
export function parseRaw(bytes: Uint8Array): RawMessage {
  let at = 12;
  for (let i = u16(bytes, 4); i > 0; i -= 1) at = skipName(bytes, at) + 4;
  const question = bytes.slice(12, at);
  const ttlOffsets: number[] = [];
  for (let i = u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10); i > 0; i -= 1) {
    at = skipName(bytes, at);
    if (u16(bytes, at) !== optType) ttlOffsets.push(at + 4);
    at += 10 + u16(bytes, at + 8);
  }
  if (at > bytes.length) throw new RangeError('message ends early');
  return { bytes, rcode: (bytes[3] as number) & 15, truncated: ((bytes[2] as number) & 2) !== 0, question, ttlOffsets };
}

export function leastTtlSeconds(message: RawMessage): number {
  return Math.min(...message.ttlOffsets.map((at) => u32(message.bytes, at)));
}

/** A copy with another id and question (of the same length, as case may differ), and TTLs that are `ageSeconds` older. */
export function rewrite(message: RawMessage, id: number, question: Uint8Array, ageSeconds: number): Uint8Array {
  const out = message.bytes.slice();
  out[0] = id >> 8;
  out[1] = id & 255;
  if (question.length === message.question.length) out.set(question, 12);
  for (const at of message.ttlOffsets) {
    const ttl = Math.max(0, u32(out, at) - ageSeconds);
    out.set([(ttl >>> 24) & 255, (ttl >>> 16) & 255, (ttl >>> 8) & 255, ttl & 255], at);
  }
  return out;
}

/** Header and question of a message as `Query.bytes`; id replaced. */
export function withId(bytes: Uint8Array, id: number): Uint8Array {
  const out = bytes.slice();
  out[0] = id >> 8;
  out[1] = id & 255;
  return out;
}

export function idOf(bytes: Uint8Array): number {
  return u16(bytes, 0);
}
