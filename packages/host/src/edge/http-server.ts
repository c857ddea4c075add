import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import type { Duplex, Writable } from 'node:stream';
import * as tls from 'node:tls';
import type { Logger } from '../log.ts';
import type { ByteSource, ChannelServer, HeaderMap, HttpHandler, HttpRequest, HttpResponse, Listener, Peer, PeerCertificate, ServeOptions, ServerTls } from '../network.ts';
import { NetworkError } from '../network.ts';
import { readableSource, socketChannel, socketStream, writeChunk } from './byte-stream.ts';
import { toNetworkError } from './network-errors.ts';

/** Window and memory sizes: a list of 33 MB should not wait for round trips; many watches share a session. */
/** As Go's server takes them. */
const maxHeaderBytes = 1024 * 1024;

const http2Settings: http2.Settings = { maxConcurrentStreams: 2000, initialWindowSize: 1024 * 1024, enablePush: false };

function subjectValues(value: string | string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** `DNS:a, IP Address:10.0.0.1` without the kinds; others than these two are left out. */
function alternativeNames(text: string | undefined): readonly string[] {
  return (text ?? '').split(', ').flatMap((part) => /^(?:DNS|IP Address):"?([^"]*)"?$/.exec(part)?.[1] ?? []);
}

function fingerprintOf(certificate: tls.PeerCertificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** The root is its own issuer. */
function issuersOf(certificate: tls.DetailedPeerCertificate): string[] {
  const found: string[] = [];
  let at: tls.DetailedPeerCertificate | undefined = certificate.issuerCertificate;
  while (at !== undefined && !found.includes(fingerprintOf(at))) {
    found.push(fingerprintOf(at));
    at = at.issuerCertificate;
  }
  return found;
}

function peerCertificate(socket: tls.TLSSocket): PeerCertificate | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate(true);
  if (certificate === null || Object.keys(certificate).length === 0) return undefined;
  const subject = certificate.subject as unknown as Record<string, string | string[] | undefined>;
  return {
    commonName: subjectValues(subject['CN'])[0] ?? '',
    organizations: subjectValues(subject['O']),
    fingerprint: fingerprintOf(certificate),
    issuerFingerprints: issuersOf(certificate),
    notAfterMs: Date.parse(certificate.valid_to),
    serialNumber: certificate.serialNumber,
    subjectAltNames: alternativeNames(certificate.subjectaltname),
  };
}

