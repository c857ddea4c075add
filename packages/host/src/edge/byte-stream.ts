import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Readable, Writable } from 'node:stream';
import { NetworkError, type ByteChannel, type ByteSource, type ByteStream, type Peer } from '../network.ts';
import { toNetworkError } from './network-errors.ts';

/** A Node readable as a ByteSource with our errors; stopping early leaves the stream to `onStop`. */
export async function* readableSource(readable: Readable, onStop: () => void): AsyncGenerator<Uint8Array, void, undefined> {
  let ended = false;
  try {
    for await (const chunk of readable.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
    ended = true;
  } catch (error) {
    throw toNetworkError(error);
  } finally {
    if (!ended) onStop();
  }
}

/** Writes one chunk and waits while the transport is full. Rejects if it is gone. */
export function writeChunk(writable: Writable, data: Uint8Array): Promise<void> {
  if (writable.destroyed || writable.writableEnded) return Promise.reject(new NetworkError('reset', 'the connection is closed'));
  if (writable.write(data)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      writable.off('drain', onDrain);
      writable.off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onDrain = (): void => settle();
    const onClose = (): void => settle(new NetworkError('reset', 'the connection closed while writing'));
    writable.on('drain', onDrain);
    writable.on('close', onClose);
  });
}

/** `head`: bytes that were read past an upgrade's head. */
export function socketStream(socket: Socket, head?: Uint8Array): ByteStream {
  if (head !== undefined && head.length > 0) socket.unshift(head);
  // The reader and writer report failures; without a listener Node would end the process.
  socket.on('error', () => { socket.destroy(); });
  const readable: ByteSource = readableSource(socket, () => socket.destroy());
  return {
    readable,
    write: (data) => writeChunk(socket, data),
    end: () => new Promise((resolve) => {
      if (socket.destroyed || socket.writableEnded) resolve();
      else socket.end(() => resolve());
    }),
    destroy: () => { socket.destroy(); },
    peer: { address: `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}` },
  };
}

function whenWritten(socket: Socket, written: (() => void) | undefined): ((error?: Error | null) => void) | undefined {
  if (written === undefined) return undefined;
  return (error) => { if ((error === undefined || error === null) && !socket.destroyed) written(); };
}

/** TLS has encrypted, or copied, one buffer when `write` returns, if no earlier write is under way. */
function encryptsAtOnce(socket: Socket): boolean {
  return socket instanceof TLSSocket && socket.writableLength === 0 && socket.writableCorked === 0;
}

/** A socket's `onread`: everything is read into one buffer. */
export class BriefReads {
  readonly buffer: Uint8Array = new Uint8Array(64 * 1024);
  #early: Uint8Array[] = [];
  #data: ((chunk: Uint8Array) => void) | undefined;

  readonly callback = (sizeBytes: number): boolean => {
    const chunk = this.buffer.subarray(0, sizeBytes);
    if (this.#data === undefined) this.#early.push(chunk.slice());
    else this.#data(chunk);
    return true;
  };

  open(data: (chunk: Uint8Array) => void): void {
    this.#data = data;
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) data(chunk);
  }
}

/** A socket as callbacks. `reads`: what it was made with. */
export function socketChannel(socket: Socket, peer: Peer, reads?: BriefReads): ByteChannel {
  // `closed` tells; without a listener Node would end the process.
  socket.on('error', () => { socket.destroy(); });
  return {
    peer,
    open: (events) => {
      socket.on('drain', () => { events.drained(); });
      socket.on('end', () => { events.ended(); });
      socket.on('close', () => { events.closed(); });
      if (reads === undefined) socket.on('data', (chunk: Uint8Array) => { events.data(chunk); });
      else reads.open((chunk) => { events.data(chunk); });
    },
    write: (parts, written) => {
      if (socket.destroyed || socket.writableEnded) return true;
      if (parts.length === 1 && encryptsAtOnce(socket)) {
        socket.write(parts[0] as Uint8Array);
        written?.();
        return !socket.writableNeedDrain;
      }
      if (parts.length > 1) socket.cork();
      for (let at = 0; at < parts.length; at += 1) socket.write(parts[at] as Uint8Array, at === parts.length - 1 ? whenWritten(socket, written) : undefined);
      if (parts.length > 1) socket.uncork();
      return !socket.writableNeedDrain;
    },
    pause: () => { socket.pause(); },
    resume: () => { socket.resume(); },
    end: () => { if (!socket.writableEnded) socket.end(); },
    destroy: () => { socket.destroy(); },
  };
}
