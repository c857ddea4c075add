import type { ConnectionEvents } from './connection-types.ts';
import type { FrameWriter } from './frame-writer.ts';
import { errorCode, flag, frameType, maxWindow, ProtocolFailure, uint31, uint32 } from './frames.ts';
import { Glitches } from './glitches.ts';
import { Messages } from './messages.ts';
import type { ConnectionParts } from './parts.ts';
import type { Peer } from './peer.ts';
import type { SendQueue } from './send-queue.ts';
import type { Streams } from './streams.ts';

/** What comes in, frame by frame. All of it may throw ProtocolFailure or CompressionError: the end of the connection. */
export class Incoming {
  readonly #events: ConnectionEvents;
  readonly #server: boolean;
  readonly #writer: FrameWriter;
  readonly #queue: SendQueue;
  readonly #streams: Streams;
  readonly #peer: Peer;
  readonly #glitches: Glitches;
  readonly #messages: Messages;
  /** Frames that have come whole, and of a header block only its first. */
  frameCount = 0;

  constructor(parts: ConnectionParts) {
    this.#events = parts.events;
    this.#server = parts.options.role === 'server';
    this.#writer = parts.writer;
    this.#queue = parts.queue;
    this.#streams = parts.streams;
    this.#peer = parts.peer;
    this.#glitches = new Glitches(() => parts.options.nowMs());
    this.#messages = new Messages(parts, this.#glitches);
  }

  /** A header block has begun and not ended. */
  get partial(): boolean {
    return this.#messages.blockBegun;
  }

  frame(type: number, flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    if (!this.#peer.settled) {
      if (type !== frameType.settings || (flags & flag.ack) !== 0) throw new ProtocolFailure(errorCode.protocolError, 'SETTINGS must come first');
      this.#peer.settled = true;
    }
    if (type !== frameType.continuation) this.frameCount += 1;
    if (this.#messages.blockBegun) this.#messages.checkContinued(type, id);
    switch (type) {
      case frameType.data: this.#messages.data(flags, id, data, from, to); return;
      case frameType.headers: this.#messages.headers(flags, id, data, from, to); return;
      case frameType.priority: this.#priority(id, from, to); return;
      case frameType.rstStream: this.#reset(id, data, from, to); return;
      case frameType.settings: this.#settings(flags, id, data, from, to); return;
      case frameType.pushPromise: throw new ProtocolFailure(errorCode.protocolError, 'a push was not asked for');
      case frameType.ping: this.#ping(flags, id, data, from, to); return;
      case frameType.goaway: this.#goaway(id, data, from, to); return;
      case frameType.windowUpdate: this.#windowUpdate(id, data, from, to); return;
      case frameType.continuation: this.#messages.continuation(flags, data, from, to); return;
      default: // What is not known is ignored (RFC 9113, 4.1).
    }
  }

  #priority(id: number, from: number, to: number): void {
    if (id === 0) throw new ProtocolFailure(errorCode.protocolError, 'priority without a stream');
    if (to - from !== 5) this.#streams.breakOff(id, this.#streams.get(id), errorCode.frameSizeError);
  }

  #reset(id: number, data: Uint8Array, from: number, to: number): void {
    if (to - from !== 4) throw new ProtocolFailure(errorCode.frameSizeError, 'RST_STREAM has four bytes');
    this.#streams.checkBegun(id);
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (this.#server) this.#glitches.count('resets');
    this.#streams.lose(stream, uint32(data, from));
  }

  #settings(flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw new ProtocolFailure(errorCode.protocolError, 'settings are the connection\'s');
    const ack = (flags & flag.ack) !== 0;
    if (ack ? to > from : (to - from) % 6 !== 0) throw new ProtocolFailure(errorCode.frameSizeError, 'SETTINGS of a wrong size');
    if (ack) return;
    this.#glitches.count('settings');
    const windowBytes = this.#peer.windowBytes;
    this.#peer.settings(data, from, to);
    if (this.#peer.windowBytes !== windowBytes) this.#resizeWindows(this.#peer.windowBytes - windowBytes);
    this.#writer.settingsAck();
    this.#events.changed();
  }

  /** Once for a frame, however often that says it: it costs a look at every stream. */
  #resizeWindows(more: number): void {
    for (const stream of this.#streams.values()) {
      stream.sendWindow += more;
      if (stream.sendWindow > maxWindow) throw new ProtocolFailure(errorCode.flowControlError, 'a stream\'s window is too large');
      if (more > 0) this.#queue.opened(stream);
    }
  }

  #ping(flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw new ProtocolFailure(errorCode.protocolError, 'pings are the connection\'s');
    if (to - from !== 8) throw new ProtocolFailure(errorCode.frameSizeError, 'PING has eight bytes');
    if ((flags & flag.ack) === 0) this.#writer.pingAck(data.subarray(from, to));
  }

  /** Streams that the peer has not looked at are reset as refused: they may be tried elsewhere. */
  #goaway(id: number, data: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw new ProtocolFailure(errorCode.protocolError, 'GOAWAY is the connection\'s');
    if (to - from < 8) throw new ProtocolFailure(errorCode.frameSizeError, 'GOAWAY has eight bytes');
    const last = uint31(data, from);
    this.#peer.leaving = true;
    if (!this.#server) {
      for (const stream of this.#streams.values()) {
        if (stream.id > last) this.#streams.lose(stream, errorCode.refusedStream);
      }
    }
    this.#events.changed();
  }

  #windowUpdate(id: number, data: Uint8Array, from: number, to: number): void {
    if (to - from !== 4) throw new ProtocolFailure(errorCode.frameSizeError, 'WINDOW_UPDATE has four bytes');
    const sizeBytes = uint31(data, from);
    if (id === 0) {
      if (sizeBytes === 0) throw new ProtocolFailure(errorCode.protocolError, 'a window of 0');
      this.#queue.widen(sizeBytes);
    } else if (!this.#widenStream(id, sizeBytes)) {
      return;
    }
    if (this.#queue.pending) this.#writer.tell();
  }

  /** False: there is nothing that could go now. */
  #widenStream(id: number, sizeBytes: number): boolean {
    this.#streams.checkBegun(id);
    const stream = this.#streams.get(id);
    if (stream === undefined) return false;
    if (sizeBytes === 0 || stream.sendWindow + sizeBytes > maxWindow) {
      this.#streams.breakOff(id, stream, sizeBytes === 0 ? errorCode.protocolError : errorCode.flowControlError);
      return false;
    }
    stream.sendWindow += sizeBytes;
    this.#queue.opened(stream);
    return true;
  }
}
