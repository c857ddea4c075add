import { EtcdError, grpcCode } from '../client/errors.ts';
import { fromUtf8, header, utf8, type HeaderMap } from '@coxswain/host';
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
