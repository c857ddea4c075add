/** RFC 9113, section 6. */
export const frameType = { data: 0, headers: 1, priority: 2, rstStream: 3, settings: 4, pushPromise: 5, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 } as const;

export const flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** RFC 9113, section 7. */
export const errorCode = {
  noError: 0, protocolError: 1, internalError: 2, flowControlError: 3, settingsTimeout: 4, streamClosed: 5, frameSizeError: 6, refusedStream: 7,
  cancel: 8, compressionError: 9, connectError: 10, enhanceYourCalm: 11, inadequateSecurity: 12, http11Required: 13,
} as const;

export const setting = { headerTableSize: 1, enablePush: 2, maxConcurrentStreams: 3, initialWindowSize: 4, maxFrameSize: 5, maxHeaderListSize: 6 } as const;

export const frameHeadBytes = 9;
export const maxWindow = 0x7fffffff;
/** What both sides may send unless SETTINGS say more. */
export const defaultFrameBytes = 16_384;
export const defaultWindowBytes = 65_535;

export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Why a connection or a stream is given up. */
export class ProtocolFailure extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'ProtocolFailure';
    this.code = code;
  }
}

export function uint32(data: Uint8Array, at: number): number {
  return ((data[at] as number) * 0x1000000) + (((data[at + 1] as number) << 16) | ((data[at + 2] as number) << 8) | (data[at + 3] as number));
}

/** Without the reserved bit. */
export function uint31(data: Uint8Array, at: number): number {
  return uint32(data, at) & 0x7fffffff;
}
