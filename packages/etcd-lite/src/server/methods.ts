import type { Codec } from '../wire/codec.ts';

/** A call with one request and one answer. */
export interface UnaryMethod {
  readonly kind: 'unary';
  handle(request: Uint8Array): Promise<Uint8Array>;
}

export interface StreamContext {
  /** The requests as they come. */
  readonly requests: AsyncIterable<Uint8Array>;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

/** A call with streams both ways: yields framed answers, several at once where they come together. */
export interface StreamMethod {
  readonly kind: 'stream';
  handle(context: StreamContext): AsyncIterable<Uint8Array>;
}

export type Method = UnaryMethod | StreamMethod;

export function unary<Q extends object, R extends object>(request: Codec<Q>, response: Codec<R>, handle: (request: Q) => Promise<R>): UnaryMethod {
  return { kind: 'unary', handle: async (data) => response.encode(await handle(request.decode(data))) };
}
