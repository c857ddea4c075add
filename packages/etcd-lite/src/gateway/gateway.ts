import { BodyTooLarge, fromUtf8, header, readAll, utf8, type ByteSource, type HttpHandler, type HttpRequest, type HttpResponse, type Logger } from '@coxswain/host';
import etcd from '../../../../proto/etcd-v3.json' with { type: 'json' };
import { EtcdError, etcdError, grpcCode } from '../client/errors.ts';
import { callContext, type CallContext, type Method, type StreamMethod, type UnaryMethod } from '../server/methods.ts';
import { ByteReader } from '../wire/frames.ts';
import type { SchemaNode } from '../wire/codec.ts';
import { readGrpcFrame } from '../wire/grpc.ts';
import { MalformedMessage } from '../wire/reader.ts';
import { jsonDocuments } from './json-documents.ts';
import { JsonMessages, JsonMistake, parseJson } from './json-message.ts';
import { makeRoutes, type Route } from './routes.ts';

export interface GatewayOptions {
  readonly methods: Readonly<Record<string, Method>>;
  readonly maxMessageBytes: number;
  readonly log: Logger;
  hasLeader(): boolean;
}

/** As grpc-gateway answers gRPC's codes. */
const httpStatus: Readonly<Record<keyof typeof grpcCode, number>> = {
  ok: 200, cancelled: 499, unknown: 500, invalidArgument: 400, deadlineExceeded: 504, notFound: 404, alreadyExists: 409, permissionDenied: 403, resourceExhausted: 429,
  failedPrecondition: 400, aborted: 409, outOfRange: 400, unimplemented: 501, internal: 500, unavailable: 503, dataLoss: 500, unauthenticated: 401,
};
const statusByCode: ReadonlyMap<number, number> = new Map(Object.entries(grpcCode).map(([name, code]) => [code, httpStatus[name as keyof typeof grpcCode]]));
const jsonType = { 'content-type': 'application/json' };
const maxFrameBytes = 2 ** 31;

/** etcd's API as JSON over HTTP, `/v3/…`: the same methods that gRPC calls, behind grpc-gateway's paths and forms. */
export function makeGateway(options: GatewayOptions): HttpHandler {
  const messages = new JsonMessages(etcd as SchemaNode);
  const routes = makeRoutes(messages);
  return async (request) => {
    try {
      const route = routes.get((request.target.split('?')[0] as string).replace(/^\/v3beta\//, '/v3/'));
      if (route === undefined) return refusal(new EtcdError(grpcCode.notFound, 'Not Found'));
      if (request.method !== 'POST') return refusal(new EtcdError(grpcCode.unimplemented, 'Method Not Allowed'));
      const method = Object.hasOwn(options.methods, route.method) ? options.methods[route.method] : undefined;
      if (method === undefined) throw new EtcdError(grpcCode.unimplemented, `unknown method ${route.method}`);
      if (header(request.headers, 'grpc-metadata-hasleader') === 'true' && !options.hasLeader()) throw etcdError('noLeader');
      const call = callOf(request);
      return method.kind === 'unary' ? await answerUnary(options, messages, route, method, request, call) : await answerStream(options, messages, route, method, request, call);
    } catch (error) {
      return refusal(toEtcdError(error, options));
    }
  };
}

/** The connection's certificate is nobody's login here, as with etcd: only a token tells who calls. */
function callOf(request: HttpRequest): CallContext {
  const token = header(request.headers, 'grpc-metadata-token');
  return callContext({ headers: token === undefined ? request.headers : { token }, peer: { address: request.peer.address }, signal: request.signal });
}

function toEtcdError(error: unknown, { log, maxMessageBytes }: GatewayOptions): EtcdError {
  if (error instanceof EtcdError) return error;
  if (error instanceof JsonMistake) return new EtcdError(grpcCode.invalidArgument, error.message);
  if (error instanceof MalformedMessage) return new EtcdError(grpcCode.internal, error.message);
  if (error instanceof BodyTooLarge) return tooLarge(error.limitBytes, maxMessageBytes);
  log.error('a call of the gateway failed', { error: (error as Error).stack ?? String(error) });
  return new EtcdError(grpcCode.unknown, 'internal error');
}

function tooLarge(sizeBytes: number, maxBytes: number): EtcdError {
  return new EtcdError(grpcCode.resourceExhausted, `grpc: received message larger than max (${sizeBytes} vs. ${maxBytes})`);
}

/** `error` is what clients of etcd 3.5 look at, the others what those of 3.6 do. */
function refusal({ code, message }: EtcdError): HttpResponse {
  const headers = code === grpcCode.unauthenticated ? { ...jsonType, 'www-authenticate': message } : jsonType;
  return { status: statusByCode.get(code) ?? 500, headers, body: utf8(JSON.stringify({ error: message, code, message })) };
}

function encode(options: GatewayOptions, messages: JsonMessages, route: Route, text: string): Uint8Array {
  const data = messages.fromJson(route.request, parseJson(text));
  if (data.length > options.maxMessageBytes) throw tooLarge(data.length, options.maxMessageBytes);
  return data;
}

/** JSON is longer than the message: four characters stand for three bytes. */
function maxTextBytes(options: GatewayOptions): number {
  return options.maxMessageBytes * 2;
}

async function answerUnary(options: GatewayOptions, messages: JsonMessages, route: Route, method: UnaryMethod, request: HttpRequest, call: CallContext): Promise<HttpResponse> {
  const text = fromUtf8(await readAll(request.body, maxTextBytes(options)));
  const answer = await method.handle(encode(options, messages, route, text.trim() === '' ? '{}' : text), call);
  return { status: 200, headers: jsonType, body: utf8(JSON.stringify(messages.toJson(route.response, answer))) };
}

async function answerStream(options: GatewayOptions, messages: JsonMessages, route: Route, method: StreamMethod, request: HttpRequest, call: CallContext): Promise<HttpResponse> {
  async function* requests(): AsyncGenerator<Uint8Array, void, undefined> {
    let any = false;
    for await (const text of jsonDocuments(request.body, maxTextBytes(options))) {
      any = true;
      yield encode(options, messages, route, text);
    }
    if (!any) yield encode(options, messages, route, '{}');
  }
  const answers = framesOf(method.handle({ ...call, requests: requests(), signal: request.signal }));
  const lineOf = (data: Uint8Array): Uint8Array => utf8(`${JSON.stringify({ result: messages.toJson(route.response, data) })}\n`);
  // A call that fails at once has a status of its own.
  const first = await answers.next();
  if (first.done === true) return { status: 200, headers: jsonType };
  if (!route.streams) return { status: 200, headers: jsonType, body: utf8(JSON.stringify(messages.toJson(route.response, first.value))) };
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield lineOf(first.value as Uint8Array);
      for await (const data of answers) yield lineOf(data);
    } catch (error) {
      const { code, message } = toEtcdError(error, options);
      yield utf8(`${JSON.stringify({ error: { code, message } })}\n`);
    }
  }
  return { status: 200, headers: jsonType, body: body() };
}

async function* framesOf(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    const reader = new ByteReader({ [Symbol.asyncIterator]: () => iterator });
    for (let frame = await readGrpcFrame(reader, maxFrameBytes); frame !== undefined; frame = await readGrpcFrame(reader, maxFrameBytes)) yield frame;
  } finally {
    await iterator.return?.();
  }
}
