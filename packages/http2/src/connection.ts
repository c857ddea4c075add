import { FrameReader } from './frame-reader.ts';
import { defaultFrameBytes, defaultWindowBytes, errorCode, flag, frameType, maxWindow, preface, ProtocolFailure, setting, uint31, uint32 } from './frames.ts';
import { HeaderAssembly } from './header-assembly.ts';
import { headOf, type BlockKind, type Head } from './head.ts';
import { CompressionError, HpackDecoder, type DecodedBlock } from './hpack-decoder.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import { Output, type Batch } from './output.ts';
import { SendQueue } from './send-queue.ts';
import type { Slabs } from './slabs.ts';
import { Http2Stream, type Headers, type StreamHandler, type StreamPort } from './stream.ts';

export interface ConnectionOptions {
  readonly role: 'client' | 'server';
  /** How many streams the peer may have open at once. */
  readonly maxConcurrentStreams: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxHeaderListBytes: number;
  /** What all streams together may hold of content that nobody has consumed. */
  readonly maxHeldBytes: number;
  /** Never goes back; for the budget of what only costs work. */
  nowMs(): number;
  /** Shared with other connections; its own otherwise. */
  readonly slabs?: Slabs;
  /** Nobody keeps what `data` of a handler is given. */
  readonly briefReads?: boolean;
}

export interface ConnectionEvents {
  /** Something waits in `take`; said once until it is taken. */
  output(): void;
  /** It is to be taken now. */
  flush(): void;
  /** A server's: a request has come; its handler is to be set now. */
  stream(stream: Http2Stream, head: Head, ended: boolean): void;
  /** The peer will take no more requests on this connection, or its limits changed. */
  changed(): void;
  /** It is over: send what waits, then close the transport. `failure` undefined: both sides are done. */
  closed(failure: ProtocolFailure | undefined): void;
  /** The peer has answered a ping. */
  pong(): void;
}

/** Streams that are reset by the peer, settings and empty frames: what costs us more than them. So many at once, and a second. */
const glitchBurst = 2000;
const glitchesPerSecond = 400;
const encoderTableBytes = 4096;
const decoderTableBytes = 4096;

const invalid = Symbol('invalid');

/**
 * One HTTP/2 connection (RFC 9113) as a state machine: bytes in by `receive`, bytes out by `take`, and calls in between. It does no
 * I/O, never throws because of what came in, and holds no more than its limits say.
 */
