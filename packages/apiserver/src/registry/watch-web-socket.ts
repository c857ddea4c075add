import { header, utf8, type ByteSource, type Crypto, type HeaderMap, type HttpRequest, type HttpResponse, type Timers } from '@coxswain/host';
import { acceptKey, isWebSocketRequest, offeredProtocols, WebSocketConnection } from '@coxswain/streaming';

/** Clients send nothing in a watch. */
const maxReceivedBytes = 1024 * 1024;
/** How long a client may take to close its side. */
const closeGraceMs = 5000;

export type WatchHandshake =
  | { readonly kind: 'plain' }
  | { readonly kind: 'refused'; readonly response: HttpResponse }
  | { readonly kind: 'web-socket'; readonly headers: HeaderMap };

function refused(status: number, message = '', headers: HeaderMap = {}): WatchHandshake {
  return { kind: 'refused', response: { status, headers, body: utf8(message) } };
}

/** A URL or a path, as Go's parser of request targets takes it. */
function isOrigin(text: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:|\/)/i.test(text);
}

/** As upstream's watches do it, which is not as its streams do: an origin must be named, and one protocol, whichever, is agreed to. */
export function watchHandshake(request: HttpRequest, crypto: Pick<Crypto, 'hash'>): WatchHandshake {
  if (!isWebSocketRequest(request)) return { kind: 'plain' };
  const key = header(request.headers, 'sec-websocket-key') ?? '';
  if (key === '') return refused(400, 'mismatch challenge/response');
  if (header(request.headers, 'sec-websocket-version') !== '13') return refused(400, 'missing or bad WebSocket Version', { 'sec-websocket-version': '13' });
  if (!isOrigin(header(request.headers, 'origin') ?? '')) return refused(403);
  const [protocol, ...more] = offeredProtocols(request);
  if (more.length > 0) return refused(400);
  return {
    kind: 'web-socket',
    headers: { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': acceptKey(key, crypto), ...(protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }) },
  };
}

async function untilClosed(socket: WebSocketConnection, stop: () => void): Promise<void> {
  try {
    for await (const message of socket.messages()) void message;
  } catch {
    // It broke rather than closed: the same to a watch.
  } finally {
    stop();
  }
}

/** Each event is a message. `stop` ends `messages`, whoever calls it, as often as it may. */
export function webSocketWatch(headers: HeaderMap, messages: ByteSource, type: 'text' | 'binary', timers: Pick<Timers, 'after'>, stop: () => void): HttpResponse {
  const serve = async (socket: WebSocketConnection, ended: Promise<void>): Promise<void> => {
    for await (const message of messages) await socket.send(message, type);
    await socket.close();
    const late = timers.after(closeGraceMs, () => { socket.destroy(); });
    await ended;
    late.cancel();
  };
  return {
    status: 101, headers,
    upgrade: (stream) => {
      const socket = new WebSocketConnection(stream, { role: 'server', maxMessageBytes: maxReceivedBytes });
      serve(socket, untilClosed(socket, stop)).catch(() => {
        // The client has gone.
        stop();
        socket.destroy();
      });
    },
  };
}
