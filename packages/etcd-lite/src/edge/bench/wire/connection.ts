import * as net from 'node:net';
import * as tls from 'node:tls';
import type { ClientTls } from '@coxswain/host';
import { flag, frame, frameType, FrameScanner, headBytes, hello, initialWindow, initialWindowOf, preface, windowUpdate, writeHead } from './frames.ts';
import { HeaderTable } from './hpack.ts';

export interface StreamHandler {
  /** One gRPC message, valid only during the call. */
  message(buffer: Buffer, start: number, end: number): void;
  /** `ok`: it ended with a message, which a failed unary call never has. */
  end(ok: boolean): void;
}

interface Stream {
  readonly handler: StreamHandler;
  answered: boolean;
  /** Of a message that came in part. */
  rest: Buffer | undefined;
  receivedBytes: number;
  sendWindow: number;
}

const updateEveryBytes = 512 * 1024 * 1024;

/**
 * gRPC over one HTTP/2 connection with as little work a call as can be: headers are a few table indexes, requests are bytes made
 * before, answers are only cut into messages. Whatever is sent while input is handled goes out in one write.
 */
export class LeanConnection {
  readonly #socket: net.Socket;
  readonly #scheme: string;
  readonly #authority: string;
  readonly #table = new HeaderTable();
  readonly #streams = new Map<number, Stream>();
  readonly #waiting: { readonly bytes: Buffer; readonly stream: number }[] = [];
  #nextStream = 1;
  #out: Buffer = Buffer.allocUnsafe(64 * 1024);
  #outSize = 0;
  #flushing = false;
  #sendWindow = initialWindow;
  #streamWindow = initialWindow;
  #receivedBytes = 0;
  #closed = false;

