import { defaultFrameBytes, defaultWindowBytes, errorCode, flag, frameType, maxWindow, ProtocolFailure } from './frames.ts';
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
  window = defaultWindowBytes;
  maxFrameBytes = defaultFrameBytes;
  /** The transport takes nothing at the moment. */
  blocked = false;

  /** `finish`: a stream's queue is empty; trailers or its end may follow. */
  constructor(output: Output, finish: (stream: Http2Stream) => void) {
    this.#output = output;
    this.#finish = finish;
  }

  sendNow(stream: Http2Stream, data: Uint8Array, end: boolean): boolean {
    if (this.blocked || data.length > this.maxFrameBytes || data.length > this.window || (data.length > 0 && data.length > stream.sendWindow) || this.#output.sizeBytes > aheadBytes) return false;
    this.#frame(stream, data, end);
    return true;
  }

  #frame(stream: Http2Stream, data: Uint8Array, end: boolean): void {
    this.window -= data.length;
    stream.sendWindow -= data.length;
    this.#output.head(data.length, frameType.data, end ? flag.endStream : 0, stream.id);
    this.#output.bytes(data);
  }

  add(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  remove(stream: Http2Stream): void {
    this.#waiting.delete(stream);
  }

  /** Something could be framed now if there were room in the output. */
  get pending(): boolean {
    if (this.blocked || this.#waiting.size === 0) return false;
    for (const stream of this.#waiting) if (this.#room(stream) > 0 || this.#onlyEnd(stream)) return true;
    return false;
  }

  #room(stream: Http2Stream): number {
    return Math.min(this.window, stream.sendWindow, this.maxFrameBytes);
  }

  #onlyEnd(stream: Http2Stream): boolean {
    return stream.queuedBytes === 0;
  }

  /** A stream that has more is put behind the others, and so comes again in the same loop. */
  pump(): void {
    if (this.blocked) return;
    for (const stream of this.#waiting) {
      if (this.#output.sizeBytes > aheadBytes) return;
      this.#advance(stream);
    }
  }

  /** One frame of the stream; then it is the next one's turn. */
  #advance(stream: Http2Stream): void {
    const room = this.#room(stream);
    const data = stream.queue[0] as Uint8Array;
    if (room <= 0 && data.length > 0) return;
    const part = data.length > room ? data.subarray(0, room) : data;
    if (part === data) stream.queue.shift();
    else stream.queue[0] = data.subarray(room);
    stream.queuedBytes -= part.length;
    const empty = stream.queue.length === 0;
    if (part.length > 0 || (empty && stream.endQueued)) this.#frame(stream, part, empty && stream.endQueued);
    this.#waiting.delete(stream);
    if (empty) this.#finish(stream);
    else this.#waiting.add(stream);
  }

  /** Throws ProtocolFailure. */
  widen(sizeBytes: number): void {
    this.window += sizeBytes;
    if (this.window > maxWindow) throw new ProtocolFailure(errorCode.flowControlError, 'the connection\'s window is too large');
  }
}
