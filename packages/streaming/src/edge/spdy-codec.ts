import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import type { SpdyHeaderCodec } from '../spdy.ts';
import { SpdyError } from '../spdy-frames.ts';
import { spdyDictionary } from '../spdy-dictionary.ts';

const dictionary = spdyDictionary();

/** With a flush after each write everything that belongs to it is readable when the write is done. */
function through(stream: Deflate | Inflate, data: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(new SpdyError(`SPDY headers: ${error.message}`));
    stream.once('error', onError);
    stream.write(data, () => {
      stream.off('error', onError);
      const parts: Buffer[] = [];
      for (let part = stream.read() as Buffer | null; part !== null; part = stream.read() as Buffer | null) parts.push(part);
      resolve(Buffer.concat(parts));
    });
  });
}

export function createSpdyCodec(): SpdyHeaderCodec {
  const deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
  const inflate = createInflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
  for (const stream of [deflate, inflate]) stream.on('error', () => undefined);
  return {
    compress: (block) => through(deflate, block),
    decompress: (data) => through(inflate, data),
    close: () => { deflate.destroy(); inflate.destroy(); },
  };
}
