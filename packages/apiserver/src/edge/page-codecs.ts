import type { ByteSource } from '@coxswain/host';
import type { PageCodec, PageCodecs } from '../node-proxy/rewrite-response.ts';

function codec(format: 'gzip' | 'deflate-raw'): PageCodec {
  const through = (body: ByteSource, stream: CompressionStream | DecompressionStream): ByteSource =>
    ReadableStream.from(body).pipeThrough(stream as ReadableWritablePair<Uint8Array, Uint8Array>);
  return { decode: (body) => through(body, new DecompressionStream(format)), encode: (body) => through(body, new CompressionStream(format)) };
}

/** The encodings in which upstream's proxy reads pages; its `deflate` is the raw one. */
export const pageCodecs: PageCodecs = { gzip: codec('gzip'), deflate: codec('deflate-raw') };
