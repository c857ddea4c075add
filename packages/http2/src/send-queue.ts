import { defaultFrameBytes, defaultWindowBytes, errorCode, flag, maxWindow, ProtocolFailure } from './frames.ts';
import type { Output } from './output.ts';
import type { Http2Stream } from './stream.ts';

/** Of content that waits for nothing but the transport, no more than this is framed ahead. */
const aheadBytes = 256 * 1024;

/** Content on its way out: within the windows of the peer, streams in turn, a frame each. */
export class SendQueue {
  readonly #output: Output;
  readonly #finish: (stream: Http2Stream) => void;
  /** Streams with something queued, next first. */
  readonly #waiting = new Set<Http2Stream>();
  /** Of those, the ones whose own window is used up: nobody looks at them until it opens. */
  readonly #stalled = new Set<Http2Stream>();
  window = defaultWindowBytes;
  /** A peer may allow larger ones; a frame is copied into what leaves in one write, so it gains nothing. */
  readonly maxFrameBytes = defaultFrameBytes;
  /** The transport takes nothing at the moment. */
  blocked = false;

  /** `finish`: a stream's queue is empty; trailers or its end may follow. */
  constructor(output: Output, finish: (stream: Http2Stream) => void) {
    this.#output = output;
    this.#finish = finish;
  }

  sendNow(stream: Http2Stream, data: Uint8Array, end: boolean): boolean {
    if (data.length > 0 && (this.blocked || data.length > this.maxFrameBytes || data.length > this.window || data.length > stream.sendWindow || this.#output.sizeBytes > aheadBytes)) return false;
    this.#frame(stream, data, end);
    return true;
  }

  #frame(stream: Http2Stream, data: Uint8Array, end: boolean): void {
    this.window -= data.length;
    stream.sendWindow -= data.length;
    this.#output.content(stream.id, data, end ? flag.endStream : 0, this.maxFrameBytes);
  }

  /** Its queue has content. */
  add(stream: Http2Stream): void {
    if (!this.#stalled.has(stream)) this.#waiting.add(stream);
  }

  remove(stream: Http2Stream): void {
    this.#waiting.delete(stream);
    this.#stalled.delete(stream);
  }

  /** The stream's window has grown. */
  opened(stream: Http2Stream): void {
    if (stream.sendWindow > 0 && this.#stalled.delete(stream)) this.#waiting.add(stream);
  }

  /** Something may be framed if there is room in the output. */
  get pending(): boolean {
    return !this.blocked && this.window > 0 && this.#waiting.size > 0;
  }

  /** A stream that has more is put behind the others, and so comes again in the same loop. */
  pump(): void {
    if (this.blocked) return;
    for (const stream of this.#waiting) {
      if (this.window <= 0 || this.#output.sizeBytes > aheadBytes) return;
      this.#advance(stream);
    }
  }

  /** One frame of the stream; then it is the next one's turn. */
  #advance(stream: Http2Stream): void {
    this.#waiting.delete(stream);
    if (stream.sendWindow <= 0) {
      this.#stalled.add(stream);
      return;
    }
    let room = this.maxFrameBytes;
    do {
      const part = this.#next(stream, room);
      room -= part.length;
      this.#frame(stream, part, stream.queue.length === 0 && stream.endQueued);
      // Small pieces share a frame.
    } while (this.#fits(stream.queue[0], stream, room));
    if (stream.queue.length === 0) this.#finish(stream);
    else this.#waiting.add(stream);
  }

  #fits(data: Uint8Array | undefined, stream: Http2Stream, room: number): boolean {
    return data !== undefined && data.length <= room && data.length <= this.window && data.length <= stream.sendWindow;
  }

  /** What is queued first, or as much of it as may be sent. */
  #next(stream: Http2Stream, frameBytes: number): Uint8Array {
    const { queue } = stream;
    const room = Math.min(this.window, stream.sendWindow, frameBytes);
    const data = queue[0] as Uint8Array;
    const part = data.length > room ? data.subarray(0, room) : data;
    if (part === data) queue.shift();
    else queue[0] = data.subarray(room);
    stream.queuedBytes -= part.length;
    // An end that was written by itself goes with the last of the content.
    if (stream.queuedBytes === 0) queue.length = 0;
    return part;
  }

  /** Throws ProtocolFailure. */
  widen(sizeBytes: number): void {
    this.window += sizeBytes;
    if (this.window > maxWindow) throw new ProtocolFailure(errorCode.flowControlError, 'the connection\'s window is too large');
  }
}
