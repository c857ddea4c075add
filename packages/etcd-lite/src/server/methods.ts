import { header, type HeaderMap, type Peer } from '@coxswain/host';
import type { Codec } from '../wire/codec.ts';

/** Who calls. The gateway must leave out `peer.certificate`: its connection's certificate is nobody's login (as with etcd). */
export interface CallContext {
  /** As sent with the call; nothing is known of it yet. */
  readonly token?: string;
  readonly peer: Peer;
}

/** A call with one request and one answer. */
export interface UnaryMethod {
  readonly kind: 'unary';
  handle(request: Uint8Array, call: CallContext): Promise<Uint8Array>;
}

export interface StreamContext extends CallContext {
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

export function unary<Q extends object, R extends object>(request: Codec<Q>, response: Codec<R>, handle: (request: Q, call: CallContext) => Promise<R>): UnaryMethod {
  return { kind: 'unary', handle: async (data, call) => response.encode(await handle(request.decode(data), call)) };
}

/** `token` is what gRPC clients send, `authorization` what comes over HTTP. */
export function callContext(headers: HeaderMap, peer: Peer): CallContext {
  const token = header(headers, 'token') ?? header(headers, 'authorization');
  return token === undefined ? { peer } : { token, peer };
}
