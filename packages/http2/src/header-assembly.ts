import { errorCode, flag, ProtocolFailure } from './frames.ts';

/** A block in more frames than this is an attack. */
const maxFrames = 64;

/** Header blocks that come in several frames. */
export class HeaderAssembly {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #sizeBytes = 0;
  active = false;
  streamId = 0;
  endStream = false;

  /** A block is never much larger than its list. */
  constructor(maxListBytes: number) {
    this.#maxBytes = maxListBytes * 2;
  }

  /** A HEADERS frame; the block, if this is all of it. */
  begin(flags: number, streamId: number, data: Uint8Array, from: number, to: number): Uint8Array | undefined {
    let start = from;
    let end = to;
    if ((flags & flag.padded) !== 0) {
      end -= data[from] ?? 0;
      start += 1;
    }
    if ((flags & flag.priority) !== 0) start += 5;
    if (start > end) throw new ProtocolFailure(errorCode.protocolError, 'padding is longer than its frame');
    const part = data.subarray(start, end);
    if ((flags & flag.endHeaders) !== 0) return part;
    this.active = true;
    this.streamId = streamId;
    this.endStream = (flags & flag.endStream) !== 0;
    this.#gather(part);
    return undefined;
  }

  add(flags: number, data: Uint8Array, from: number, to: number): Uint8Array | undefined {
    if (!this.active) throw new ProtocolFailure(errorCode.protocolError, 'a continuation of nothing');
    this.#gather(data.subarray(from, to));
    if ((flags & flag.endHeaders) === 0) return undefined;
    const block = new Uint8Array(this.#sizeBytes);
    let at = 0;
    for (const part of this.#parts) {
      block.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#sizeBytes = 0;
    this.active = false;
    return block;
  }

  /** Kept beyond this chunk of the transport, so copied. */
  #gather(part: Uint8Array): void {
    this.#parts.push(part.slice());
    this.#sizeBytes += part.length;
    if (this.#sizeBytes > this.#maxBytes || this.#parts.length > maxFrames) throw new ProtocolFailure(errorCode.enhanceYourCalm, 'a header block is too large');
  }
}
