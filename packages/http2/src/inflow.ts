import type { ConnectionOptions } from './connection-types.ts';
import type { FrameWriter } from './frame-writer.ts';
import { defaultWindowBytes, errorCode, ProtocolFailure } from './frames.ts';
import type { Http2Stream } from './stream.ts';

/** What the peer may send, as the windows that it is told say, and what has come of it that nobody has consumed. */
export class Inflow {
  readonly #writer: FrameWriter;
  readonly #streamWindowBytes: number;
  readonly #connectionWindowBytes: number;
  readonly #maxHeldBytes: number;
  #window = defaultWindowBytes;
  /** Arrived, but the peer has not been told that it may send as much again. */
  #uncredited = 0;
  #heldBytes = 0;

  constructor(writer: FrameWriter, options: ConnectionOptions) {
    this.#writer = writer;
    this.#streamWindowBytes = options.streamWindowBytes;
    this.#connectionWindowBytes = options.connectionWindowBytes;
    this.#maxHeldBytes = options.maxHeldBytes;
  }

  /** Settings say only how large the windows of streams are. */
  start(): void {
    this.#writer.windowUpdate(0, this.#connectionWindowBytes - defaultWindowBytes);
    this.#window = this.#connectionWindowBytes;
  }

  /** A frame of content, whatever becomes of it: the connection's window is for what is on its way only. Throws ProtocolFailure. */
  arrived(sizeBytes: number): void {
    this.#window -= sizeBytes;
    if (this.#window < 0) throw new ProtocolFailure(errorCode.flowControlError, 'more was sent than the connection\'s window');
    this.#uncredited += sizeBytes;
    if (this.#uncredited * 2 < this.#connectionWindowBytes) return;
    this.#window += this.#uncredited;
    this.#writer.windowUpdate(0, this.#uncredited);
    this.#uncredited = 0;
  }

  /** The stream has so much until it is consumed. False: that is more than all together may hold. */
  hold(stream: Http2Stream, sizeBytes: number): boolean {
    stream.heldBytes += sizeBytes;
    this.#heldBytes += sizeBytes;
    return this.#heldBytes <= this.#maxHeldBytes;
  }

  consumed(stream: Http2Stream, heldBytes: number, creditBytes: number): void {
    const done = Math.min(heldBytes, stream.heldBytes);
    stream.heldBytes -= done;
    this.#heldBytes -= done;
    if (stream.remoteEnded) return;
    stream.uncredited += creditBytes;
    if (stream.uncredited * 2 < this.#streamWindowBytes) return;
    stream.receiveWindow += stream.uncredited;
    this.#writer.windowUpdate(stream.id, stream.uncredited);
    stream.uncredited = 0;
  }

  /** The stream is over. */
  release(stream: Http2Stream): void {
    this.#heldBytes -= stream.heldBytes;
    stream.heldBytes = 0;
  }
}
