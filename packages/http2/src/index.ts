export * from './client.ts';
export { errorCode } from './frames.ts';
export type { Head } from './head.ts';
export type { Field } from './header-table.ts';
export { FixedFields } from './hpack-encoder.ts';
export { serveHandler } from './handler.ts';
export * from './server.ts';
export { Http2Stream, type Headers, type StreamHandler } from './stream.ts';
