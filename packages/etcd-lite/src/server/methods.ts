import { header, type HeaderMap, type HttpRequest, type Peer } from '@coxswain/host';
import { EtcdError, grpcCode } from '../client/errors.ts';
import type { Codec } from '../wire/codec.ts';
import { grpcFrame } from '../wire/grpc.ts';

/** Who calls. The gateway must leave out `peer.certificate`: its connection's certificate is nobody's login (as with etcd). */
export interface CallContext {
  /** As sent with the call; nothing is known of it yet. */
  readonly token?: string;
  readonly peer: Peer;
  /** Aborts when the client has gone: a call that waits for something ends then. */
  readonly signal?: AbortSignal;
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

export function unary<Q extends object, R extends object>(request: Codec<Q>, response: Codec<R>, handle: (request: Q, call: CallContext, data: Uint8Array) => Promise<R>): UnaryMethod {
  return { kind: 'unary', handle: async (data, call) => response.encode(await handle(request.decode(data), call, data)) };
}

/** `token` is what gRPC clients send, `authorization` what comes over HTTP. */
export function tokenOf(headers: HeaderMap): string | undefined {
  return header(headers, 'token') ?? header(headers, 'authorization');
}

export function callContext({ headers, peer, signal }: Pick<HttpRequest, 'headers' | 'peer' | 'signal'>): CallContext {
  const token = tokenOf(headers);
  return token === undefined ? { peer, signal } : { token, peer, signal };
}

/** A call with one request and a stream of answers: `handle` yields them without frames. */
export function serverStream<Q extends object>(request: Codec<Q>, handle: (request: Q, context: StreamContext) => AsyncIterable<Uint8Array>): StreamMethod {
  return {
    kind: 'stream',
    async *handle(context) {
      const first = await context.requests[Symbol.asyncIterator]().next();
      if (first.done === true) throw new EtcdError(grpcCode.internal, 'grpc: the request has no message');
      for await (const message of handle(request.decode(first.value), context)) yield grpcFrame(message);
    },
  };
}
