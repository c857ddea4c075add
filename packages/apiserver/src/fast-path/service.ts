import { fastPathCodecs, fastPathMethods, maxFastPathItems, requestBefore, requestOf, type FastPathAnswer, type FastPathItem } from '@coxswain/client/fast-path';
import { GrpcCutter, grpcContentType, grpcMessage } from '@coxswain/etcd-lite/wire';
import { BodyTooLarge, emptyBytes, header, readAll, utf8, type HttpHandler, type HttpRequest, type HttpResponse } from '@coxswain/host';
import type { UserInfo } from '../types.ts';
import { bodyOf, Call, grpcBody, InnerRequest } from './inner.ts';
import { watchAll } from './watch.ts';

const maxMessageBytes = 16 * 1024 * 1024;
/** Of whom nobody knows: over REST nothing is read before it is known who asks. */
const maxStrangersBytes = 64 * 1024;
const grpcStatus = { invalidArgument: 3, unimplemented: 12, resourceExhausted: 8 } as const;

export function isFastPath(request: HttpRequest): boolean {
  return header(request.headers, 'content-type')?.startsWith(grpcContentType) === true;
}

function refused(code: number, message: string): HttpResponse {
  return { status: 200, headers: { 'content-type': grpcContentType, 'grpc-status': String(code), 'grpc-message': encodeURIComponent(message) } };
}

const unknownItem: FastPathAnswer = { code: 400, body: utf8('{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the item has none of bind, status, event, lease and delete","reason":"BadRequest","code":400}\n') };

/** Through all of the server's stages, as if it had come by itself; only the store may take it together with others. */
async function answerItem(handle: HttpHandler, call: Call, item: FastPathItem, refusalsOnly: boolean): Promise<FastPathAnswer> {
  const request = requestOf(item);
  if (request === undefined) return unknownItem;
  const before = requestBefore(item);
  const first = before === undefined ? undefined : await handle(new InnerRequest(call, before, { isUnread: true }));
  if (first !== undefined && first.status >= 300) return { code: first.status, body: await bodyOf(first.body) };
  // A gang is bound whole or not at all, whatever becomes of its scheduler meanwhile.
  const { status: code, body } = await handle(new InnerRequest(call, request, { outlivesCall: item.bind !== undefined, isUnread: refusalsOnly }));
  return { code, body: refusalsOnly && code < 300 ? emptyBytes : await bodyOf(body) };
}

async function write(handle: HttpHandler, call: Call, message: Uint8Array): Promise<HttpResponse> {
  const { items, refusalsOnly = false } = fastPathCodecs.writeRequest.decode(message);
  if (items.length > maxFastPathItems) return refused(grpcStatus.resourceExhausted, `a Write has ${maxFastPathItems} items at most`);
  const answers = await Promise.all(items.map((item) => answerItem(handle, call, item, refusalsOnly)));
  return grpcBody(grpcMessage(fastPathCodecs.writeResponse, { answers }));
}

/** coxswain.fastpath.v1.FastPath in front of the server whose requests it makes. `identify`: somebody with credentials; what they may do each item finds out. */
export function fastPath(handle: HttpHandler, identify: (call: HttpRequest) => Promise<UserInfo | undefined>): HttpHandler {
  const methods: Readonly<Record<string, (call: Call, message: Uint8Array) => Promise<HttpResponse>>> = {
    [fastPathMethods.write]: (call, message) => write(handle, call, message),
    [fastPathMethods.watch]: (call, message) => watchAll(handle, call, message),
  };
  return async (http) => {
    const method = Object.hasOwn(methods, http.target) ? methods[http.target] : undefined;
    if (method === undefined || http.method !== 'POST') return refused(grpcStatus.unimplemented, `unknown method ${http.target}`);
    const cutter = new GrpcCutter(maxMessageBytes);
    try {
      const user = await identify(http);
      cutter.push(await readAll(http.body, user === undefined ? maxStrangersBytes : maxMessageBytes));
      const message = cutter.next();
      return message === undefined ? refused(grpcStatus.invalidArgument, 'the request has no message') : await method(new Call(http, user), message);
    } catch (error) {
      if (error instanceof BodyTooLarge || error instanceof RangeError) return refused(grpcStatus.resourceExhausted, error.message);
      return refused(grpcStatus.invalidArgument, error instanceof Error ? error.message : String(error));
    }
  };
}
