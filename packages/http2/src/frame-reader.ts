import { errorCode, frameHeadBytes, preface, ProtocolFailure, uint31 } from './frames.ts';

/** Gets the payload as the part of `data` from `from` to `to`. */
export type OnFrame = (type: number, flags: number, streamId: number, data: Uint8Array, from: number, to: number) => void;

/** Cuts what comes from the transport into frames, however it was cut on the way. */
export class FrameReader {
  readonly #maxFrameBytes: number;
  readonly #onFrame: OnFrame;
  #prefaceAt: number;
  #rest: Uint8Array | undefined;
  #stopped = false;

  constructor(maxFrameBytes: number, expectPreface: boolean, onFrame: OnFrame) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
    this.#prefaceAt = expectPreface ? 0 : preface.length;
  }

  /** Something has begun and not ended: it should not stay so for long. */
  get partial(): boolean {
    return this.#rest !== undefined || this.#prefaceAt < preface.length;
  }

  stop(): void {
    this.#stopped = true;
    this.#rest = undefined;
  }

  /** Throws ProtocolFailure. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (this.#prefaceAt < preface.length && at < chunk.length) {
      if (chunk[at] !== preface.charCodeAt(this.#prefaceAt)) throw new ProtocolFailure(errorCode.protocolError, 'this is no HTTP/2');
      at += 1;
      this.#prefaceAt += 1;
    }
    const data = this.#joined(chunk, at);
    at = data === chunk ? at : 0;
    while (!this.#stopped && data.length - at >= frameHeadBytes) {
      const length = ((data[at] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number);
      if (length > this.#maxFrameBytes) throw new ProtocolFailure(errorCode.frameSizeError, `a frame of ${length} bytes`);
      const end = at + frameHeadBytes + length;
      if (end > data.length) break;
      this.#onFrame(data[at + 3] as number, data[at + 4] as number, uint31(data, at + 5), data, at + frameHeadBytes, end);
      at = end;
    }
    this.#rest = this.#stopped || at === data.length ? undefined : data.subarray(at);
  }

  #joined(chunk: Uint8Array, at: number): Uint8Array {
    const rest = this.#rest;
    if (rest === undefined) return chunk;
    const data = new Uint8Array(rest.length + chunk.length - at);
    data.set(rest);
    data.set(at === 0 ? chunk : chunk.subarray(at), rest.length);
    return data;
  }
}
