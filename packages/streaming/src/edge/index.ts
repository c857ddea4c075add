export * from './spdy-codec.ts';