function endpointOf(socket: net.Socket): string {
  return `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
}

function peerOf(socket: net.Socket): Peer {
  const address = endpointOf(socket);
  const certificate = socket instanceof tls.TLSSocket ? peerCertificate(socket) : undefined;
  return certificate === undefined ? { address } : { address, certificate };
}

/** `raw`: names and values in turn, as they came. Node joins what was sent several times; a value may itself contain a comma. */
function plainHeaders(headers: http.IncomingHttpHeaders | http2.IncomingHttpHeaders, raw: readonly string[]): HeaderMap {
  const out: Record<string, string | readonly string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !name.startsWith(':')) out[name] = typeof value === 'string' && value.includes(', ') ? sentValues(name, value, raw) : value as string | string[];
  }
  return out;
}

function sentValues(name: string, joined: string, raw: readonly string[]): string | readonly string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) if (raw[i]?.toLowerCase() === name) values.push(raw[i + 1] as string);
  return values.length > 1 && values.join(', ') === joined ? values : joined;
}

async function answer(handler: HttpHandler, request: HttpRequest, log: Logger): Promise<HttpResponse> {
  try {
    return await handler(request);
  } catch (error) {
    log.error('request handler failed', { method: request.method, target: request.target, error: String((error as Error).stack ?? error) });
    return { status: 500, headers: { 'content-type': 'text/plain' }, body: new TextEncoder().encode('internal error\n') };
  }
}

/** Sends a body. Iteration stops (and the source's `return` runs) as soon as the client is gone. */
async function sendBody(writable: Writable, body: Uint8Array | ByteSource | undefined): Promise<void> {
  if (body === undefined) { writable.end(); return; }
  if (body instanceof Uint8Array) { writable.end(body); return; }
  for await (const chunk of body) await writeChunk(writable, chunk);
  writable.end();
}

class HttpServer {
  readonly #handler: HttpHandler;
  readonly #log: Logger;
  readonly #http1: http.Server;
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  readonly #sockets = new Set<net.Socket>();
  /** Connections that have not said yet what they speak, by the other side's address and port. */
  readonly #handshaking = new Map<string, net.Socket>();
  readonly #server: net.Server;
  readonly #http2: ChannelServer | undefined;
  #closing = false;
  #named: (name: string) => tls.SecureContext | undefined = () => undefined;

  constructor(options: ServeOptions, handler: HttpHandler, log: Logger) {
    this.#handler = handler;
    this.#log = log;
    this.#http2 = options.http2;
    this.#http1 = http.createServer({ keepAliveTimeout: 120_000, requestTimeout: 0, headersTimeout: 60_000, maxHeaderSize: maxHeaderBytes });
    this.#http1.on('request', (request, response) => { this.#onRequest(request, response, false).catch((error: unknown) => { this.#broke(response, error); }); });
    this.#http1.on('upgrade', (request, socket, head) => { this.#onUpgrade(request, socket, head).catch((error: unknown) => { this.#broke(socket, error); }); });
    this.#http1.on('clientError', (error, socket) => { if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'); else socket.destroy(error); });
    // It is handed connections and never listens itself; without this it would neither time out slow heads nor know its idle connections.
    this.#http1.emit('listening');
    this.#server = options.tls === undefined ? this.#plainServer() : this.#tlsServer(options.tls, options.http1Only === true ? ['http/1.1'] : ['h2', 'http/1.1']);
    this.#server.on('connection', (socket: net.Socket) => {
      const peer = endpointOf(socket);
      this.#sockets.add(socket);
      this.#handshaking.set(peer, socket);
      socket.setNoDelay(true);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        if (this.#handshaking.get(peer) === socket) this.#handshaking.delete(peer);
      });
    });
  }

  /** One connection's trouble is not the process's. */
  #broke(connection: { destroy(): unknown }, error: unknown): void {
    this.#log.error('a connection was given up', { error: String((error as Error).stack ?? error) });
    connection.destroy();
  }

  #tlsServer(options: ServerTls, protocols: string[]): tls.Server {
    this.#named = namedContexts(options);
    const server = tls.createServer({ ...tlsOptions(options), ALPNProtocols: protocols, allowHalfOpen: true, SNICallback: (name, done) => done(null, this.#named(name)) });
    server.on('secureConnection', (socket) => {
      this.#handshaking.delete(endpointOf(socket));
      socket.on('error', () => { socket.destroy(); });
      if (socket.alpnProtocol === 'h2') this.#onHttp2(socket);
      else this.#http1.emit('connection', socket);
    });
    server.on('tlsClientError', (error, socket) => {
      this.#log.debug('tls handshake failed', { peer: socket.remoteAddress, error: error.message });
      socket.destroy();
    });
    return server;
  }

  /** HTTP/2 with prior knowledge is told apart by its preface. */
  #plainServer(): net.Server {
    return net.createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => {
      socket.on('error', () => { socket.destroy(); });
      socket.once('readable', () => {
        this.#handshaking.delete(endpointOf(socket));
        const first = socket.read() as Buffer | null;
        if (first === null) { socket.destroy(); return; }
        socket.unshift(first);
        if (first.subarray(0, 3).toString('latin1') === 'PRI') this.#onHttp2(socket);
        else this.#http1.emit('connection', socket);
      });
    });
  }

  #onHttp2(socket: net.Socket): void {
    if (this.#http2 !== undefined) {
      this.#http2.accept(socketChannel(socket, peerOf(socket)));
      return;
    }
    const session = http2.performServerHandshake(socket, { settings: http2Settings, maxSessionMemory: 1000, peerMaxConcurrentStreams: 2000 });
    session.setLocalWindowSize(16 * 1024 * 1024);
    const peer = peerOf(socket);
    this.#sessions.add(session);
    session.on('close', () => this.#sessions.delete(session));
    session.on('error', (error) => { this.#log.debug('http2 session failed', { error: error.message }); });
    session.on('stream', (stream, headers, _flags, raw) => { this.#onStream(stream, headers, raw, peer).catch((error: unknown) => { this.#broke(stream, error); }); });
  }

  async #onStream(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, raw: readonly string[], peer: Peer): Promise<void> {
    const abort = new AbortController();
    stream.on('error', (error) => { this.#log.debug('http2 stream failed', { error: error.message }); });
    stream.on('close', () => abort.abort());
    const plain = plainHeaders(headers, raw);
    const request: HttpRequest = {
      method: String(headers[':method'] ?? 'GET'), target: String(headers[':path'] ?? '/'),
      headers: plain['host'] === undefined ? { ...plain, host: String(headers[':authority'] ?? '') } : plain,
      body: readableSource(stream, () => undefined), peer, httpVersion: '2', signal: abort.signal, upgradeRequested: false,
    };
    const response = await answer(this.#handler, request, this.#log);
    if (stream.destroyed || stream.closed) { await stopBody(response); return; }
    const trailers = response.trailers;
    try {
      stream.respond({ ...(response.headers as http2.OutgoingHttpHeaders), ':status': response.status }, { waitForTrailers: trailers !== undefined, endStream: false });
    } catch (error) {
      await this.#refuse(request, response, error);
      stream.respond({ ':status': 500 }, { endStream: true });
      return;
    }
    if (trailers !== undefined) stream.on('wantTrailers', () => { stream.sendTrailers(trailers() as http2.OutgoingHttpHeaders); });
    await sendBody(stream, response.body).catch((error: unknown) => {
      this.#log.debug('response broke off', { target: request.target, error: toNetworkError(error).message });
      stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    });
  }

  #http1Request(message: http.IncomingMessage, signal: AbortSignal, upgradeRequested: boolean): HttpRequest {
    return {
      method: message.method ?? 'GET', target: message.url ?? '/', headers: plainHeaders(message.headers, message.rawHeaders),
      body: readableSource(message, () => undefined), peer: peerOf(message.socket), httpVersion: '1.1', signal, upgradeRequested,
    };
  }

  async #onRequest(message: http.IncomingMessage, response: http.ServerResponse, upgradeRequested: boolean): Promise<void> {
    const abort = new AbortController();
    response.on('close', () => abort.abort());
    response.on('error', (error) => { this.#log.debug('response failed', { error: error.message }); });
    const request = this.#http1Request(message, abort.signal, upgradeRequested);
    const result = await answer(this.#handler, request, this.#log);
    await this.#sendHttp1(request, response, result);
  }

  async #sendHttp1(request: HttpRequest, response: http.ServerResponse, result: HttpResponse): Promise<void> {
    if (response.destroyed) { await stopBody(result); return; }
    if (this.#closing) response.setHeader('connection', 'close');
    try {
      response.writeHead(result.status, result.headers as http.OutgoingHttpHeaders);
    } catch (error) {
      await this.#refuse(request, result, error);
      response.writeHead(500).end();
      return;
    }
    if (!(result.body instanceof Uint8Array)) response.flushHeaders();
    await sendBody(response, result.body).catch((error: unknown) => {
      this.#log.debug('response broke off', { target: request.target, error: toNetworkError(error).message });
      response.destroy();
    });
  }

  /** Headers may come from a client's request or from a server behind us: what no wire carries must end nothing but its request. */
  async #refuse(request: HttpRequest, response: HttpResponse, error: unknown): Promise<void> {
    this.#log.error('a response cannot be sent', { method: request.method, target: request.target, status: response.status, error: (error as Error).message });
    await stopBody(response);
  }

  async #onUpgrade(message: http.IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const raw = socket as net.Socket;
    const abort = new AbortController();
    raw.on('close', () => abort.abort());
    raw.on('error', () => { raw.destroy(); });
    const request = this.#http1Request(message, abort.signal, true);
    const result = await answer(this.#handler, request, this.#log);
    if (result.status === 101 && result.upgrade !== undefined) {
      raw.write(headText(result));
      result.upgrade({ ...socketStream(raw, head), peer: request.peer });
      return;
    }
    const response = new http.ServerResponse(message);
    response.assignSocket(raw);
    response.setHeader('connection', 'close');
    response.on('finish', () => { raw.end(); });
    await this.#sendHttp1(request, response, result);
  }

  listen(options: ServeOptions): Promise<Listener> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => reject(toNetworkError(error)));
      this.#server.listen({ host: options.address, port: options.port, backlog: 1024, reusePort: options.reusePort ?? false }, () => {
        const bound = this.#server.address() as net.AddressInfo;
        resolve({
          address: bound.address, port: bound.port,
          updateTls: (next) => {
            if (!(this.#server instanceof tls.Server)) return;
            this.#server.setSecureContext(tlsOptions(next));
            this.#named = namedContexts(next);
          },
          close: (graceMs = 0) => this.#close(graceMs),
        });
      });
    });
  }

  #close(graceMs: number): Promise<void> {
    this.#closing = true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => { for (const socket of this.#sockets) socket.destroy(); }, graceMs);
      this.#server.close(() => { clearTimeout(timer); resolve(); });
      for (const session of this.#sessions) session.close();
      this.#http2?.shutdown();
      for (const socket of this.#handshaking.values()) socket.destroy();
      // Ends idle connections and its own clock; that it does not listen is no news.
      this.#http1.close();
    });
  }
}

function headText(result: HttpResponse): string {
  const lines = ['HTTP/1.1 101 Switching Protocols'];
  for (const [name, value] of Object.entries(result.headers)) {
    for (const single of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${single}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A streaming body that nobody will read must still be told, or its producer leaks. */
async function stopBody(response: HttpResponse): Promise<void> {
  if (response.body !== undefined && !(response.body instanceof Uint8Array)) await response.body[Symbol.asyncIterator]().return?.();
}

function fits(pattern: string, name: string): boolean {
  return pattern === name || (pattern.startsWith('*.') && name.split('.').slice(1).join('.') === pattern.slice(2));
}

/** undefined: the server's own certificate. */
function namedContexts(options: ServerTls): (name: string) => tls.SecureContext | undefined {
  const contexts = (options.byServerName ?? []).map(({ names, certPem, keyPem }) => ({ names, context: tls.createSecureContext(tlsOptions({ ...options, certPem, keyPem })) }));
  return (name) => contexts.find((one) => one.names.some((pattern) => fits(pattern.toLowerCase(), name.toLowerCase())))?.context;
}

function tlsOptions(options: ServerTls): tls.SecureContextOptions & tls.TlsOptions {
  const mode = options.clientCertificate ?? 'none';
  return {
    cert: options.certPem, key: options.keyPem, minVersion: options.minVersion ?? 'TLSv1.2',
    ...(options.maxVersion === undefined ? {} : { maxVersion: options.maxVersion }),
    ...(options.ciphers === undefined ? {} : { ciphers: options.ciphers }),
    ...(options.clientCaPem === undefined ? {} : { ca: options.clientCaPem }),
    requestCert: mode !== 'none', rejectUnauthorized: mode === 'require',
  };
}

export function serveHttp(options: ServeOptions, handler: HttpHandler, log: Logger): Promise<Listener> {
  if (options.tls?.clientCertificate === 'require' && options.tls.clientCaPem === undefined) {
    return Promise.reject(new NetworkError('tls', 'client certificates are required but there is no client CA'));
  }
  return new HttpServer(options, handler, log).listen(options);
}
