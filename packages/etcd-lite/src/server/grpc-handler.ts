import { AsyncQueue, header, type HeaderMap, type Logger, type Peer } from '@coxswain/host';
import { errorCode, FixedFields, type Head, type Http2Stream, type StreamHandler } from '@coxswain/http2';
import { EtcdError, etcdError, grpcCode } from '../client/errors.ts';
import { GrpcCutter, grpcContentType, grpcFrame, grpcTrailers } from '../wire/grpc.ts';
import { MalformedMessage } from '../wire/reader.ts';
import { tokenOf, type CallContext, type Method, type StreamMethod, type UnaryMethod } from './methods.ts';

export interface GrpcOptions {
  readonly methods: Readonly<Record<string, Method>>;
  readonly maxMessageBytes: number;
  readonly log: Logger;
  hasLeader(): boolean;
  /** Called with what ends a stream early because its client asked for a leader; returns how to forget it. */
  onLeaderLost(end: (error: EtcdError) => void): () => void;
}

const okHead = new FixedFields([[':status', '200'], ['content-type', grpcContentType]]);
const okTrailers = new FixedFields([['grpc-status', '0']]);

export function isGrpc(headers: HeaderMap): boolean {
  return header(headers, 'content-type')?.startsWith(grpcContentType) === true;
}

function trailersOf(error: EtcdError): [string, string][] {
  return Object.entries(grpcTrailers(error)) as [string, string][];
}

/** A status without an answer: one block. */
function refuse(stream: Http2Stream, error: EtcdError): void {
  stream.headers([...okHead.fields, ...trailersOf(error)], true);
}

function toEtcdError(error: unknown, log: Logger, target: string): EtcdError {
  if (error instanceof EtcdError) return error;
  if (error instanceof MalformedMessage) return new EtcdError(grpcCode.internal, `grpc: error unmarshalling request: ${error.message}`);
  log.error('a call failed', { target, error: (error as Error).stack ?? String(error) });
  return new EtcdError(grpcCode.unknown, 'internal error');
}

/** In grpc-go's words. */
function unknownMethod({ methods }: GrpcOptions, path: string): EtcdError {
  const [, service, method] = /^\/(.*)\/([^/]*)$/.exec(path) ?? [];
  if (service === undefined || method === undefined) return new EtcdError(grpcCode.unimplemented, `malformed method name: ${JSON.stringify(path)}`);
  const known = Object.keys(methods).some((name) => name.startsWith(`/${service}/`));
  return new EtcdError(grpcCode.unimplemented, known ? `unknown method ${method} for service ${service}` : `unknown service ${service}`);
}

/** One gRPC call on a stream of HTTP/2. */
export function answerGrpc(options: GrpcOptions, stream: Http2Stream, head: Head, ended: boolean, peer: Peer): void {
  const method = Object.hasOwn(options.methods, head.path) ? options.methods[head.path] : undefined;
  if (head.method !== 'POST') {
    stream.headers([[':status', '405'], ['content-type', 'text/plain']], true);
    return;
  }
  if (method === undefined) {
    refuse(stream, unknownMethod(options, head.path));
    return;
  }
  const wantsLeader = header(head.headers, 'hasleader') === 'true';
  if (wantsLeader && !options.hasLeader()) {
    refuse(stream, etcdError('noLeader'));
    return;
  }
  const call = method.kind === 'unary' ? new UnaryCall(options, method, stream, head, peer) : new StreamCall(options, method, stream, head, peer);
  stream.handler = call;
  if (call instanceof StreamCall) call.start(wantsLeader);
  if (ended) call.trailers();
}

/** Who calls; the signal is made only for a call that asks for it. */
class Caller implements CallContext {
  readonly token?: string;
  readonly peer: Peer;
  #abort: AbortController | undefined;
  #gone = false;

  constructor(headers: HeaderMap, peer: Peer) {
    const token = tokenOf(headers);
    if (token !== undefined) this.token = token;
    this.peer = peer;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#gone) this.#abort.abort();
    return this.#abort.signal;
  }

  abort(): void {
    this.#gone = true;
    this.#abort?.abort();
  }
}

class UnaryCall implements StreamHandler {
  readonly #options: GrpcOptions;
  readonly #method: UnaryMethod;
  readonly #stream: Http2Stream;
  readonly #head: Head;
  readonly #caller: Caller;
  readonly #cutter: GrpcCutter;
  #started = false;

