import { AsyncQueue, NetworkError, type ByteSource, type ByteStream } from '@coxswain/host';
import { ByteReader } from './byte-reader.ts';
import { decodeHeaderBlock, decodeSpdyFrame, decodeSpdyHead, encodeHeaderBlock, encodeSpdyFrame, maxFrameBytes, SpdyError, type SpdyFrame, type SpdyHeaders } from './spdy-frames.ts';

/** SPDY's header compression: one zlib stream a direction for the life of the connection. Calls must not overlap. */
export interface SpdyHeaderCodec {
  compress(block: Uint8Array): Promise<Uint8Array>;
  decompress(data: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

/** What a slow reader may leave unread before the whole connection waits for it. */
const maxBufferedBytes = 1024 * 1024;
const maxDataBytes = 64 * 1024;
const refusedStream = 3;
const cancelled = 5;

export class SpdyStream {
  readonly id: number;
  /** Of the side that opened it. */
  readonly headers: SpdyHeaders;
  /** Resolves when the peer has accepted the stream; rejects if it is reset or the connection ends first. */
  readonly replied: Promise<void>;
  readonly #connection: SpdyConnection;
  readonly #queue = new AsyncQueue<Uint8Array>();
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #bufferedBytes = 0;
  #drained: (() => void) | undefined;
  #acknowledged = false;
  #ended = false;
  #remoteEnded = false;

  constructor(connection: SpdyConnection, id: number, headers: SpdyHeaders) {
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
    this.replied = new Promise((resolve, reject) => { this.#settle = { resolve, reject }; });
    this.replied.catch(() => undefined);
  }

  /** One consumer. Ends when the peer has half-closed or reset the stream; throws if the connection was lost. */
  get readable(): ByteSource { return this.#read(); }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#queue) {
      this.#bufferedBytes -= chunk.length;
      if (this.#bufferedBytes < maxBufferedBytes) this.#drained?.();
      yield chunk;
    }
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#ended) throw new NetworkError('reset', 'the SPDY stream is closed');
    for (let offset = 0; offset < data.length; offset += maxDataBytes) {
      await this.#connection.send({ type: 'data', streamId: this.id, final: false, data: data.subarray(offset, offset + maxDataBytes) });
    }
  }

  /** Half-close. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#connection.send({ type: 'data', streamId: this.id, final: true, data: new Uint8Array(0) });
    this.#forgetIfDone();
  }

  async reset(): Promise<void> {
    if (this.#ended && this.#remoteEnded) return;
    this.#ended = true;
    this.broken(new NetworkError('reset', 'the SPDY stream was reset'));
    await this.#connection.send({ type: 'rst-stream', streamId: this.id, status: cancelled });
  }

  /** For the connection only: what came from the peer. Resolves when the reader has room again. */
  async received(data: Uint8Array, final: boolean): Promise<void> {
    if (data.length > 0) {
      this.#queue.push(data);
      this.#bufferedBytes += data.length;
    }
    if (final) {
      this.#remoteEnded = true;
      this.#queue.end();
      this.#forgetIfDone();
    }
    if (this.#bufferedBytes < maxBufferedBytes) return;
    await new Promise<void>((resolve) => { this.#drained = resolve; });
    this.#drained = undefined;
  }

  acknowledged(): void {
    this.#acknowledged = true;
    this.#settle?.resolve();
  }

  /** spdystream resets what it has done with, also after a session that went well: for the reader that is the end. */
  resetByPeer(status: number): void {
    if (!this.#acknowledged) { this.broken(new NetworkError('reset', `the SPDY stream was refused by the peer (${status})`)); return; }
    this.#ended = true;
    this.#remoteEnded = true;
    this.#queue.end();
    this.#drained?.();
    this.#connection.forget(this.id);
  }

  broken(error: Error): void {
    this.#settle?.reject(error);
    this.#ended = true;
    this.#remoteEnded = true;
    this.#queue.fail(error);
    this.#drained?.();
    this.#connection.forget(this.id);
  }

  #forgetIfDone(): void {
    if (this.#ended && this.#remoteEnded) this.#connection.forget(this.id);
  }
}

/**
 * SPDY/3.1 over an upgraded connection, as Kubernetes' exec and port-forward use it. Flow-control windows are neither kept nor
 * required, since the implementation on the other side (spdystream) has none; a slow reader holds up the connection instead.
 */
export class SpdyConnection {
  readonly #stream: ByteStream;
  readonly #role: 'client' | 'server';
  readonly #codec: SpdyHeaderCodec;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #incoming = new AsyncQueue<SpdyStream>();
  #nextId: number;
  #writes: Promise<void> = Promise.resolve();
  /** Resolves when the connection has ended, whatever the reason. */
  readonly closed: Promise<void>;

  constructor(stream: ByteStream, role: 'client' | 'server', codec: SpdyHeaderCodec) {
    this.#stream = stream;
    this.#role = role;
    this.#codec = codec;
    this.#nextId = role === 'client' ? 1 : 2;
    this.closed = this.#run();
  }

  /** Streams that the peer opens; each is accepted at once. */
  get incoming(): AsyncIterable<SpdyStream> { return this.#incoming; }

  async createStream(headers: SpdyHeaders): Promise<SpdyStream> {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    await this.#ordered(async () => {
      const block = await this.#codec.compress(encodeHeaderBlock(headers));
      await this.#stream.write(encodeSpdyFrame({ type: 'syn-stream', streamId: id, final: false, block }));
    });
    return stream;
  }

  send(frame: Exclude<SpdyFrame, { type: 'ignored' }>): Promise<void> {
    return this.#ordered(() => this.#stream.write(encodeSpdyFrame(frame)));
  }

  forget(id: number): void { this.#streams.delete(id); }

  ping(id: number): Promise<void> { return this.send({ type: 'ping', id }); }

  /** Says goodbye and closes at once. */
  async close(): Promise<void> {
    await this.send({ type: 'goaway', lastStreamId: 0 }).catch(() => undefined);
    this.#stream.destroy();
  }

  /** Frames with headers must leave in the order in which they were compressed. */
  #ordered(work: () => Promise<void>): Promise<void> {
    const done = this.#writes.then(work);
    this.#writes = done.catch(() => undefined);
    return done;
  }

  async #run(): Promise<void> {
    const reader = new ByteReader(this.#stream.readable);
    let failure: Error = new NetworkError('reset', 'the SPDY connection has ended');
    try {
      for (;;) {
        const headBytes = await reader.read(8);
        if (headBytes === undefined) break;
        const head = decodeSpdyHead(headBytes);
        const payload = await reader.read(Math.min(head.lengthBytes, maxFrameBytes));
        if (payload === undefined) break;
        await this.#dispatch(decodeSpdyFrame(head, payload));
      }
    } catch (error) {
      failure = error as Error;
    }
    for (const stream of this.#streams.values()) stream.broken(failure);
    this.#incoming.end();
    this.#codec.close();
    this.#stream.destroy();
  }

  async #dispatch(frame: SpdyFrame): Promise<void> {
    switch (frame.type) {
      case 'data': return await this.#streams.get(frame.streamId)?.received(frame.data, frame.final);
      case 'syn-stream': return await this.#opened(frame.streamId, frame.block, frame.final);
      case 'syn-reply':
        await this.#codec.decompress(frame.block);
        this.#streams.get(frame.streamId)?.acknowledged();
        if (frame.final) await this.#streams.get(frame.streamId)?.received(new Uint8Array(0), true);
        return;
      case 'headers':
        await this.#codec.decompress(frame.block);
        if (frame.final) await this.#streams.get(frame.streamId)?.received(new Uint8Array(0), true);
        return;
      case 'rst-stream':
        this.#streams.get(frame.streamId)?.resetByPeer(frame.status);
        return;
      case 'ping': {
        // Odd ids are the client's: only the peer's own are answered.
        const peers = (frame.id % 2 === 1) === (this.#role === 'server');
        if (peers) await this.send({ type: 'ping', id: frame.id });
        return;
      }
      case 'goaway': case 'window-update': case 'ignored': return;
    }
  }

  async #opened(id: number, block: Uint8Array, final: boolean): Promise<void> {
    const headers = decodeHeaderBlock(await this.#codec.decompress(block));
    if ((id % 2 === 1) !== (this.#role === 'server')) throw new SpdyError(`the peer opened a stream with the id ${id} of the other side`);
    if (this.#streams.has(id)) { await this.send({ type: 'rst-stream', streamId: id, status: refusedStream }); return; }
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    stream.acknowledged();
    await this.#ordered(async () => {
      await this.#stream.write(encodeSpdyFrame({ type: 'syn-reply', streamId: id, final: false, block: await this.#codec.compress(encodeHeaderBlock({})) }));
    });
    if (final) await stream.received(new Uint8Array(0), true);
    this.#incoming.push(stream);
  }
}
