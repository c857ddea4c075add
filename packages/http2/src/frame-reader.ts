import { errorCode, frameHeadBytes, preface, ProtocolFailure, uint31 } from './frames.ts';

/** Gets the payload as the part of `data` from `from` to `to`. */
export type OnFrame = (type: number, flags: number, streamId: number, data: Uint8Array, from: number, to: number) => void;

/** Cuts what comes from the transport into frames, however it was cut on the way. */
export class FrameReader {
  readonly #maxFrameBytes: number;
  readonly #onFrame: OnFrame;
  #prefaceAt: number;
  /** What came in pieces is put together here, if nobody keeps any of it. */
  readonly #memory: Uint8Array | undefined;
  /** A frame whose rest is to come: its head alone, then, when that is whole, room for all of it. */
  #begun: Uint8Array = new Uint8Array(frameHeadBytes);
  #begunBytes = 0;
  #stopped = false;

  /** `brief`: what `onFrame` gets may be overwritten when it returns. */
  constructor(maxFrameBytes: number, expectPreface: boolean, onFrame: OnFrame, brief = false) {
    this.#memory = brief ? new Uint8Array(frameHeadBytes + maxFrameBytes) : undefined;
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
    this.#prefaceAt = expectPreface ? 0 : preface.length;
  }

  /** Something has begun and not ended: it should not stay so for long. */
  get partial(): boolean {
    return this.#begunBytes > 0 || this.#prefaceAt < preface.length;
  }

  stop(): void {
    this.#stopped = true;
    this.#begunBytes = 0;
  }

  /** Throws ProtocolFailure. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (this.#prefaceAt < preface.length && at < chunk.length) {
      if (chunk[at] !== preface.charCodeAt(this.#prefaceAt)) throw new ProtocolFailure(errorCode.protocolError, 'this is no HTTP/2');
      at += 1;
      this.#prefaceAt += 1;
    }
    while (this.#begunBytes > 0 && at < chunk.length) at = this.#goOn(chunk, at);
    while (!this.#stopped && chunk.length - at >= frameHeadBytes) {
      const end = at + frameHeadBytes + this.#lengthOf(chunk, at);
      if (end > chunk.length) break;
      this.#tell(chunk, at, end);
      at = end;
    }
    if (!this.#stopped && at < chunk.length) this.#begin(chunk, at);
  }

  #lengthOf(data: Uint8Array, at: number): number {
    const length = ((data[at] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number);
    if (length > this.#maxFrameBytes) throw new ProtocolFailure(errorCode.frameSizeError, `a frame of ${length} bytes`);
    return length;
  }

  #tell(data: Uint8Array, at: number, end: number): void {
    this.#onFrame(data[at + 3] as number, data[at + 4] as number, uint31(data, at + 5), data, at + frameHeadBytes, end);
  }

  #begin(chunk: Uint8Array, at: number): void {
    const sizeBytes = chunk.length - at < frameHeadBytes ? frameHeadBytes : frameHeadBytes + this.#lengthOf(chunk, at);
    this.#begun = this.#room(sizeBytes);
    this.#begun.set(chunk.subarray(at));
    this.#begunBytes = chunk.length - at;
  }

  #room(sizeBytes: number): Uint8Array {
    return this.#memory?.subarray(0, sizeBytes) ?? new Uint8Array(sizeBytes);
  }

  /** Only what belongs to that frame is copied. */
  #goOn(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + this.#begun.length - this.#begunBytes);
    this.#begun.set(part, this.#begunBytes);
    this.#begunBytes += part.length;
    if (this.#begunBytes < this.#begun.length) return at + part.length;
    const head = this.#begun;
    const sizeBytes = frameHeadBytes + this.#lengthOf(head, 0);
    if (sizeBytes > head.length) {
      this.#begun = this.#room(sizeBytes);
      this.#begun.set(head);
    } else {
      this.#begunBytes = 0;
      this.#tell(head, 0, sizeBytes);
    }
    return at + part.length;
  }
}
