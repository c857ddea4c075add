import type { ConnectionEvents, ConnectionOptions } from './connection-types.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { defaultFrameBytes, errorCode, ProtocolFailure } from './frames.ts';
import { CompressionError } from './hpack-decoder.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import { Incoming } from './incoming.ts';
import { Inflow } from './inflow.ts';
import { Output, type Batch } from './output.ts';
import { Peer } from './peer.ts';
import { SendQueue } from './send-queue.ts';
import { Http2Stream, type Headers, type StreamHandler, type StreamPort } from './stream.ts';
import { Streams } from './streams.ts';

const encoderTableBytes = 4096;

/**
 * One HTTP/2 connection (RFC 9113) as a state machine: bytes in by `receive`, bytes out by `take`, and calls in between. It does no
 * I/O, never throws because of what came in, and holds no more than its limits say.
 */
export class Connection implements StreamPort {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #output: Output;
  readonly #writer: FrameWriter;
  readonly #queue: SendQueue;
  readonly #encoder = new HpackEncoder(encoderTableBytes);
  readonly #inflow: Inflow;
  readonly #streams: Streams;
  readonly #peer: Peer;
  readonly #incoming: Incoming;
  readonly #reader: FrameReader;
  #pings = 0;
  dead = false;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    const server = options.role === 'server';
    this.#options = options;
    this.#events = events;
    this.#output = new Output(options.slabs);
    this.#writer = new FrameWriter(this.#output, () => { events.output(); });
    this.#queue = new SendQueue(this.#output, (stream) => { this.#queueEmpty(stream); });
    this.#inflow = new Inflow(this.#writer, options);
    this.#streams = new Streams({ server, writer: this.#writer, queue: this.#queue, inflow: this.#inflow, forgotten: () => { this.#forgotten(); } });
    this.#peer = new Peer(server, this.#encoder);
    const incoming = new Incoming({ options, events, writer: this.#writer, queue: this.#queue, inflow: this.#inflow, streams: this.#streams, peer: this.#peer, port: this });
    this.#incoming = incoming;
    this.#reader = new FrameReader(defaultFrameBytes, server, (type, flags, id, data, from, to) => { incoming.frame(type, flags, id, data, from, to); }, options.briefReads);
  }

  /** Sends what a connection begins with. */
  start(): void {
    this.#writer.opening(this.#options);
    this.#inflow.start();
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** A client's: a new stream would be taken. */
  get open(): boolean {
    return !this.dead && !this.#streams.goingAway && !this.#peer.leaving && this.#streams.numbersLeft;
  }

  /** How many streams the peer lets us have open at once. */
  get maxConcurrentStreams(): number {
    return this.#peer.maxConcurrentStreams;
  }

  /** The peer's settings have come. */
  get settled(): boolean {
    return this.#peer.settled;
  }

  /** A frame, header block or the preface has begun and not ended; `frameCount` tells whether it is still the same one. */
  get partial(): boolean {
    return this.#reader.partial || this.#incoming.partial;
  }

  /** Frames that have come whole, and of a header block only its first. */
  get frameCount(): number {
    return this.#incoming.frameCount;
  }

  get outputBytes(): number {
    return this.#output.sizeBytes;
  }

  /** What is to be sent now. */
  take(): Uint8Array[] {
    return this.takeBatch().parts;
  }

  /** As `take`; `written` is to be called, batch by batch, when the transport is done with its memory. */
  takeBatch(): Batch {
    this.#writer.told = false;
    this.#queue.pump();
    const batch = this.#output.take();
    // Once it is on its way there is room for more.
    if (this.#queue.pending) this.#writer.tell();
    return batch;
  }

  flush(): void {
    if (this.#writer.told) this.#events.flush();
  }

  /** The transport is full: content waits in its streams until `unblock`; then `take` is to be called. */
  block(): void {
    this.#queue.blocked = true;
  }

  unblock(): void {
    this.#queue.blocked = false;
  }

  receive(data: Uint8Array): void {
    if (this.dead) return;
    try {
      this.#reader.push(data);
    } catch (error) {
      if (error instanceof ProtocolFailure) this.fail(error.code, error.message);
      else if (error instanceof CompressionError) this.fail(errorCode.compressionError, error.message);
      else throw error;
    }
  }

  /** The transport is gone. */
  lost(): void {
    if (this.dead) return;
    this.#die();
    this.#streams.abandon(errorCode.cancel);
  }

  /** Ends the connection because of the peer. */
  fail(code: number, message: string): void {
    if (this.dead) return;
    this.#writer.goaway(this.#streams.lastPeerId, code, message);
    this.#die();
    this.#streams.abandon(code);
    this.#events.closed(new ProtocolFailure(code, message));
  }

  /** No new streams; `closed` when those that run have ended. */
  close(): void {
    if (this.dead || this.#streams.goingAway) return;
    this.#writer.goaway(this.#streams.lastPeerId, errorCode.noError, '');
    this.#streams.goingAway = true;
    this.#maybeDone();
  }

  #maybeDone(): void {
    if (!this.#streams.goingAway || this.dead || this.#streams.size > 0) return;
    this.#die();
    this.#events.closed(undefined);
  }

  #die(): void {
    this.dead = true;
    this.#reader.stop();
  }

  ping(): void {
    this.#pings += 1;
    this.#writer.ping(this.#pings);
  }

  /** A client's new request. Only while `open` and below `maxConcurrentStreams`. */
  request(headers: Headers, handler: StreamHandler, end: boolean): Http2Stream {
    const stream = new Http2Stream(this.#streams.takeId(), this, this.#peer.windowBytes, this.#options.streamWindowBytes);
    stream.handler = handler;
    this.#streams.add(stream);
    stream.headers(headers, end);
    return stream;
  }

  // What streams ask for.

  sendHeaders(stream: Http2Stream, headers: Headers, end: boolean): void {
    this.#writer.headers(stream.id, this.#encoder.encode(headers), end, this.#queue.maxFrameBytes);
    if (end) this.#streams.ended(stream, 'local');
  }

  sendNow(stream: Http2Stream, data: Uint8Array, end: boolean): boolean {
    if (!this.#queue.sendNow(stream, data, end)) return false;
    if (end) this.#streams.ended(stream, 'local');
    this.#writer.tell();
    return true;
  }

  send(stream: Http2Stream): void {
    this.#queue.add(stream);
    this.#writer.tell();
  }

  /** All that was queued is framed. */
  #queueEmpty(stream: Http2Stream): void {
    const { trailersQueued, handler } = stream;
    if (stream.endQueued) {
      this.#streams.ended(stream, 'local');
    } else if (trailersQueued !== undefined) {
      stream.trailersQueued = undefined;
      this.sendHeaders(stream, trailersQueued, true);
    } else {
      handler.drained();
    }
  }

  reset(stream: Http2Stream, code: number): void {
    this.#writer.rstStream(stream.id, code);
    this.#streams.forget(stream);
  }

  consumed(stream: Http2Stream, heldBytes: number, creditBytes: number): void {
    if (!stream.closed) this.#inflow.consumed(stream, heldBytes, creditBytes);
  }

  #forgotten(): void {
    if (this.#streams.goingAway) this.#maybeDone();
    if (this.#options.role === 'client') this.#events.changed();
  }
}
