import { AsyncQueue } from '../async-queue.ts';
import { NetworkError, type ByteSource, type ByteStream, type HeaderMap, type HttpHandler, type HttpResponse, type IncomingResponse, type OutgoingRequest, type Peer, type PeerCertificate, type ServeOptions } from '../network.ts';
import { channelOver } from './channel.ts';
import type { End } from './wire.ts';

/** What travels over a simulated connection. */
export type WireMessage =
  | { readonly kind: 'request'; readonly method: string; readonly target: string; readonly headers: HeaderMap; readonly upgrade: boolean; readonly certificate: string | undefined }
  | { readonly kind: 'response'; readonly status: number; readonly headers: HeaderMap; readonly upgraded: boolean }
  | { readonly kind: 'chunk'; readonly data: Uint8Array }
  | { readonly kind: 'end'; readonly trailers: HeaderMap }
  | { readonly kind: 'cancel' }
  /** Raw bytes follow, for the listener's `http2`. */
  | { readonly kind: 'open'; readonly certificate: string | undefined };

export function sizeOfMessage(message: WireMessage): number {
  return message.kind === 'chunk' ? message.data.length : 0;
}

function copyOf(data: Uint8Array): Uint8Array {
  return data.slice();
}

function lowerCase(headers: HeaderMap | undefined): HeaderMap {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}

async function pump(end: End<WireMessage>, body: Uint8Array | ByteSource | undefined, trailers: () => HeaderMap): Promise<void> {
  if (body instanceof Uint8Array) { if (body.length > 0) end.send({ kind: 'chunk', data: copyOf(body) }); }
  else if (body !== undefined) {
    for await (const data of body) {
      end.send({ kind: 'chunk', data: copyOf(data) });
      await end.drained();
    }
  }
  end.send({ kind: 'end', trailers: trailers() });
}

/** Raw bytes both ways, after an upgrade or a dial. */
export function streamOver(end: End<WireMessage>, peer: Peer): ByteStream {
  const incoming = new AsyncQueue<Uint8Array>();
  let broken: NetworkError | undefined;
  end.onMessage((message) => {
    if (message.kind === 'chunk') incoming.push(message.data);
    else if (message.kind === 'end') incoming.end();
  });
  end.onBreak((error) => { broken = error; incoming.fail(error); });
  return {
    readable: incoming, peer,
    write: async (data) => {
      if (broken !== undefined) throw broken;
      end.send({ kind: 'chunk', data: copyOf(data) });
      await end.drained();
    },
    end: async () => { end.send({ kind: 'end', trailers: {} }); },
    destroy: () => { end.destroy(); incoming.end(); },
  };
}

export function sendRequest(end: End<WireMessage>, request: OutgoingRequest, peer: Peer): Promise<IncomingResponse> {
  const url = new URL(request.url);
  const body = new AsyncQueue<Uint8Array>(() => end.destroy());
  const trailers = Promise.withResolvers<HeaderMap>();
  const response = Promise.withResolvers<IncomingResponse>();
  const fail = (error: NetworkError): void => { body.fail(error); trailers.resolve({}); response.reject(error); };
  const onAbort = (): void => { end.send({ kind: 'cancel' }); end.destroy(); fail(new NetworkError('aborted', 'the request was aborted')); };
  request.signal?.addEventListener('abort', onAbort, { once: true });
  end.onBreak(fail);
  let halves = 0;
  const half = (): void => { halves += 1; if (halves === 2) end.complete(); };
  end.onMessage((message) => {
    if (message.kind === 'chunk') body.push(message.data);
    if (message.kind === 'end') { request.signal?.removeEventListener('abort', onAbort); trailers.resolve(message.trailers); body.end(); half(); }
    if (message.kind !== 'response') return;
    const head = { status: message.status, headers: message.headers };
    response.resolve(message.upgraded ? { ...head, body: new AsyncQueue<Uint8Array>(), trailers: Promise.resolve({}), upgraded: streamOver(end, peer) } : { ...head, body, trailers: trailers.promise });
  });
  const headers = lowerCase({ host: url.host, ...request.headers });
  end.send({ kind: 'request', method: request.method, target: url.pathname + url.search, headers, upgrade: request.upgrade === true, certificate: request.tls?.certPem });
  // A body that fails breaks the request, as a socket would.
  if (request.upgrade !== true) pump(end, request.body, () => ({})).then(half, () => { end.destroy(); fail(new NetworkError('reset', 'the request body failed')); });
  return response.promise;
}

function peerOf(options: ServeOptions, address: string, certificate: string | undefined): Peer | undefined {
  const mode = options.tls?.clientCertificate ?? 'none';
  if (mode === 'none' || certificate === undefined) return mode === 'require' ? undefined : { address };
  return { address, certificate: JSON.parse(certificate) as PeerCertificate };
}

function openChannel(end: End<WireMessage>, options: ServeOptions, address: string, certificate: string | undefined): void {
  const peer = peerOf(options, address, certificate);
  if (peer === undefined || options.http2 === undefined) end.destroy();
  else options.http2.accept(channelOver(end, peer));
}

/** Serves one connection: one request, raw bytes, or a raw stream after an upgrade. */
export function serveConnection(end: End<WireMessage>, options: ServeOptions, handler: HttpHandler, address: string): void {
  const body = new AsyncQueue<Uint8Array>();
  const abort = new AbortController();
  end.onBreak((error) => { body.fail(error); abort.abort(); });
  end.onMessage((message) => {
    switch (message.kind) {
      case 'chunk': body.push(message.data); return;
      case 'end': body.end(); return;
      case 'cancel': body.fail(new NetworkError('aborted', 'the client cancelled')); abort.abort(); return;
      case 'response': return;
      case 'open': openChannel(end, options, address, message.certificate); return;
      case 'request': break;
    }
    const peer = peerOf(options, address, message.certificate);
    if (peer === undefined) { end.destroy(); return; }
    const request = { method: message.method, target: message.target, headers: message.headers, body, peer, httpVersion: message.upgrade ? '1.1' as const : '2' as const, signal: abort.signal, upgradeRequested: message.upgrade };
    void respond(end, handler, request, abort.signal);
  });
}

async function respond(end: End<WireMessage>, handler: HttpHandler, request: Parameters<HttpHandler>[0], signal: AbortSignal): Promise<void> {
  const response: HttpResponse = await handler(request);
  const upgraded = response.status === 101 && response.upgrade !== undefined;
  end.send({ kind: 'response', status: response.status, headers: lowerCase(response.headers), upgraded });
  if (upgraded) { response.upgrade?.(streamOver(end, request.peer)); return; }
  await sendBody(end, response, signal);
}

async function sendBody(end: End<WireMessage>, response: HttpResponse, signal: AbortSignal): Promise<void> {
  const trailers = response.trailers ?? ((): HeaderMap => ({}));
  if (response.body === undefined || response.body instanceof Uint8Array) { await pump(end, response.body, trailers); return; }
  const iterator = response.body[Symbol.asyncIterator]();
  // The client going away must end a producer that waits, as the real adapter does.
  const stop = (): void => { iterator.return?.()?.catch?.(() => undefined); };
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true || signal.aborted) break;
      end.send({ kind: 'chunk', data: copyOf(next.value) });
      await end.drained();
    }
    end.send({ kind: 'end', trailers: trailers() });
  } catch {
    // The source failed in the middle: the client sees a broken response.
    end.destroy();
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
