import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { emptyBytes } from '../bytes.ts';
import { NetworkError, type ByteChannel, type ByteSource, type ClientTls, type ConnectOptions, type HeaderMap, type IncomingResponse, type OutgoingRequest } from '../network.ts';
import { BriefReads, readableSource, socketChannel, socketStream, writeChunk } from './byte-stream.ts';
import { toNetworkError } from './network-errors.ts';
import { Pool, type PoolLimits } from './pool.ts';

/** A connection that answers no ping for this long is taken for dead. */
const pingIntervalMs = 15_000;
const pingTimeoutMs = 15_000;
/** A machine that is off refuses nothing: the system alone would try for two minutes. */
const connectTimeoutMs = 10_000;

function plainHeaders(headers: http.IncomingHttpHeaders): HeaderMap {
  const out: Record<string, string | readonly string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !name.startsWith(':')) out[name] = value;
  }
  return out;
}

function tlsConnectOptions(identity: ClientTls | undefined, host: string, port: number): tls.ConnectionOptions {
  const serverName = identity?.serverName ?? host;
  return {
    host, port,
    // A connection with a check of its own is not kept for the next request; the name that is asked for is also the one that is verified.
    ...(net.isIP(serverName) === 0 ? { servername: serverName } : serverName === host ? {} : { checkServerIdentity: (_host: string, certificate: tls.PeerCertificate) => tls.checkServerIdentity(serverName, certificate) }),
    ...(identity?.caPem === undefined ? {} : { ca: identity.caPem }),
    ...(identity?.certPem === undefined ? {} : { cert: identity.certPem }),
    ...(identity?.keyPem === undefined ? {} : { key: identity.keyPem }),
    rejectUnauthorized: identity?.insecureSkipVerify !== true,
  };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function connectTls(identity: ClientTls | undefined, url: URL, protocols: string[]): Promise<tls.TLSSocket> {
  return connected(tls.connect({ ...tlsConnectOptions(identity, hostOf(url), Number(url.port === '' ? 443 : url.port)), ALPNProtocols: protocols }), 'secureConnect');
}

function connected<S extends net.Socket>(socket: S, event: 'connect' | 'secureConnect'): Promise<S> {
  return new Promise((resolve, reject) => {
    socket.setNoDelay(true);
    const deadline = connectDeadline(socket);
    socket.once('error', (error) => { clearTimeout(deadline); reject(toNetworkError(error)); });
    socket.once(event, () => { clearTimeout(deadline); resolve(socket); });
  });
}

/** A connection for a protocol that frames by itself. */
export async function connectChannel({ address, port, tls: identity, alpn, signal, briefReads = false }: ConnectOptions): Promise<ByteChannel> {
  throwIfAborted(signal);
  const reads = briefReads ? new BriefReads() : undefined;
  const onread = reads === undefined ? {} : { onread: reads };
  const secure = identity === undefined ? undefined : tls.connect({ ...tlsConnectOptions(identity, address, port), ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }), ...onread });
  const socket = secure ?? net.connect({ host: address, port, allowHalfOpen: true, ...onread });
  const onAbort = (): void => { socket.destroy(new NetworkError('aborted', 'the connection was aborted')); };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await connected(socket, secure === undefined ? 'connect' : 'secureConnect');
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  if (secure !== undefined && alpn !== undefined && secure.alpnProtocol === false) {
    socket.destroy();
    throw new NetworkError('protocol', `the server speaks none of ${alpn.join(', ')}`);
  }
  return socketChannel(socket, { address: `${socket.remoteAddress ?? address}:${socket.remotePort ?? port}` }, reads);
}

function connectDeadline(connection: { destroy(error: Error): unknown }): NodeJS.Timeout {
  return setTimeout(() => { connection.destroy(new NetworkError('unreachable', `no connection within ${connectTimeoutMs} ms`)); }, connectTimeoutMs);
}

type Connection = { readonly kind: 'h2'; readonly session: http2.ClientHttp2Session } | { readonly kind: 'h1' };

/** All connections of one (origin, identity). */
class Origin {
  readonly #url: URL;
  readonly #identity: ClientTls | undefined;
  #h2: Promise<Connection> | undefined;
  #agent: http.Agent | undefined;

  constructor(url: URL, identity: ClientTls | undefined) {
    this.#url = url;
    this.#identity = identity;
  }

  agent(): http.Agent {
    const options = { keepAlive: true, maxSockets: 256, keepAliveMsecs: 30_000 };
    this.#agent ??= this.#url.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
    return this.#agent;
  }

