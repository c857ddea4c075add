import { Readable, pipeline } from 'node:stream';
import { createGzip, type Gzip as Encoder } from 'node:zlib';
import type { ByteSource } from '@coxswain/host';
import type { Gzip } from '../serving/compression.ts';

/** The original's level: little work, and within a third of what more work would give. */
const level = 1;

function encoderOf(body: Uint8Array | ByteSource): Encoder {
  const encoder = createGzip({ level, chunkSize: 64 * 1024 });
  // An error of the body destroys the encoder, whose reader is told; a reader that stops early stops the body.
  pipeline(body instanceof Uint8Array ? Readable.from([body]) : Readable.from(body), encoder, () => undefined);
  return encoder;
}

/** On zlib's threads, begun when somebody reads. */
export const gzip: Gzip = (body) => ({ [Symbol.asyncIterator]: () => (encoderOf(body) as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]() });
