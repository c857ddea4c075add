/** RFC 9113's frames as far as both ends of the bench need them. */
export const frameType = { data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 } as const;
export const flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const headBytes = 9;
export const maxWindow = 0x7fff_ffff;
export const initialWindow = 65_535;
const settingInitialWindow = 4;
const settingMaxStreams = 3;

export function writeHead(out: Buffer, at: number, length: number, type: number, flags: number, stream: number): number {
  out.writeUIntBE(length, at, 3);
  out[at + 3] = type;
  out[at + 4] = flags;
  out.writeUInt32BE(stream, at + 5);
  return at + headBytes;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(headBytes + payload.length);
  out.set(payload, writeHead(out, 0, payload.length, type, flags, stream));
  return out;
}

export function windowUpdate(stream: number, increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(frameType.windowUpdate, 0, stream, payload);
}

/** What each side says first: windows so wide that they never matter. */
export function hello(): Buffer {
  const settings = Buffer.alloc(12);
  settings.writeUInt16BE(settingInitialWindow, 0);
  settings.writeUInt32BE(maxWindow, 2);
  settings.writeUInt16BE(settingMaxStreams, 6);
  settings.writeUInt32BE(1_000_000, 8);
  return Buffer.concat([frame(frameType.settings, 0, 0, settings), windowUpdate(0, maxWindow - initialWindow)]);
}

/** The value of INITIAL_WINDOW_SIZE if the payload of SETTINGS has it. */
export function initialWindowOf(settings: Buffer): number | undefined {
  for (let at = 0; at + 6 <= settings.length; at += 6) if (settings.readUInt16BE(at) === settingInitialWindow) return settings.readUInt32BE(at + 2);
  return undefined;
}

export type OnFrame = (type: number, flags: number, stream: number, buffer: Buffer, start: number, end: number) => void;

/** Cuts a byte stream into frames; the buffer belongs to the caller only during the call. */
export class FrameScanner {
  #rest: Buffer | undefined;
  readonly #onFrame: OnFrame;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    const buffer = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (buffer.length - at >= headBytes) {
      const length = ((buffer[at] as number) << 16) | ((buffer[at + 1] as number) << 8) | (buffer[at + 2] as number);
      const end = at + headBytes + length;
      if (end > buffer.length) break;
      this.#onFrame(buffer[at + 3] as number, buffer[at + 4] as number, buffer.readUInt32BE(at + 5) & maxWindow, buffer, at + headBytes, end);
      at = end;
    }
    this.#rest = at === buffer.length ? undefined : Buffer.from(buffer.subarray(at));
  }
}
