import { concatBytes, fromUtf8, utf8 } from '@coxswain/host';

/** Lower-case names; several values of a name stand in one list. */
export type SpdyHeaders = Readonly<Record<string, readonly string[]>>;

export type SpdyFrame =
  | { readonly type: 'data'; readonly streamId: number; readonly final: boolean; readonly data: Uint8Array }
  | { readonly type: 'syn-stream'; readonly streamId: number; readonly final: boolean; readonly block: Uint8Array }
  | { readonly type: 'syn-reply'; readonly streamId: number; readonly final: boolean; readonly block: Uint8Array }
  | { readonly type: 'headers'; readonly streamId: number; readonly final: boolean; readonly block: Uint8Array }
  | { readonly type: 'rst-stream'; readonly streamId: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goaway'; readonly lastStreamId: number }
  | { readonly type: 'window-update'; readonly streamId: number; readonly delta: number }
  /** SETTINGS and what a later version may add. */
  | { readonly type: 'ignored' };

const version = 3;
const finalFlag = 1;
const controlTypes = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goaway: 7, headers: 8, windowUpdate: 9 } as const;
export const maxFrameBytes = 0xff_ffff;

function control(type: number, flags: number, payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  view.setUint16(0, 0x8000 | version);
  view.setUint16(2, type);
  view.setUint32(4, payload.length);
  head[4] = flags;
  return concatBytes([head, payload]);
}

function words(...values: number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4);
  const view = new DataView(out.buffer);
  values.forEach((value, index) => view.setUint32(index * 4, value));
  return out;
}

export function encodeSpdyFrame(frame: Exclude<SpdyFrame, { type: 'ignored' }>): Uint8Array {
  const flags = 'final' in frame && frame.final ? finalFlag : 0;
  switch (frame.type) {
    case 'data': {
      const head = words(frame.streamId & 0x7fff_ffff, frame.data.length);
      head[4] = flags;
      return concatBytes([head, frame.data]);
    }
    case 'syn-stream': return control(controlTypes.synStream, flags, concatBytes([words(frame.streamId, 0), new Uint8Array(2), frame.block]));
    case 'syn-reply': return control(controlTypes.synReply, flags, concatBytes([words(frame.streamId), frame.block]));
    case 'headers': return control(controlTypes.headers, flags, concatBytes([words(frame.streamId), frame.block]));
    case 'rst-stream': return control(controlTypes.rstStream, 0, words(frame.streamId, frame.status));
    case 'ping': return control(controlTypes.ping, 0, words(frame.id));
    case 'goaway': return control(controlTypes.goaway, 0, words(frame.lastStreamId, 0));
    case 'window-update': return control(controlTypes.windowUpdate, 0, words(frame.streamId, frame.delta));
  }
}

/** The 8 bytes before every frame's payload. */
export interface SpdyHead { readonly control: boolean; readonly type: number; readonly streamId: number; readonly flags: number; readonly lengthBytes: number }

export function decodeSpdyHead(bytes: Uint8Array): SpdyHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const isControl = (view.getUint8(0) & 0x80) !== 0;
  return {
    control: isControl, type: isControl ? view.getUint16(2) : 0, streamId: isControl ? 0 : view.getUint32(0), flags: view.getUint8(4), lengthBytes: view.getUint32(4) & 0xff_ffff,
  };
}

export class SpdyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SpdyError';
  }
}

export function decodeSpdyFrame(head: SpdyHead, payload: Uint8Array): SpdyFrame {
  const final = (head.flags & finalFlag) !== 0;
  if (!head.control) return { type: 'data', streamId: head.streamId, final, data: payload };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const word = (offset: number): number => {
    if (offset + 4 > payload.length) throw new SpdyError(`SPDY frame of type ${head.type} is too short`);
    return view.getUint32(offset) & 0x7fff_ffff;
  };
  switch (head.type) {
    case controlTypes.synStream: return { type: 'syn-stream', streamId: word(0), final, block: payload.subarray(10) };
    case controlTypes.synReply: return { type: 'syn-reply', streamId: word(0), final, block: payload.subarray(4) };
    case controlTypes.headers: return { type: 'headers', streamId: word(0), final, block: payload.subarray(4) };
    case controlTypes.rstStream: return { type: 'rst-stream', streamId: word(0), status: word(4) };
    case controlTypes.ping: return { type: 'ping', id: view.getUint32(0) };
    case controlTypes.goaway: return { type: 'goaway', lastStreamId: word(0) };
    case controlTypes.windowUpdate: return { type: 'window-update', streamId: word(0), delta: word(4) };
    default: return { type: 'ignored' };
  }
}

/** Before compression: a count, then length and text of each name and its values joined by NUL. */
export function encodeHeaderBlock(headers: SpdyHeaders): Uint8Array {
  const parts: Uint8Array[] = [words(Object.keys(headers).length)];
  for (const [name, values] of Object.entries(headers)) {
    for (const text of [utf8(name.toLowerCase()), utf8(values.join('\0'))]) parts.push(words(text.length), text);
  }
  return concatBytes(parts);
}

export function decodeHeaderBlock(block: Uint8Array): SpdyHeaders {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const out: Record<string, readonly string[]> = {};
  let offset = 4;
  const text = (): string => {
    const length = offset + 4 > block.length ? Number.POSITIVE_INFINITY : view.getUint32(offset);
    if (offset + 4 + length > block.length) throw new SpdyError('SPDY header block is too short');
    offset += 4 + length;
    return fromUtf8(block.subarray(offset - length, offset));
  };
  if (block.length < 4) throw new SpdyError('SPDY header block is too short');
  for (let left = view.getUint32(0); left > 0; left -= 1) {
    const name = text();
    out[name] = text().split('\0');
  }
  return out;
}