  private constructor(socket: net.Socket, url: URL) {
    this.#socket = socket;
    this.#scheme = url.protocol.slice(0, -1);
    this.#authority = url.host;
    const scanner = new FrameScanner((type, flags, stream, buffer, start, end) => { this.#frame(type, flags, stream, buffer, start, end); });
    socket.on('data', (chunk: Buffer) => {
      this.#flushing = true;
      scanner.push(chunk);
      this.#flush();
    });
    socket.on('close', () => { this.#end(); });
    // A close follows.
    socket.on('error', () => undefined);
    socket.write(Buffer.concat([preface, hello()]));
  }

  static connect(endpoint: string, identity: ClientTls | undefined): Promise<LeanConnection> {
    const url = new URL(endpoint);
    const at = { host: url.hostname, port: Number(url.port) };
    return new Promise((resolve, reject) => {
      const socket = identity === undefined
        ? net.connect(at)
        : tls.connect({ ...at, ALPNProtocols: ['h2'], ...(identity.caPem === undefined ? {} : { ca: identity.caPem }), ...(identity.certPem === undefined ? {} : { cert: identity.certPem, key: identity.keyPem as string }) });
      socket.setNoDelay(true);
      socket.once('error', reject);
      socket.once(identity === undefined ? 'connect' : 'secureConnect', () => { resolve(new LeanConnection(socket, url)); });
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** `message` is gRPC's prefix and the message; it is copied. Answers with the stream, for more messages on it. */
  call(path: string, message: Uint8Array, handler: StreamHandler, endStream: boolean): number {
    const stream = this.#nextStream;
    if (this.#closed) { handler.end(false); return stream; }
    this.#nextStream += 2;
    this.#streams.set(stream, { handler, answered: false, rest: undefined, receivedBytes: 0, sendWindow: this.#streamWindow });
    const block = this.#table.block(this.#scheme, this.#authority, path);
    const at = this.#reserve(headBytes + block.length);
    this.#out.set(block, writeHead(this.#out, at, block.length, frameType.headers, flag.endHeaders, stream));
    this.send(stream, message, endStream);
    return stream;
  }

  send(stream: number, message: Uint8Array, endStream: boolean): void {
    const state = this.#streams.get(stream);
    if (state === undefined) return;
    const flags = endStream ? flag.endStream : 0;
    if (this.#waiting.length > 0 || message.length > this.#sendWindow || message.length > state.sendWindow) {
      this.#waiting.push({ bytes: frame(frameType.data, flags, stream, message), stream });
    } else {
      this.#sendWindow -= message.length;
      state.sendWindow -= message.length;
      const at = this.#reserve(headBytes + message.length);
      this.#out.set(message, writeHead(this.#out, at, message.length, frameType.data, flags, stream));
    }
    this.#flushSoon();
  }

  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #reserve(size: number): number {
    const at = this.#outSize;
    if (at + size > this.#out.length) {
      const wider = Buffer.allocUnsafe(Math.max(this.#out.length * 2, at + size));
      this.#out.copy(wider, 0, 0, at);
      this.#out = wider;
    }
    this.#outSize += size;
    return at;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => { this.#flush(); });
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#outSize === 0 || this.#closed) return;
    // The socket keeps what it cannot send at once.
    this.#socket.write(Buffer.from(this.#out.subarray(0, this.#outSize)));
    this.#outSize = 0;
  }

  #frame(type: number, flags: number, stream: number, buffer: Buffer, start: number, end: number): void {
    switch (type) {
      case frameType.data: this.#data(stream, flags, buffer, start, end); return;
      case frameType.headers: if ((flags & flag.endStream) !== 0) this.#finish(stream); return;
      case frameType.rstStream: this.#finish(stream, true); return;
      case frameType.settings: this.#settings(flags, buffer.subarray(start, end)); return;
      case frameType.ping: if ((flags & flag.ack) === 0) this.#append(frame(frameType.ping, flag.ack, 0, buffer.subarray(start, end))); return;
      case frameType.windowUpdate: this.#window(stream, buffer.readUInt32BE(start)); return;
      default:
    }
  }

  #append(bytes: Buffer): void {
    this.#out.set(bytes, this.#reserve(bytes.length));
  }

  #settings(flags: number, payload: Buffer): void {
    if ((flags & flag.ack) !== 0) return;
    const window = initialWindowOf(payload);
    if (window !== undefined) {
      for (const stream of this.#streams.values()) stream.sendWindow += window - this.#streamWindow;
      this.#streamWindow = window;
    }
    this.#append(frame(frameType.settings, flag.ack, 0, Buffer.alloc(0)));
    this.#sendWaiting();
  }

  #window(stream: number, increment: number): void {
    const state = this.#streams.get(stream);
    if (stream === 0) this.#sendWindow += increment;
    else if (state !== undefined) state.sendWindow += increment;
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const state = this.#streams.get(next.stream);
      const size = next.bytes.length - headBytes;
      if (state !== undefined && (size > this.#sendWindow || size > state.sendWindow)) return;
      this.#waiting.shift();
      if (state === undefined) continue;
      this.#sendWindow -= size;
      state.sendWindow -= size;
      this.#append(next.bytes);
    }
  }

  #data(id: number, flags: number, buffer: Buffer, start: number, end: number): void {
    this.#receivedBytes += end - start;
    if (this.#receivedBytes > updateEveryBytes) {
      this.#append(windowUpdate(0, this.#receivedBytes));
      this.#receivedBytes = 0;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.receivedBytes += end - start;
    if (stream.receivedBytes > updateEveryBytes) {
      this.#append(windowUpdate(id, stream.receivedBytes));
      stream.receivedBytes = 0;
    }
    if (stream.rest === undefined) messages(stream, buffer, start, end);
    else {
      const joined = Buffer.concat([stream.rest, buffer.subarray(start, end)]);
      stream.rest = undefined;
      messages(stream, joined, 0, joined.length);
    }
    if ((flags & flag.endStream) !== 0) this.#finish(id);
  }

  #finish(id: number, failed = false): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    stream.handler.end(stream.answered && !failed);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const id of this.#streams.keys()) this.#finish(id, true);
  }
}

/** Hands over the whole gRPC messages between `start` and `end` and keeps what is left. */
function messages(stream: Stream, buffer: Buffer, start: number, end: number): void {
  let at = start;
  while (end - at >= 5) {
    const messageEnd = at + 5 + buffer.readUInt32BE(at + 1);
    if (messageEnd > end) break;
    stream.answered = true;
    stream.handler.message(buffer, at + 5, messageEnd);
    at = messageEnd;
  }
  if (at < end) stream.rest = Buffer.from(buffer.subarray(at, end));
}