  connection(): Promise<Connection> {
    if (this.#h2 === undefined) {
      const opening = this.#open();
      this.#h2 = opening;
      const forget = (): void => { if (this.#h2 === opening) this.#h2 = undefined; };
      opening.then((opened) => {
        if (opened.kind === 'h2') for (const event of ['close', 'goaway', 'error'] as const) opened.session.on(event, forget);
      }, forget);
    }
    return this.#h2;
  }

  async #open(): Promise<Connection> {
    if (this.#url.protocol === 'http:') return { kind: 'h2', session: await this.#session() };
    const socket = await connectTls(this.#identity, this.#url, ['h2', 'http/1.1']);
    if (socket.alpnProtocol === 'h2') return { kind: 'h2', session: await this.#session(socket) };
    socket.destroy();
    return { kind: 'h1' };
  }

  #session(socket?: tls.TLSSocket): Promise<http2.ClientHttp2Session> {
    return new Promise((resolve, reject) => {
      const session = http2.connect(this.#url.origin, {
        settings: { enablePush: false, initialWindowSize: 1024 * 1024 }, maxSessionMemory: 1000, peerMaxConcurrentStreams: 2000,
        ...(socket === undefined ? {} : { createConnection: () => socket }),
      });
      const deadline = connectDeadline(session);
      session.once('error', (error) => { clearTimeout(deadline); reject(toNetworkError(error)); });
      session.once('connect', () => {
        clearTimeout(deadline);
        session.setLocalWindowSize(16 * 1024 * 1024);
        keepAlive(session);
        resolve(session);
      });
    });
  }

  destroy(): void {
    this.#agent?.destroy();
    this.#h2?.then((opened) => { if (opened.kind === 'h2') opened.session.destroy(); }, () => undefined);
  }
}

function keepAlive(session: http2.ClientHttp2Session): void {
  const interval = setInterval(() => {
    const deadline = setTimeout(() => session.destroy(new NetworkError('timeout', 'the peer answers no ping')), pingTimeoutMs);
    const sent = session.ping((error: Error | null) => {
      clearTimeout(deadline);
      if (error !== null) session.destroy();
    });
    if (!sent) clearTimeout(deadline);
  }, pingIntervalMs);
  interval.unref();
  session.on('close', () => clearInterval(interval));
  session.on('error', () => { session.destroy(); });
}

/** Sends the body behind the head; a failure there surfaces through the response. */
function sendRequestBody(stream: http.ClientRequest | http2.ClientHttp2Stream, body: Uint8Array | ByteSource | undefined): void {
  if (body === undefined) { stream.end(); return; }
  if (body instanceof Uint8Array) { stream.end(body); return; }
  const pump = async (): Promise<void> => {
    for await (const chunk of body) await writeChunk(stream, chunk);
    stream.end();
  };
  pump().catch((error: unknown) => { stream.destroy(toNetworkError(error)); });
}

/** Upstream's time for idle connections. */
const defaultLimits: PoolLimits = { maxIdle: 256, idleMs: 90_000 };

export class HttpClient {
  readonly #origins: Pool<Origin>;
  /** An identity counts as itself, whatever it says. */
  readonly #identities = new WeakMap<ClientTls, number>();
  #identityCount = 0;

  constructor(limits: PoolLimits = defaultLimits) {
    this.#origins = new Pool(limits);
  }

  /** How many are remembered. */
  get origins(): number {
    return this.#origins.size;
  }

  #numberOf(identity: ClientTls | undefined): number {
    if (identity === undefined) return 0;
    let number = this.#identities.get(identity);
    if (number === undefined) {
      number = this.#identityCount += 1;
      this.#identities.set(identity, number);
    }
    return number;
  }

  async fetch(request: OutgoingRequest): Promise<IncomingResponse> {
    throwIfAborted(request.signal);
    const url = new URL(request.url);
    const { value: origin, release } = this.#origins.hold(`${url.origin} ${this.#numberOf(request.tls)}`, () => new Origin(url, request.tls));
    try {
      return await this.#send(request, url, origin, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** `release`: to be called when nothing comes any more. */
  async #send(request: OutgoingRequest, url: URL, origin: Origin, release: () => void): Promise<IncomingResponse> {
    if (request.upgrade === true) return this.#http1(request, url, origin, release);
    const version = request.httpVersion ?? (url.protocol === 'https:' ? '2' : '1.1');
    if (version === '1.1') return this.#http1(request, url, origin, release);
    const connection = await unlessAborted(origin.connection(), request.signal);
    return connection.kind === 'h1' ? this.#http1(request, url, origin, release) : this.#http2(request, url, connection.session, release);
  }

  #http1(request: OutgoingRequest, url: URL, origin: Origin, release: () => void): Promise<IncomingResponse> {
    const secure = url.protocol === 'https:';
    const options: https.RequestOptions = {
      ...(secure ? tlsConnectOptions(request.tls, hostOf(url), Number(url.port === '' ? 443 : url.port)) : { host: hostOf(url), port: Number(url.port === '' ? 80 : url.port) }),
      path: url.pathname + url.search, method: request.method,
      headers: { host: url.host, ...(request.upgrade === true ? { connection: 'Upgrade' } : {}), ...lengthHeader(request), ...(request.headers as http.OutgoingHttpHeaders | undefined) },
      agent: request.upgrade === true ? false : origin.agent(),
    };
    return new Promise((resolve, reject) => {
      const outgoing = secure ? https.request(options) : http.request(options);
      const onAbort = (): void => { outgoing.destroy(new NetworkError('aborted', 'the request was aborted')); };
      request.signal?.addEventListener('abort', onAbort, { once: true });
      const done = (): void => { request.signal?.removeEventListener('abort', onAbort); release(); };
      outgoing.on('error', (error) => { done(); reject(toNetworkError(error)); });
      outgoing.on('close', done);
      outgoing.on('response', (response) => resolve(http1Response(response)));
      outgoing.on('upgrade', (response, socket, head) => {
        // It has a connection of its own.
        release();
        resolve({ status: response.statusCode ?? 0, headers: plainHeaders(response.headers), body: noBody(), trailers: Promise.resolve({}), upgraded: socketStream(socket as net.Socket, head) });
      });
      outgoing.setNoDelay(true);
      sendRequestBody(outgoing, request.body);
    });
  }

  #http2(request: OutgoingRequest, url: URL, session: http2.ClientHttp2Session, release: () => void): Promise<IncomingResponse> {
    return new Promise((resolve, reject) => {
      const stream = open(session, request, url);
      const onAbort = (): void => { stream.close(http2.constants.NGHTTP2_CANCEL); stream.destroy(new NetworkError('aborted', 'the request was aborted')); };
      request.signal?.addEventListener('abort', onAbort, { once: true });
      let trailers: HeaderMap = {};
      const ended = Promise.withResolvers<HeaderMap>();
      stream.on('trailers', (headers) => { trailers = plainHeaders(headers); });
      stream.on('end', () => ended.resolve(trailers));
      stream.on('error', (error) => reject(toNetworkError(error)));
      stream.on('close', () => {
        request.signal?.removeEventListener('abort', onAbort);
        release();
        ended.resolve(trailers);
        reject(new NetworkError('reset', 'the connection closed before the response'));
      });
      stream.on('response', (headers) => resolve({
        status: Number(headers[':status'] ?? 0), headers: plainHeaders(headers),
        body: readableSource(stream, () => stream.close(http2.constants.NGHTTP2_CANCEL)), trailers: ended.promise,
      }));
      sendRequestBody(stream, request.body);
    });
  }
}

