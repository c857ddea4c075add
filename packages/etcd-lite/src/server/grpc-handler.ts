import { header, utf8, type HttpRequest, type HttpResponse, type Logger } from '@coxswain/host';
import { EtcdError, etcdError, grpcCode } from '../client/errors.ts';
import { ByteReader } from '../wire/frames.ts';
import { grpcContentType, grpcFrame, grpcTrailers, readGrpcFrame } from '../wire/grpc.ts';
import { MalformedMessage } from '../wire/reader.ts';
import { callContext, type Method, type StreamMethod, type UnaryMethod } from './methods.ts';

export interface GrpcOptions {
  readonly methods: Readonly<Record<string, Method>>;
  readonly maxMessageBytes: number;
  readonly log: Logger;
  hasLeader(): boolean;
  /** Called with what ends a stream early because its client asked for a leader; returns how to forget it. */
  onLeaderLost(end: (error: EtcdError) => void): () => void;
}

export function isGrpc(request: HttpRequest): boolean {
  return header(request.headers, 'content-type')?.startsWith(grpcContentType) === true;
}

function failed(error: EtcdError): HttpResponse {
  return { status: 200, headers: { 'content-type': grpcContentType }, body: new Uint8Array(0), trailers: () => grpcTrailers(error) };
}

function toEtcdError(error: unknown, log: Logger, target: string): EtcdError {
  if (error instanceof EtcdError) return error;
  if (error instanceof MalformedMessage) return new EtcdError(grpcCode.internal, `grpc: error while unmarshaling request: ${error.message}`);
  log.error('a call failed', { target, error: (error as Error).stack ?? String(error) });
  return new EtcdError(grpcCode.unknown, 'internal error');
}

/** One gRPC call over an HTTP request. Never rejects. */
export async function answerGrpc(options: GrpcOptions, request: HttpRequest): Promise<HttpResponse> {
  const method = Object.hasOwn(options.methods, request.target) ? options.methods[request.target] : undefined;
  if (request.method !== 'POST') return { status: 405, headers: { 'content-type': 'text/plain' }, body: utf8('gRPC wants POST\n') };
  if (method === undefined) return failed(new EtcdError(grpcCode.unimplemented, `unknown method ${request.target}`));
  const wantsLeader = header(request.headers, 'hasleader') === 'true';
  if (wantsLeader && !options.hasLeader()) return failed(etcdError('noLeader'));
  return method.kind === 'unary' ? answerUnary(options, method, request) : answerStream(options, method, request, wantsLeader);
}

async function answerUnary(options: GrpcOptions, method: UnaryMethod, request: HttpRequest): Promise<HttpResponse> {
  try {
    const message = await readGrpcFrame(new ByteReader(request.body), options.maxMessageBytes);
    if (message === undefined) return failed(new EtcdError(grpcCode.internal, 'grpc: the request has no message'));
    const answer = await method.handle(message, callContext(request));
    return { status: 200, headers: { 'content-type': grpcContentType }, body: grpcFrame(answer), trailers: () => grpcTrailers(undefined) };
  } catch (error) {
    return failed(toEtcdError(error, options.log, request.target));
  }
}

function answerStream(options: GrpcOptions, method: StreamMethod, request: HttpRequest, wantsLeader: boolean): HttpResponse {
  let outcome: EtcdError | undefined;
  const abort = new AbortController();
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    const goAway = (): void => { abort.abort(); };
    request.signal.addEventListener('abort', goAway);
    if (request.signal.aborted) goAway();
    const forget = wantsLeader ? options.onLeaderLost((error) => { outcome = error; goAway(); }) : undefined;
    try {
      yield* method.handle({ ...callContext(request), requests: messagesOf(options, request), signal: abort.signal });
    } catch (error) {
      if (!request.signal.aborted) outcome ??= toEtcdError(error, options.log, request.target);
    } finally {
      forget?.();
      request.signal.removeEventListener('abort', goAway);
    }
  }
  return { status: 200, headers: { 'content-type': grpcContentType }, body: body(), trailers: () => grpcTrailers(outcome) };
}

async function* messagesOf(options: GrpcOptions, request: HttpRequest): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(request.body);
  for (;;) {
    const message = await readGrpcFrame(reader, options.maxMessageBytes);
    if (message === undefined) return;
    yield message;
  }
}