  constructor(options: GrpcOptions, method: UnaryMethod, stream: Http2Stream, head: Head, peer: Peer) {
    this.#options = options;
    this.#method = method;
    this.#stream = stream;
    this.#head = head;
    this.#caller = new Caller(head.headers, peer);
    this.#cutter = new GrpcCutter(options.maxMessageBytes);
  }

  head(): void {}

  data(data: Uint8Array, ended: boolean): void {
    if (this.#started) return;
    try {
      this.#cutter.push(data);
      const message = this.#cutter.next();
      if (message !== undefined) this.#start(message);
      // More than a window may be needed for one message.
      else this.#stream.credit(data.length);
    } catch (error) {
      this.#fail(error);
    }
    if (ended) this.trailers();
  }

  trailers(): void {
    if (!this.#started) this.#fail(new EtcdError(grpcCode.internal, 'grpc: the request has no message'));
  }

  #start(message: Uint8Array): void {
    this.#started = true;
    this.#method.handle(message, this.#caller).then((answer) => {
      const stream = this.#stream;
      stream.headers(okHead);
      stream.write(grpcFrame(answer));
      stream.trailers(okTrailers);
    }, (error: unknown) => { this.#fail(error); });
  }

  #fail(error: unknown): void {
    this.#started = true;
    refuse(this.#stream, toEtcdError(error, this.#options.log, this.#head.path));
  }

  /** What was begun goes on; nobody hears its outcome. */
  reset(): void {
    this.#started = true;
    this.#caller.abort();
  }

  drained(): void {}
}

class StreamCall implements StreamHandler {
  readonly #options: GrpcOptions;
  readonly #method: StreamMethod;
  readonly #stream: Http2Stream;
  readonly #head: Head;
  readonly #caller: Caller;
  readonly #cutter: GrpcCutter;
  readonly #requests = new AsyncQueue<{ readonly message: Uint8Array; readonly early: number }>();
  /** Of the message that is being gathered: what the client may already have sent again. */
  #early = 0;
  #drained: (() => void) | undefined;
  #outcome: EtcdError | undefined;

  constructor(options: GrpcOptions, method: StreamMethod, stream: Http2Stream, head: Head, peer: Peer) {
    this.#options = options;
    this.#method = method;
    this.#stream = stream;
    this.#head = head;
    this.#caller = new Caller(head.headers, peer);
    this.#cutter = new GrpcCutter(options.maxMessageBytes);
  }

  start(wantsLeader: boolean): void {
    const forget = wantsLeader ? this.#options.onLeaderLost((error) => {
      this.#outcome = error;
      this.#caller.abort();
    }) : undefined;
    void this.#run().finally(() => { forget?.(); });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const stream = this.#stream;
    stream.headers(okHead);
    const { token, peer, signal } = this.#caller;
    const context = { peer, requests: this.#consumed(), signal, ...(token === undefined ? {} : { token }) };
    try {
      for await (const data of this.#method.handle(context)) {
        if (!stream.write(data)) await new Promise<void>((resolve) => { this.#drained = resolve; });
        if (stream.closed) break;
      }
    } catch (error) {
      if (!stream.closed) this.#outcome ??= toEtcdError(error, this.#options.log, this.#head.path);
    }
    this.#requests.end();
    stream.trailers(this.#outcome === undefined ? okTrailers : trailersOf(this.#outcome));
  }

  async *#consumed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const { message, early } of this.#requests) {
      this.#stream.consumed(message.length + 5, early);
      yield message;
    }
  }

  head(): void {}

  data(data: Uint8Array, ended: boolean): void {
    try {
      this.#cutter.push(data);
      for (let message = this.#cutter.next(); message !== undefined; message = this.#cutter.next()) {
        this.#requests.push({ message, early: this.#early });
        this.#early = 0;
      }
      const more = Math.min(data.length, this.#cutter.sizeBytes);
      this.#early += more;
      if (more > 0) this.#stream.credit(more);
      if (ended) this.trailers();
    } catch (error) {
      this.#requests.fail(error as Error);
    }
  }

  trailers(): void {
    if (this.#cutter.sizeBytes > 0) this.#requests.fail(new EtcdError(grpcCode.internal, 'the stream ended within a frame'));
    else this.#requests.end();
  }

  reset(code: number): void {
    this.#requests.fail(new EtcdError(code === errorCode.cancel ? grpcCode.cancelled : grpcCode.unavailable, 'the client has gone'));
    this.#caller.abort();
    this.drained();
  }

  drained(): void {
    const resolve = this.#drained;
    this.#drained = undefined;
    resolve?.();
  }
}