/** The session may have ended since it was chosen. */
function open(session: http2.ClientHttp2Session, request: OutgoingRequest, url: URL): http2.ClientHttp2Stream {
  try {
    return session.request({
      ':method': request.method, ':path': url.pathname + url.search, ...lengthHeader(request), ...(request.headers as http2.OutgoingHttpHeaders | undefined),
    }, { endStream: false });
  } catch (error) {
    throw toNetworkError(error);
  }
}

function http1Response(response: http.IncomingMessage): IncomingResponse {
  const ended = Promise.withResolvers<HeaderMap>();
  response.on('end', () => ended.resolve(response.trailers as HeaderMap));
  response.on('close', () => ended.resolve({}));
  return {
    status: response.statusCode ?? 0, headers: plainHeaders(response.headers),
    body: readableSource(response, () => response.destroy()), trailers: ended.promise,
  };
}

/** The connection is shared: it goes on being made for others. */
function unlessAborted(connecting: Promise<Connection>, signal: AbortSignal | undefined): Promise<Connection> {
  if (signal === undefined) return connecting;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => { reject(new NetworkError('aborted', 'the request was aborted')); };
    signal.addEventListener('abort', onAbort, { once: true });
    const done = (): void => { signal.removeEventListener('abort', onAbort); };
    connecting.then((connection) => { done(); resolve(connection); }, (error: unknown) => { done(); reject(error as Error); });
  });
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new NetworkError('aborted', 'the request was aborted');
}

async function* noBody(): AsyncGenerator<Uint8Array, void, undefined> {
  yield emptyBytes;
}

function lengthHeader(request: OutgoingRequest): Record<string, string> {
  if (request.body instanceof Uint8Array) return { 'content-length': String(request.body.length) };
  return request.body === undefined && /^(POST|PUT|PATCH)$/.test(request.method) ? { 'content-length': '0' } : {};
}
