import { flag, frameType, preface, setting } from './frames.ts';
import type { ConnectionOptions } from './connection-types.ts';
import type { Output } from './output.ts';

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0x7f);
}

/** Frames other than content. What waits is told once until it is taken. */
export class FrameWriter {
  readonly #output: Output;
  readonly #waits: () => void;
  /** Something waits, and that was said. */
  told = false;

  constructor(output: Output, waits: () => void) {
    this.#output = output;
    this.#waits = waits;
  }

  /** Something waits: written here, or content that may go. */
  tell(): void {
    if (this.told) return;
    this.told = true;
    this.#waits();
  }

  /** What a connection begins with. */
  opening({ role, maxConcurrentStreams, streamWindowBytes, maxHeaderListBytes }: ConnectionOptions): void {
    if (role === 'client') this.#output.copy(ascii(preface));
    const first: readonly [number, number] = role === 'client' ? [setting.enablePush, 0] : [setting.maxConcurrentStreams, maxConcurrentStreams];
    const settings = [first, [setting.initialWindowSize, streamWindowBytes], [setting.maxHeaderListSize, maxHeaderListBytes]] as const;
    this.#output.head(settings.length * 6, frameType.settings, 0, 0);
    for (const [id, value] of settings) {
      this.#output.copy(Uint8Array.of(id >>> 8, id));
      this.#output.uint32(value);
    }
    this.tell();
  }

  settingsAck(): void {
    this.#output.head(0, frameType.settings, flag.ack, 0);
    this.tell();
  }

  ping(number: number): void {
    this.#output.head(8, frameType.ping, 0, 0);
    this.#output.uint32(0);
    this.#output.uint32(number);
    this.tell();
  }

  pingAck(payload: Uint8Array): void {
    this.#output.head(8, frameType.ping, flag.ack, 0);
    this.#output.copy(payload);
    this.tell();
  }

  goaway(lastStreamId: number, code: number, message: string): void {
    const text = ascii(message.slice(0, 100));
    this.#output.head(8 + text.length, frameType.goaway, 0, 0);
    this.#output.uint32(lastStreamId);
    this.#output.uint32(code);
    this.#output.copy(text);
    this.tell();
  }

  windowUpdate(streamId: number, sizeBytes: number): void {
    if (sizeBytes <= 0) return;
    this.#output.head(4, frameType.windowUpdate, 0, streamId);
    this.#output.uint32(sizeBytes);
    this.tell();
  }

  rstStream(streamId: number, code: number): void {
    this.#output.head(4, frameType.rstStream, 0, streamId);
    this.#output.uint32(code);
    this.tell();
  }

  /** A header block, in as many frames as it takes. */
  headers(streamId: number, block: Uint8Array, end: boolean, maxFrameBytes: number): void {
    const endFlag = end ? flag.endStream : 0;
    if (block.length <= maxFrameBytes) {
      this.#output.head(block.length, frameType.headers, flag.endHeaders | endFlag, streamId);
      this.#output.copy(block);
    } else {
      for (let at = 0; at < block.length; at += maxFrameBytes) {
        const part = block.subarray(at, at + maxFrameBytes);
        const last = at + maxFrameBytes >= block.length ? flag.endHeaders : 0;
        this.#output.head(part.length, at === 0 ? frameType.headers : frameType.continuation, last | (at === 0 ? endFlag : 0), streamId);
        this.#output.copy(part);
      }
    }
    this.tell();
  }
}
