import type { FrameWriter } from './frame-writer.ts';
import { errorCode, maxWindow, ProtocolFailure } from './frames.ts';
import type { Inflow } from './inflow.ts';
import type { SendQueue } from './send-queue.ts';
import type { Http2Stream } from './stream.ts';

export interface StreamsParts {
  readonly server: boolean;
  readonly writer: FrameWriter;
  readonly queue: SendQueue;
  readonly inflow: Inflow;
  /** A stream has gone. */
  readonly forgotten: () => void;
}

/** The streams of one connection: their numbers, who runs, and how each ends. */
export class Streams {
  readonly #server: boolean;
  readonly #writer: FrameWriter;
  readonly #queue: SendQueue;
  readonly #inflow: Inflow;
  readonly #forgotten: () => void;
  readonly #running = new Map<number, Http2Stream>();
  #nextId = 1;
  /** The peer's newest that has come. */
  seenPeerId = 0;
  /** The peer's newest that is answered: what GOAWAY says. */
  lastPeerId = 0;
  /** GOAWAY is said: nobody looks at what the peer begins now. */
  goingAway = false;

  constructor(parts: StreamsParts) {
    this.#server = parts.server;
    this.#writer = parts.writer;
    this.#queue = parts.queue;
    this.#inflow = parts.inflow;
    this.#forgotten = parts.forgotten;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Those that run. Some may end meanwhile. */
  values(): Iterable<Http2Stream> {
    return this.#running.values();
  }

  get(id: number): Http2Stream | undefined {
    return this.#running.get(id);
  }

  add(stream: Http2Stream): void {
    this.#running.set(stream.id, stream);
  }

  /** There is a number for another stream of our own. */
  get numbersLeft(): boolean {
    return this.#nextId < maxWindow;
  }

  /** For a stream of our own. */
  takeId(): number {
    const id = this.#nextId;
    this.#nextId += 2;
    return id;
  }

  /** Throws ProtocolFailure if the stream, of the peer's or our own numbering, has not begun yet. */
  checkBegun(id: number): void {
    const own = (id % 2 === 1) !== this.#server;
    const idle = own ? id >= this.#nextId : id > this.seenPeerId;
    if (id === 0 || idle) throw new ProtocolFailure(errorCode.protocolError, `a frame for stream ${id}, which nobody has opened`);
  }

  ended(stream: Http2Stream, side: 'local' | 'remote'): void {
    if (side === 'local') stream.localEnded = true;
    else stream.remoteEnded = true;
    if (!stream.localEnded) return;
    // A server that has answered needs no more of the request.
    if (!stream.remoteEnded && this.#server) this.#writer.rstStream(stream.id, errorCode.noError);
    else if (!stream.remoteEnded) return;
    this.forget(stream);
  }

  /** Breaks it off, and its owner is told. `stream` undefined: it has ended already, or was never taken. */
  breakOff(id: number, stream: Http2Stream | undefined, code: number): void {
    this.#writer.rstStream(id, code);
    if (stream !== undefined) this.lose(stream, code);
  }

  /** The peer has given it up. */
  lose(stream: Http2Stream, code: number): void {
    this.forget(stream);
    stream.handler.reset(code);
  }

  /** Its owner is not told. */
  forget(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.closed = true;
    stream.queue = [];
    this.#inflow.release(stream);
    this.#queue.remove(stream);
    this.#running.delete(stream.id);
    this.#forgotten();
  }

  /** The connection is over. */
  abandon(code: number): void {
    const streams = [...this.#running.values()];
    this.#running.clear();
    for (const stream of streams) {
      stream.closed = true;
      this.#queue.remove(stream);
      stream.handler.reset(code);
    }
  }
}
