import type { ByteSource } from './network.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const emptyBytes: Uint8Array = new Uint8Array(0);

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Malformed sequences become U+FFFD. */
export function fromUtf8(data: Uint8Array): string {
  return decoder.decode(data);
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += part.length;
  const out = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** As `concatBytes`, for what is gone soon: small ones share their memory, which costs the collector less than an ArrayBuffer for each. */
export function concatBriefly(parts: readonly Uint8Array[]): Uint8Array {
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += part.length;
  const out = Buffer.allocUnsafe(sizeBytes);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** The part of `source` from `from` to `to` into `target`; makes no view of it, which many small parts would feel. */
export function copyBytes(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  Buffer.prototype.copy.call(source, target, at, from, to);
}

/** Each byte one character; not added up one by one, which makes a string for each. */
export function fromLatin1(data: Uint8Array, from = 0, to = data.length): string {
  return Buffer.from(data.buffer, data.byteOffset + from, to - from).toString('latin1');
}

/** The reverse; characters above 255 have no byte. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Buffer.from(text, 'latin1');
}

/** `part` stands somewhere in `data`. */
export function includesBytes(data: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(data.buffer, data.byteOffset, data.length).includes(part);
}

export class BodyTooLarge extends Error {
  readonly limitBytes: number;
  constructor(limitBytes: number) {
    super(`body is larger than ${limitBytes} bytes`);
    this.name = 'BodyTooLarge';
    this.limitBytes = limitBytes;
  }
}

/** A body that is here already. */
export class WholeBody implements ByteSource {
  readonly data: Uint8Array;

  constructor(data: Uint8Array) {
    this.data = data;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.data.length > 0) yield this.data;
  }
}

/** Throws BodyTooLarge as soon as the limit is passed, without reading on. */
export async function readAll(source: ByteSource, limitBytes = Number.MAX_SAFE_INTEGER): Promise<Uint8Array> {
  if (source instanceof WholeBody) {
    if (source.data.length > limitBytes) throw new BodyTooLarge(limitBytes);
    return source.data;
  }
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of source) {
    sizeBytes += part.length;
    if (sizeBytes > limitBytes) throw new BodyTooLarge(limitBytes);
    parts.push(part);
  }
  return concatBytes(parts);
}

export function header(headers: Readonly<Record<string, string | readonly string[]>>, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' || value === undefined ? value : value.join(', ');
}