export class Connection implements StreamPort {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #server: boolean;
  readonly #output: Output;
  readonly #queue: SendQueue;
  readonly #reader: FrameReader;
  readonly #assembly: HeaderAssembly;
  readonly #decoder: HpackDecoder;
  readonly #encoder = new HpackEncoder(encoderTableBytes);
  readonly #streams = new Map<number, Http2Stream>();
  readonly #heads = new WeakMap<DecodedBlock, Head | typeof invalid>();
  #nextId = 1;
  /** The newest that is answered: what GOAWAY says. */
  #lastPeerId = 0;
  /** The newest that has come. */
  #seenPeerId = 0;
  #peerWindow = defaultWindowBytes;
  #receiveWindow = defaultWindowBytes;
  #uncredited = 0;
  #heldBytes = 0;
  #goingAway = false;
  #peerLeaving = false;
  #told = false;
  #glitches = 0;
  #glitchesAtMs = 0;
  #pings = 0;
  #frameCount = 0;
  /** The peer's. */
  maxConcurrentStreams = maxWindow;
  dead = false;
  /** The peer's settings have come. */
  settled = false;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.#server = options.role === 'server';
    this.#decoder = new HpackDecoder(decoderTableBytes, options.maxHeaderListBytes);
    this.#assembly = new HeaderAssembly(options.maxHeaderListBytes);
    this.#output = new Output(options.slabs);
    this.#queue = new SendQueue(this.#output, (stream) => { this.#queueEmpty(stream); });
    this.#reader = new FrameReader(defaultFrameBytes, this.#server, (type, flags, id, data, from, to) => { this.#frame(type, flags, id, data, from, to); }, options.briefReads);
  }

  /** Sends what a connection begins with. */
  start(): void {
    const { maxConcurrentStreams, streamWindowBytes, connectionWindowBytes, maxHeaderListBytes } = this.#options;
    if (!this.#server) this.#output.copy(Uint8Array.from(preface, (char) => char.charCodeAt(0)));
    const settings: [number, number][] = [[setting.maxConcurrentStreams, maxConcurrentStreams], [setting.initialWindowSize, streamWindowBytes], [setting.maxHeaderListSize, maxHeaderListBytes]];
    if (!this.#server) settings[0] = [setting.enablePush, 0];
    this.#output.head(settings.length * 6, frameType.settings, 0, 0);
    for (const [id, value] of settings) {
      this.#output.copy(Uint8Array.of(id >>> 8, id));
      this.#output.uint32(value);
    }
    this.#windowUpdate(0, connectionWindowBytes - defaultWindowBytes);
    this.#receiveWindow = connectionWindowBytes;
    this.#tell();
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** A client's: a new stream would be taken. */
  get open(): boolean {
    return !this.dead && !this.#goingAway && !this.#peerLeaving && this.#nextId < maxWindow;
  }

  /** A frame, header block or the preface has begun and not ended; `frameCount` tells whether it is still the same one. */
  get partial(): boolean {
    return this.#reader.partial || this.#assembly.active;
  }

  /** Frames that have come whole, and of a header block only its first. */
  get frameCount(): number {
    return this.#frameCount;
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
    this.#told = false;
    this.#queue.pump();
    const batch = this.#output.take();
    // Once it is on its way there is room for more.
    if (this.#queue.pending) this.#tell();
    return batch;
  }

  flush(): void {
    if (this.#told) this.#events.flush();
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
    this.dead = true;
    this.#reader.stop();
    this.#abandon(errorCode.cancel);
  }

  /** Ends the connection because of the peer. */
  fail(code: number, message: string): void {
    if (this.dead) return;
    this.#goaway(code, message);
    this.dead = true;
    this.#reader.stop();
    this.#abandon(code);
    this.#events.closed(new ProtocolFailure(code, message));
  }

  /** No new streams; `closed` when those that run have ended. */
  close(): void {
    if (this.dead || this.#goingAway) return;
    this.#goaway(errorCode.noError, '');
    this.#goingAway = true;
    this.#maybeDone();
  }

  ping(): void {
    this.#pings += 1;
    this.#output.head(8, frameType.ping, 0, 0);
    this.#output.uint32(0);
    this.#output.uint32(this.#pings);
    this.#tell();
  }

  /** A client's new request. Only while `open` and below `maxConcurrentStreams`. */
  request(headers: Headers, handler: StreamHandler, end: boolean): Http2Stream {
    const stream = new Http2Stream(this.#nextId, this, this.#peerWindow, this.#options.streamWindowBytes);
    this.#nextId += 2;
    stream.handler = handler;
    this.#streams.set(stream.id, stream);
    stream.headers(headers, end);
    return stream;
  }

  #abandon(code: number): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) {
      stream.closed = true;
      this.#queue.remove(stream);
      stream.handler.reset(code);
    }
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    this.#events.output();
  }

  #maybeDone(): void {
    if (!this.#goingAway || this.dead || this.#streams.size > 0) return;
    this.dead = true;
    this.#reader.stop();
    this.#events.closed(undefined);
  }

  #goaway(code: number, message: string): void {
    const text = Uint8Array.from(message.slice(0, 100), (char) => char.charCodeAt(0) & 0x7f);
    this.#output.head(8 + text.length, frameType.goaway, 0, 0);
    this.#output.uint32(this.#lastPeerId);
    this.#output.uint32(code);
    this.#output.copy(text);
    this.#tell();
  }

  #windowUpdate(streamId: number, sizeBytes: number): void {
    if (sizeBytes <= 0) return;
    this.#output.head(4, frameType.windowUpdate, 0, streamId);
    this.#output.uint32(sizeBytes);
    this.#tell();
  }

  /** Costs the peer a bit of its budget; throws ProtocolFailure when it is used up. */
  #glitch(what: string): void {
    const nowMs = this.#options.nowMs();
    this.#glitches = Math.max(0, this.#glitches - ((nowMs - this.#glitchesAtMs) * glitchesPerSecond) / 1000) + 1;
    this.#glitchesAtMs = nowMs;
    if (this.#glitches > glitchBurst) throw new ProtocolFailure(errorCode.enhanceYourCalm, `too many ${what}`);
  }

  // What streams ask for.

  sendHeaders(stream: Http2Stream, headers: Headers, end: boolean): void {
    const block = this.#encoder.encode(headers);
    const max = this.#queue.maxFrameBytes;
    const endFlag = end ? flag.endStream : 0;
    if (block.length <= max) {
      this.#output.head(block.length, frameType.headers, flag.endHeaders | endFlag, stream.id);
      this.#output.copy(block);
    } else {
      for (let at = 0; at < block.length; at += max) {
        const part = block.subarray(at, at + max);
        const last = at + max >= block.length ? flag.endHeaders : 0;
        this.#output.head(part.length, at === 0 ? frameType.headers : frameType.continuation, last | (at === 0 ? endFlag : 0), stream.id);
        this.#output.copy(part);
      }
    }
    if (end) this.#ended(stream, 'local');
    this.#tell();
  }

  sendNow(stream: Http2Stream, data: Uint8Array, end: boolean): boolean {
    if (!this.#queue.sendNow(stream, data, end)) return false;
    if (end) this.#ended(stream, 'local');
    this.#tell();
    return true;
  }

  send(stream: Http2Stream): void {
    this.#queue.add(stream);
    this.#tell();
  }

  /** All that was queued is framed. */
  #queueEmpty(stream: Http2Stream): void {
    const { trailersQueued, handler } = stream;
    if (stream.endQueued) {
      this.#ended(stream, 'local');
    } else if (trailersQueued !== undefined) {
      stream.trailersQueued = undefined;
      this.sendHeaders(stream, trailersQueued, true);
    } else {
      handler.drained();
    }
  }

  reset(stream: Http2Stream, code: number): void {
    this.#rst(stream.id, code);
    this.#forget(stream);
  }

  #rst(streamId: number, code: number): void {
    this.#output.head(4, frameType.rstStream, 0, streamId);
    this.#output.uint32(code);
    this.#tell();
  }

  consumed(stream: Http2Stream, heldBytes: number, creditBytes: number): void {
    if (stream.closed) return;
    const done = Math.min(heldBytes, stream.heldBytes);
    stream.heldBytes -= done;
    this.#heldBytes -= done;
    if (stream.remoteEnded) return;
    stream.uncredited += creditBytes;
    if (stream.uncredited * 2 < this.#options.streamWindowBytes) return;
    stream.receiveWindow += stream.uncredited;
    this.#windowUpdate(stream.id, stream.uncredited);
    stream.uncredited = 0;
  }

  #ended(stream: Http2Stream, side: 'local' | 'remote'): void {
    if (side === 'local') stream.localEnded = true;
    else stream.remoteEnded = true;
    if (!stream.localEnded) return;
    // A server that has answered needs no more of the request.
    if (!stream.remoteEnded && this.#server) this.#rst(stream.id, errorCode.noError);
    else if (!stream.remoteEnded) return;
    this.#forget(stream);
  }

  #forget(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.closed = true;
    stream.queue = [];
    this.#heldBytes -= stream.heldBytes;
    stream.heldBytes = 0;
    this.#queue.remove(stream);
    this.#streams.delete(stream.id);
    if (this.#goingAway) this.#maybeDone();
    if (!this.#server) this.#events.changed();
  }

  // What comes in. All of it may throw ProtocolFailure or CompressionError: the end of the connection.

  #frame(type: number, flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    if (!this.settled) {
      if (type !== frameType.settings || (flags & flag.ack) !== 0) throw new ProtocolFailure(errorCode.protocolError, 'SETTINGS must come first');
      this.settled = true;
    }
    if (type !== frameType.continuation) this.#frameCount += 1;
    if (this.#assembly.active && (type !== frameType.continuation || id !== this.#assembly.streamId)) throw new ProtocolFailure(errorCode.protocolError, 'a header block was interrupted');
    switch (type) {
      case frameType.data: this.#onData(flags, id, data, from, to); return;
      case frameType.headers: this.#onHeaders(flags, id, data, from, to); return;
      case frameType.priority: this.#onPriority(id, data, from, to); return;
      case frameType.rstStream: this.#onReset(id, data, from, to); return;
      case frameType.settings: this.#onSettings(flags, id, data, from, to); return;
      case frameType.pushPromise: throw new ProtocolFailure(errorCode.protocolError, 'a push was not asked for');
      case frameType.ping: this.#onPing(flags, id, data, from, to); return;
      case frameType.goaway: this.#onGoaway(id, data, from, to); return;
      case frameType.windowUpdate: this.#onWindowUpdate(id, data, from, to); return;
      case frameType.continuation: this.#onContinuation(flags, data, from, to); return;
      default: // What is not known is ignored (RFC 9113, 4.1).
    }
  }

  /** Of the peer's or our own numbering, not yet used. */
  #idle(id: number): boolean {
    const own = (id % 2 === 1) !== this.#server;
    return own ? id >= this.#nextId : id > this.#seenPeerId;
  }

  #checkStreamId(id: number): void {
    if (id === 0 || this.#idle(id)) throw new ProtocolFailure(errorCode.protocolError, `a frame for stream ${id}, which nobody has opened`);
  }

  #onData(flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    this.#checkStreamId(id);
    this.#creditConnection(to - from);
    let start = from;
    let end = to;
    if ((flags & flag.padded) !== 0) {
      start += 1;
      end -= data[from] ?? 0;
      if (start > end) throw new ProtocolFailure(errorCode.protocolError, 'padding is longer than its frame');
    }
    const stream = this.#streams.get(id);
    if (this.#goingAway && this.#server && id > this.#lastPeerId) return;
    if (stream === undefined || stream.remoteEnded || (!this.#server && !stream.headReceived)) {
      this.#glitch('frames for streams that have ended');
      this.#breakStream(id, stream, errorCode.streamClosed);
      return;
    }
    this.#onContent(stream, data.subarray(start, end), to - from, (flags & flag.endStream) !== 0);
  }

  #creditConnection(sizeBytes: number): void {
    this.#receiveWindow -= sizeBytes;
    if (this.#receiveWindow < 0) throw new ProtocolFailure(errorCode.flowControlError, 'more was sent than the connection\'s window');
    this.#uncredited += sizeBytes;
    if (this.#uncredited * 2 < this.#options.connectionWindowBytes) return;
    this.#receiveWindow += this.#uncredited;
    this.#windowUpdate(0, this.#uncredited);
    this.#uncredited = 0;
  }

  #onContent(stream: Http2Stream, content: Uint8Array, frameBytes: number, ended: boolean): void {
    stream.receiveWindow -= frameBytes;
    if (stream.receiveWindow < 0) {
      this.#breakStream(stream.id, stream, errorCode.flowControlError);
      return;
    }
    if (content.length === 0 && !ended) this.#glitch('empty frames');
    if (stream.contentLeft !== undefined) stream.contentLeft -= content.length;
    if (stream.contentLeft !== undefined && (stream.contentLeft < 0 || (ended && stream.contentLeft > 0))) {
      this.#breakStream(stream.id, stream, errorCode.protocolError);
      return;
    }
    stream.heldBytes += content.length;
    this.#heldBytes += content.length;
    if (this.#heldBytes > this.#options.maxHeldBytes) {
      this.#breakStream(stream.id, stream, errorCode.enhanceYourCalm);
      return;
    }
    if (frameBytes > content.length) this.consumed(stream, 0, frameBytes - content.length);
    if (ended) this.#ended(stream, 'remote');
    stream.handler.data(content, ended);
  }

  /** An error of the stream only. */
  #breakStream(id: number, stream: Http2Stream | undefined, code: number): void {
    this.#rst(id, code);
    if (stream === undefined) return;
    this.#forget(stream);
    stream.handler.reset(code);
  }

  #onHeaders(flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    if (id === 0) throw new ProtocolFailure(errorCode.protocolError, 'headers without a stream');
    const block = this.#assembly.begin(flags, id, data, from, to);
    if (block !== undefined) this.#onBlock(id, block, (flags & flag.endStream) !== 0);
  }

  #onContinuation(flags: number, data: Uint8Array, from: number, to: number): void {
    const { streamId, endStream } = this.#assembly;
    const block = this.#assembly.add(flags, data, from, to);
    if (block !== undefined) this.#onBlock(streamId, block, endStream);
  }

  #onBlock(id: number, block: Uint8Array, ended: boolean): void {
    // First of all, for the table: also what is not wanted changes it.
    const decoded = this.#decoder.decode(block);
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#onLaterBlock(stream, decoded, ended);
    else if (this.#server) this.#onRequest(id, decoded, ended);
    else this.#checkStreamId(id);
  }

  #head(decoded: DecodedBlock, kind: BlockKind): Head | undefined {
    if (decoded.tooLarge) return undefined;
    const known = kind === 'trailers' ? undefined : this.#heads.get(decoded);
    if (known !== undefined) return known === invalid ? undefined : known;
    const head = headOf(decoded.fields, kind);
    if (kind !== 'trailers') this.#heads.set(decoded, head ?? invalid);
    return head;
  }

  #onRequest(id: number, decoded: DecodedBlock, ended: boolean): void {
    if (id % 2 === 0) throw new ProtocolFailure(errorCode.protocolError, `stream ${id} is not a client's`);
    if (id <= this.#seenPeerId) throw new ProtocolFailure(errorCode.streamClosed, `stream ${id} has ended`);
    this.#seenPeerId = id;
    // Sent before our GOAWAY was read, which tells the peer that nobody has looked at it; what follows of it is skipped, too.
    if (this.#goingAway) return;
    this.#lastPeerId = id;
    if (this.#streams.size >= this.#options.maxConcurrentStreams) {
      this.#glitch('streams beyond the limit');
      this.#rst(id, errorCode.refusedStream);
      return;
    }
    const head = this.#head(decoded, 'request');
    if (head === undefined || (ended && (head.contentLength ?? 0) > 0)) {
      this.#glitch('malformed requests');
      this.#rst(id, decoded.tooLarge ? errorCode.enhanceYourCalm : errorCode.protocolError);
      return;
    }
    const stream = new Http2Stream(id, this, this.#peerWindow, this.#options.streamWindowBytes);
    stream.contentLeft = head.contentLength;
    stream.remoteEnded = ended;
    stream.headReceived = true;
    this.#streams.set(id, stream);
    this.#events.stream(stream, head, ended);
  }

  /** A client's response, or trailers. */
  #onLaterBlock(stream: Http2Stream, decoded: DecodedBlock, ended: boolean): void {
    const response = !stream.headReceived;
    const head = this.#head(decoded, response ? 'response' : 'trailers');
    if (stream.remoteEnded || head === undefined || (!response && !ended) || (!response && (stream.contentLeft ?? 0) > 0)) {
      this.#breakStream(stream.id, stream, stream.remoteEnded ? errorCode.streamClosed : errorCode.protocolError);
      return;
    }
    if (response && head.status < 200) return;
    if (response) stream.headReceived = true;
    if (ended) this.#ended(stream, 'remote');
    if (response) stream.handler.head(head, ended);
    else stream.handler.trailers(head.headers);
  }

  #onPriority(id: number, _data: Uint8Array, from: number, to: number): void {
    if (id === 0) throw new ProtocolFailure(errorCode.protocolError, 'priority without a stream');
    if (to - from !== 5) this.#breakStream(id, this.#streams.get(id), errorCode.frameSizeError);
  }

  #onReset(id: number, data: Uint8Array, from: number, to: number): void {
    if (to - from !== 4) throw new ProtocolFailure(errorCode.frameSizeError, 'RST_STREAM has four bytes');
    this.#checkStreamId(id);
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (this.#server) this.#glitch('resets');
    this.#forget(stream);
    stream.handler.reset(uint32(data, from));
  }

  #onSettings(flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw new ProtocolFailure(errorCode.protocolError, 'settings are the connection\'s');
    const ack = (flags & flag.ack) !== 0;
    if (ack ? to > from : (to - from) % 6 !== 0) throw new ProtocolFailure(errorCode.frameSizeError, 'SETTINGS of a wrong size');
    if (ack) return;
    this.#glitch('settings');
    const windowBytes = this.#peerWindow;
    for (let at = from; at < to; at += 6) this.#setting(((data[at] as number) << 8) | (data[at + 1] as number), uint32(data, at + 2));
    if (this.#peerWindow !== windowBytes) this.#resizeWindows(this.#peerWindow - windowBytes);
    this.#output.head(0, frameType.settings, flag.ack, 0);
    this.#tell();
    this.#events.changed();
  }

  #setting(id: number, value: number): void {
    switch (id) {
      case setting.headerTableSize: this.#encoder.allow(value); return;
      case setting.enablePush:
        if (value > 1 || (!this.#server && value === 1)) throw new ProtocolFailure(errorCode.protocolError, 'ENABLE_PUSH has a wrong value');
        return;
      case setting.maxConcurrentStreams: this.maxConcurrentStreams = value; return;
      case setting.initialWindowSize:
        if (value > maxWindow) throw new ProtocolFailure(errorCode.flowControlError, 'INITIAL_WINDOW_SIZE is too large');
        this.#peerWindow = value;
        return;
      case setting.maxFrameSize:
        if (value < defaultFrameBytes || value > 0xffffff) throw new ProtocolFailure(errorCode.protocolError, 'MAX_FRAME_SIZE has a wrong value');
        return;
      default:
    }
  }

  /** Once for a frame, however often that says it: it costs a look at every stream. */
  #resizeWindows(more: number): void {
    for (const stream of this.#streams.values()) {
      stream.sendWindow += more;
      if (stream.sendWindow > maxWindow) throw new ProtocolFailure(errorCode.flowControlError, 'a stream\'s window is too large');
      if (more > 0) this.#queue.opened(stream);
    }
    this.#tell();
  }

  #onPing(flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw new ProtocolFailure(errorCode.protocolError, 'pings are the connection\'s');
    if (to - from !== 8) throw new ProtocolFailure(errorCode.frameSizeError, 'PING has eight bytes');
    if ((flags & flag.ack) !== 0) {
      this.#events.pong();
      return;
    }
    this.#output.head(8, frameType.ping, flag.ack, 0);
    this.#output.copy(data.subarray(from, to));
    this.#tell();
  }

  /** Streams that the peer has not looked at are reset as refused: they may be tried elsewhere. */
  #onGoaway(id: number, data: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw new ProtocolFailure(errorCode.protocolError, 'GOAWAY is the connection\'s');
    if (to - from < 8) throw new ProtocolFailure(errorCode.frameSizeError, 'GOAWAY has eight bytes');
    const last = uint31(data, from);
    this.#peerLeaving = true;
    if (!this.#server) {
      for (const stream of this.#streams.values()) {
        if (stream.id <= last) continue;
        this.#forget(stream);
        stream.handler.reset(errorCode.refusedStream);
      }
    }
    this.#events.changed();
  }

  #onWindowUpdate(id: number, data: Uint8Array, from: number, to: number): void {
    if (to - from !== 4) throw new ProtocolFailure(errorCode.frameSizeError, 'WINDOW_UPDATE has four bytes');
    const sizeBytes = uint31(data, from);
    if (id === 0) {
      if (sizeBytes === 0) throw new ProtocolFailure(errorCode.protocolError, 'a window of 0');
      this.#queue.widen(sizeBytes);
    } else {
      this.#checkStreamId(id);
      const stream = this.#streams.get(id);
      if (stream === undefined) return;
      if (sizeBytes === 0 || stream.sendWindow + sizeBytes > maxWindow) {
        this.#breakStream(id, stream, sizeBytes === 0 ? errorCode.protocolError : errorCode.flowControlError);
        return;
      }
      stream.sendWindow += sizeBytes;
      this.#queue.opened(stream);
    }
    if (this.#queue.pending) this.#tell();
  }
}
