import { EtcdError, grpcCode } from '../client/errors.ts';
import { concatBytes, fromUtf8, header, utf8, type HeaderMap } from '@coxswain/host';
import type { Codec } from './codec.ts';
import type { ByteReader } from './frames.ts';

/** gRPC's framing over HTTP/2: a flag byte (compressed), the length (4, big-endian), the message. */
const prefixBytes = 5;

export const grpcContentType = 'application/grpc';

export function grpcFrame(message: Uint8Array): Uint8Array {
  const out = new Uint8Array(prefixBytes + message.length);
  new DataView(out.buffer).setUint32(1, message.length);
  out.set(message, prefixBytes);
  return out;
}

/** `grpcFrame` of what is encoded into its frame at once. */
export function grpcMessage<T extends object>(codec: Codec<T>, value: T): Uint8Array {
  const out = codec.encode(value, prefixBytes);
  new DataView(out.buffer, out.byteOffset).setUint32(1, out.length - prefixBytes);
  return out;
}

/** Messages from what comes of a stream, in pieces of any size. */
export class GrpcCutter {
  readonly #maxBytes: number;
  #rest: Uint8Array | undefined;
  #parts: Uint8Array[] = [];
  #partBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of a message that has not ended. */
  get sizeBytes(): number {
    return (this.#rest?.length ?? 0) + this.#partBytes;
  }

  push(data: Uint8Array): void {
    if (data.length === 0) return;
    if (this.#rest === undefined) {
      this.#rest = data;
    } else {
      this.#parts.push(data);
      this.#partBytes += data.length;
    }
  }

  /** Undefined: not all of it is here. A view of what was pushed, where that was in one piece. Throws EtcdError. */
  next(): Uint8Array | undefined {
    if (this.sizeBytes < prefixBytes) return undefined;
    if ((this.#rest as Uint8Array).length < prefixBytes) this.#join();
    const rest = this.#rest as Uint8Array;
    if (rest[0] !== 0) throw new EtcdError(grpcCode.unimplemented, 'grpc: compressed messages are not supported');
    const length = (rest[1] as number) * 0x1000000 + (((rest[2] as number) << 16) | ((rest[3] as number) << 8) | (rest[4] as number));
    if (length > this.#maxBytes) throw new EtcdError(grpcCode.resourceExhausted, `grpc: received message larger than max (${length} vs. ${this.#maxBytes})`);
    if (this.sizeBytes < prefixBytes + length) return undefined;
    if (rest.length < prefixBytes + length) this.#join();
    const all = this.#rest as Uint8Array;
    this.#rest = all.length === prefixBytes + length ? undefined : all.subarray(prefixBytes + length);
    if (this.#rest === undefined && this.#parts.length > 0) this.#join();
    return all.subarray(prefixBytes, prefixBytes + length);
  }

  #join(): void {
    const parts = this.#rest === undefined ? this.#parts : [this.#rest, ...this.#parts];
    this.#rest = concatBytes(parts);
    this.#parts = [];
    this.#partBytes = 0;
  }
}

/** Undefined at the end of the stream. Throws EtcdError on what is not gRPC as we speak it. */
export async function readGrpcFrame(reader: ByteReader, maxBytes: number): Promise<Uint8Array | undefined> {
  const prefix = await reader.take(prefixBytes);
  if (prefix === undefined) {
    if (reader.left > 0) throw new EtcdError(grpcCode.internal, 'the stream ended within a frame');
    return undefined;
  }
  if (prefix[0] !== 0) throw new EtcdError(grpcCode.unimplemented, 'grpc: compressed messages are not supported');
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefixBytes).getUint32(1);
  if (length > maxBytes) throw new EtcdError(grpcCode.resourceExhausted, `grpc: received message larger than max (${length} vs. ${maxBytes})`);
  const message = length === 0 ? new Uint8Array(0) : await reader.take(length);
  if (message === undefined) throw new EtcdError(grpcCode.internal, 'the stream ended within a frame');
  return message;
}

export function grpcTrailers(error: EtcdError | undefined): HeaderMap {
  if (error === undefined) return { 'grpc-status': '0', 'grpc-message': '' };
  return { 'grpc-status': String(error.code), 'grpc-message': encodeMessage(error.message) };
}

/** Undefined: the call succeeded. A response without a status broke off. */
export function errorOfTrailers(trailers: HeaderMap): EtcdError | undefined {
  const status = header(trailers, 'grpc-status');
  if (status === '0') return undefined;
  if (status === undefined) return new EtcdError(grpcCode.unavailable, 'the response broke off');
  return new EtcdError(Number(status), decodeMessage(header(trailers, 'grpc-message') ?? ''));
}

/** Percent-encoding of everything but printable ASCII, and of the percent sign. */
function encodeMessage(message: string): string {
  let out = '';
  for (const byte of utf8(message)) {
    out += byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

function decodeMessage(text: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const hex = /^%[0-9a-fA-F]{2}/.exec(text.slice(at, at + 3))?.[0];
    if (hex === undefined) {
      bytes.push(text.charCodeAt(at) & 0xff);
    } else {
      bytes.push(Number.parseInt(hex.slice(1), 16));
      at += 2;
    }
  }
  return fromUtf8(Uint8Array.from(bytes));
}
