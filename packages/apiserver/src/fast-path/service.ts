import { fastPathCodecs, fastPathMethods, maxFastPathItems, requestOf, type FastPathAnswer, type FastPathItem } from '@coxswain/client/fast-path';
import { GrpcCutter, grpcContentType, grpcFrame } from '@coxswain/etcd-lite/wire';
import { BodyTooLarge, header, readAll, utf8, type HttpHandler, type HttpRequest, type HttpResponse } from '@coxswain/host';
import { bodyOf, grpcBody, innerRequest } from './inner.ts';
import { shareWrites } from './shared-writes.ts';
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

const unknownItem: FastPathAnswer = { code: 400, body: utf8('{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the item has none of bind, status, event and lease","reason":"BadRequest","code":400}\n') };

/** Through all of the server's stages, as if it had come by itself; only the store may take it together with others. */
async function answerItem(handle: HttpHandler, call: HttpRequest, item: FastPathItem): Promise<FastPathAnswer> {
  const request = requestOf(item);
  if (request === undefined) return unknownItem;
  const response = await handle(shareWrites(innerRequest(call, request)));
  return { code: response.status, body: await bodyOf(response.body) };
}

async function write(handle: HttpHandler, call: HttpRequest, message: Uint8Array): Promise<HttpResponse> {
  const { items } = fastPathCodecs.writeRequest.decode(message);
  if (items.length > maxFastPathItems) return refused(grpcStatus.resourceExhausted, `a Write has ${maxFastPathItems} items at most`);
  const answers = await Promise.all(items.map((item) => answerItem(handle, call, item)));
  return grpcBody(grpcFrame(fastPathCodecs.writeResponse.encode({ answers })));
}

/** coxswain.fastpath.v1.FastPath in front of the server whose requests it makes. `isKnown`: somebody with credentials; what they may do each item finds out. */
export function fastPath(handle: HttpHandler, isKnown: (call: HttpRequest) => Promise<boolean>): HttpHandler {
  const methods: Readonly<Record<string, (call: HttpRequest, message: Uint8Array) => Promise<HttpResponse>>> = {
    [fastPathMethods.write]: (call, message) => write(handle, call, message),
    [fastPathMethods.watch]: (call, message) => watchAll(handle, call, message),
  };
  return async (call) => {
    const method = Object.hasOwn(methods, call.target) ? methods[call.target] : undefined;
    if (method === undefined || call.method !== 'POST') return refused(grpcStatus.unimplemented, `unknown method ${call.target}`);
    const cutter = new GrpcCutter(maxMessageBytes);
    try {
      cutter.push(await readAll(call.body, (await isKnown(call)) ? maxMessageBytes : maxStrangersBytes));
      const message = cutter.next();
      return message === undefined ? refused(grpcStatus.invalidArgument, 'the request has no message') : await method(call, message);
    } catch (error) {
      if (error instanceof BodyTooLarge || error instanceof RangeError) return refused(grpcStatus.resourceExhausted, error.message);
      return refused(grpcStatus.invalidArgument, error instanceof Error ? error.message : String(error));
    }
  };
}
