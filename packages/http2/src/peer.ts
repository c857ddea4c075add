import { defaultFrameBytes, defaultWindowBytes, errorCode, maxWindow, ProtocolFailure, setting, uint32 } from './frames.ts';
import type { HpackEncoder } from './hpack-encoder.ts';

/** What the other side has said of itself. */
export class Peer {
  readonly #server: boolean;
  readonly #encoder: HpackEncoder;
  /** Its settings have come. */
  settled = false;
  /** It takes no new requests. */
  leaving = false;
  maxConcurrentStreams = maxWindow;
  /** With which its streams begin. */
  windowBytes = defaultWindowBytes;

  /** `server`: we are the server. */
  constructor(server: boolean, encoder: HpackEncoder) {
    this.#server = server;
    this.#encoder = encoder;
  }

  /** The payload of SETTINGS. Throws ProtocolFailure. */
  settings(data: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at += 6) this.#setting(((data[at] as number) << 8) | (data[at + 1] as number), uint32(data, at + 2));
  }

  #setting(id: number, value: number): void {
    switch (id) {
      case setting.headerTableSize: this.#encoder.allow(value); return;
      case setting.enablePush:
        if (value > 1 || (!this.#server && value === 1)) throw new ProtocolFailure(errorCode.protocolError, 'ENABLE_PUSH has a wrong value');
        return;
      case setting.maxConcurrentStreams: this.maxConcurrentStreams = value; return;
      case setting.initialWindowSize:
        if (value > maxWindow) throw new ProtocolFailure(errorCode.flowControlError, 'INITIAL_WINDOW_SIZE is too large');
        this.windowBytes = value;
        return;
      case setting.maxFrameSize:
        if (value < defaultFrameBytes || value > 0xffffff) throw new ProtocolFailure(errorCode.protocolError, 'MAX_FRAME_SIZE has a wrong value');
        return;
      default:
    }
  }
}
