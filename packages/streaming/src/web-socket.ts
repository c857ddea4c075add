import { concatBytes, fromUtf8, utf8, type ByteStream, type Random } from '@coxswain/host';
import { ByteReader } from './byte-reader.ts';

export interface WebSocketMessage { readonly type: 'text' | 'binary'; readonly data: Uint8Array }

export interface WebSocketOptions {
  /** A client masks what it sends and a server requires it. */
  readonly role: 'server' | 'client';
  /** For a client's masks. */
  readonly random?: Pick<Random, 'bytes'>;
  /** Longer messages close the connection with 1009. Default 32 MiB. */
  readonly maxMessageBytes?: number;
}

/** The peer broke the protocol, or sent too much; `code` is what the close frame says. */
export class WebSocketError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'WebSocketError';
    this.code = code;
  }
}

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const defaultMaxBytes = 32 * 1024 * 1024;

interface Frame { readonly final: boolean; readonly opcode: number; readonly payload: Uint8Array }

function applyMask(data: Uint8Array, mask: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let index = 0; index < data.length; index += 1) out[index] = (data[index] as number) ^ (mask[index & 3] as number);
  return out;
}

export function encodeFrame(opcode: number, payload: Uint8Array, mask?: Uint8Array): Uint8Array {
  const length = payload.length;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = new Uint8Array(2 + extended);
  const view = new DataView(head.buffer);
  head[0] = 0x80 | opcode;
  head[1] = (mask === undefined ? 0 : 0x80) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  return mask === undefined ? concatBytes([head, payload]) : concatBytes([head, mask, applyMask(payload, mask)]);
}

/**
 * RFC 6455 over an upgraded connection. `messages` has one consumer; it answers pings and the close by itself, ends when the
 * peer has closed, and throws WebSocketError or NetworkError if it did so badly.
 */
export class WebSocketConnection {
  readonly #stream: ByteStream;
  readonly #reader: ByteReader;
  readonly #options: WebSocketOptions;
  #closeSent = false;

  constructor(stream: ByteStream, options: WebSocketOptions) {
    this.#stream = stream;
    this.#reader = new ByteReader(stream.readable);
    this.#options = options;
  }

  async *messages(): AsyncGenerator<WebSocketMessage, void, undefined> {
    try {
      for (let message = await this.#message(); message !== undefined; message = await this.#message()) yield message;
    } catch (error) {
      if (error instanceof WebSocketError) await this.close(error.code, error.message).catch(() => undefined);
      throw error;
    } finally {
      this.#stream.destroy();
    }
  }

  async send(data: Uint8Array, type: 'text' | 'binary' = 'binary'): Promise<void> {
    if (this.#closeSent) return;
    await this.#write(opcodes[type], data);
  }

  async ping(): Promise<void> {
    if (!this.#closeSent) await this.#write(opcodes.ping, new Uint8Array(0));
  }

  /** Sends the close frame; the connection ends when the peer has answered (`messages` ends then), or by `destroy`. */
  async close(code = 1000, reason = ''): Promise<void> {
    if (this.#closeSent) return;
    this.#closeSent = true;
    const text = utf8(reason).subarray(0, 123);
    await this.#write(opcodes.close, concatBytes([new Uint8Array([code >> 8, code & 0xff]), text]));
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #write(opcode: number, payload: Uint8Array): Promise<void> {
    return this.#stream.write(encodeFrame(opcode, payload, this.#options.role === 'client' ? this.#mask() : undefined));
  }

  #mask(): Uint8Array {
    return this.#options.random?.bytes(4) ?? new Uint8Array(4);
  }

  /** The next whole message; control frames in between are dealt with. Undefined when closed. */
  async #message(): Promise<WebSocketMessage | undefined> {
    const parts: Uint8Array[] = [];
    let type: 'text' | 'binary' | undefined;
    let sizeBytes = 0;
    for (;;) {
      const frame = await this.#frame();
      if (frame === undefined) return undefined;
      if (frame.opcode >= 8) {
        if (!(await this.#control(frame))) return undefined;
        continue;
      }
      if ((frame.opcode === opcodes.continuation) !== (type !== undefined)) throw new WebSocketError(1002, 'message fragments out of order');
      if (frame.opcode > opcodes.binary) throw new WebSocketError(1002, `unknown opcode ${frame.opcode}`);
      type ??= frame.opcode === opcodes.text ? 'text' : 'binary';
      sizeBytes += frame.payload.length;
      if (sizeBytes > (this.#options.maxMessageBytes ?? defaultMaxBytes)) throw new WebSocketError(1009, 'message is too big');
      parts.push(frame.payload);
      if (frame.final) return { type, data: concatBytes(parts) };
    }
  }

  /** False: the connection is closed. */
  async #control(frame: Frame): Promise<boolean> {
    if (!frame.final || frame.payload.length > 125) throw new WebSocketError(1002, 'malformed control frame');
    if (frame.opcode === opcodes.ping) {
      if (!this.#closeSent) await this.#write(opcodes.pong, frame.payload);
      return true;
    }
    if (frame.opcode === opcodes.pong) return true;
    if (frame.opcode !== opcodes.close) throw new WebSocketError(1002, `unknown opcode ${frame.opcode}`);
    const code = frame.payload.length >= 2 ? new DataView(frame.payload.buffer, frame.payload.byteOffset).getUint16(0) : 1000;
    await this.close(code, fromUtf8(frame.payload.subarray(2))).catch(() => undefined);
    await this.#stream.end().catch(() => undefined);
    return false;
  }

  async #frame(): Promise<Frame | undefined> {
    const head = await this.#reader.read(2);
    if (head === undefined) return undefined;
    const [first, second] = head as unknown as [number, number];
    if ((first & 0x70) !== 0) throw new WebSocketError(1002, 'reserved bits are set');
    const masked = (second & 0x80) !== 0;
    if (masked !== (this.#options.role === 'server')) throw new WebSocketError(1002, masked ? 'a server must not mask' : 'a client must mask');
    const length = await this.#length(second & 0x7f);
    if (length === undefined) return undefined;
    if (length > (this.#options.maxMessageBytes ?? defaultMaxBytes)) throw new WebSocketError(1009, 'message is too big');
    const mask = masked ? await this.#reader.read(4) : undefined;
    const payload = await this.#reader.read(length);
    if (payload === undefined) return undefined;
    return { final: (first & 0x80) !== 0, opcode: first & 0x0f, payload: mask === undefined ? payload : applyMask(payload, mask) };
  }

  async #length(short: number): Promise<number | undefined> {
    if (short < 126) return short;
    const bytes = await this.#reader.read(short === 126 ? 2 : 8);
    if (bytes === undefined) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return short === 126 ? view.getUint16(0) : Number(view.getBigUint64(0));
  }
}
