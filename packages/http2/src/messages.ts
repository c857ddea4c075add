import type { ConnectionEvents, ConnectionOptions } from './connection-types.ts';
import { errorCode, flag, frameType, ProtocolFailure } from './frames.ts';
import type { Glitches } from './glitches.ts';
import { HeaderAssembly } from './header-assembly.ts';
import { HeadCache } from './head.ts';
import { HpackDecoder, type DecodedBlock } from './hpack-decoder.ts';
import type { Inflow } from './inflow.ts';
import type { ConnectionParts } from './parts.ts';
import type { Peer } from './peer.ts';
import { Http2Stream, type StreamPort } from './stream.ts';
import type { Streams } from './streams.ts';

const tableBytes = 4096;

/** What comes in of requests and responses: header blocks and content. */
export class Messages {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #server: boolean;
  readonly #inflow: Inflow;
  readonly #streams: Streams;
  readonly #peer: Peer;
  readonly #port: StreamPort;
  readonly #glitches: Glitches;
  readonly #assembly: HeaderAssembly;
  readonly #decoder: HpackDecoder;
  readonly #heads = new HeadCache();

  constructor({ options, events, inflow, streams, peer, port }: ConnectionParts, glitches: Glitches) {
    this.#options = options;
    this.#events = events;
    this.#server = options.role === 'server';
    this.#inflow = inflow;
    this.#streams = streams;
    this.#peer = peer;
    this.#port = port;
    this.#glitches = glitches;
    this.#assembly = new HeaderAssembly(options.maxHeaderListBytes);
    this.#decoder = new HpackDecoder(tableBytes, options.maxHeaderListBytes);
  }

  /** Only its continuation may come now. */
  get blockBegun(): boolean {
    return this.#assembly.active;
  }

  checkContinued(type: number, id: number): void {
    if (type !== frameType.continuation || id !== this.#assembly.streamId) throw new ProtocolFailure(errorCode.protocolError, 'a header block was interrupted');
  }

  data(flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    this.#streams.checkBegun(id);
    this.#inflow.arrived(to - from);
    let start = from;
    let end = to;
    if ((flags & flag.padded) !== 0) {
      start += 1;
      end -= data[from] ?? 0;
      if (start > end) throw new ProtocolFailure(errorCode.protocolError, 'padding is longer than its frame');
    }
    const stream = this.#streams.get(id);
    if (this.#streams.goingAway && this.#server && id > this.#streams.lastPeerId) return;
    if (stream === undefined || stream.remoteEnded || (!this.#server && !stream.headReceived)) {
      this.#glitches.count('frames for streams that have ended');
      this.#streams.breakOff(id, stream, errorCode.streamClosed);
      return;
    }
    this.#content(stream, data.subarray(start, end), to - from, (flags & flag.endStream) !== 0);
  }

  #content(stream: Http2Stream, content: Uint8Array, frameBytes: number, ended: boolean): void {
    stream.receiveWindow -= frameBytes;
    if (stream.receiveWindow < 0) {
      this.#streams.breakOff(stream.id, stream, errorCode.flowControlError);
      return;
    }
    if (content.length === 0 && !ended) this.#glitches.count('empty frames');
    if (stream.contentLeft !== undefined) stream.contentLeft -= content.length;
    if (stream.contentLeft !== undefined && (stream.contentLeft < 0 || (ended && stream.contentLeft > 0))) {
      this.#streams.breakOff(stream.id, stream, errorCode.protocolError);
      return;
    }
    if (!this.#inflow.hold(stream, content.length)) {
      this.#streams.breakOff(stream.id, stream, errorCode.enhanceYourCalm);
      return;
    }
    if (frameBytes > content.length) this.#inflow.consumed(stream, 0, frameBytes - content.length);
    if (ended) this.#streams.ended(stream, 'remote');
    stream.handler.data(content, ended);
  }

  headers(flags: number, id: number, data: Uint8Array, from: number, to: number): void {
    if (id === 0) throw new ProtocolFailure(errorCode.protocolError, 'headers without a stream');
    const block = this.#assembly.begin(flags, id, data, from, to);
    if (block !== undefined) this.#block(id, block, (flags & flag.endStream) !== 0);
  }

  continuation(flags: number, data: Uint8Array, from: number, to: number): void {
    const { streamId, endStream } = this.#assembly;
    const block = this.#assembly.add(flags, data, from, to);
    if (block !== undefined) this.#block(streamId, block, endStream);
  }

  #block(id: number, block: Uint8Array, ended: boolean): void {
    // First of all, for the table: also what is not wanted changes it.
    const decoded = this.#decoder.decode(block);
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#laterBlock(stream, decoded, ended);
    else if (this.#server) this.#request(id, decoded, ended);
    else this.#streams.checkBegun(id);
  }

  #request(id: number, decoded: DecodedBlock, ended: boolean): void {
    if (id % 2 === 0) throw new ProtocolFailure(errorCode.protocolError, `stream ${id} is not a client's`);
    if (id <= this.#streams.seenPeerId) throw new ProtocolFailure(errorCode.streamClosed, `stream ${id} has ended`);
    this.#streams.seenPeerId = id;
    // Sent before our GOAWAY was read, which tells the peer that nobody has looked at it; what follows of it is skipped, too.
    if (this.#streams.goingAway) return;
    this.#streams.lastPeerId = id;
    if (this.#streams.size >= this.#options.maxConcurrentStreams) {
      this.#glitches.count('streams beyond the limit');
      this.#streams.breakOff(id, undefined, errorCode.refusedStream);
      return;
    }
    const head = this.#heads.of(decoded, 'request');
    if (head === undefined || (ended && (head.contentLength ?? 0) > 0)) {
      this.#glitches.count('malformed requests');
      this.#streams.breakOff(id, undefined, decoded.tooLarge ? errorCode.enhanceYourCalm : errorCode.protocolError);
      return;
    }
    const stream = new Http2Stream(id, this.#port, this.#peer.windowBytes, this.#options.streamWindowBytes);
    stream.contentLeft = head.contentLength;
    stream.remoteEnded = ended;
    stream.headReceived = true;
    this.#streams.add(stream);
    this.#events.stream(stream, head, ended);
  }

  /** A client's response, or trailers. */
  #laterBlock(stream: Http2Stream, decoded: DecodedBlock, ended: boolean): void {
    const response = !stream.headReceived;
    const head = this.#heads.of(decoded, response ? 'response' : 'trailers');
    if (stream.remoteEnded || head === undefined || (!response && !ended) || (!response && (stream.contentLeft ?? 0) > 0)) {
      this.#streams.breakOff(stream.id, stream, stream.remoteEnded ? errorCode.streamClosed : errorCode.protocolError);
      return;
    }
    if (response && head.status < 200) return;
    if (response) stream.headReceived = true;
    if (ended) this.#streams.ended(stream, 'remote');
    if (response) stream.handler.head(head, ended);
    else stream.handler.trailers(head.headers);
  }
}
