import { header, utf8, type Crypto, type HeaderMap, type HttpRequest } from '@coxswain/host';

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export type Handshake =
  | { readonly kind: 'accepted'; readonly protocol: string | undefined; readonly headers: HeaderMap }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string; readonly headers: HeaderMap };

export function isWebSocketRequest(request: Pick<HttpRequest, 'headers' | 'upgradeRequested'>): boolean {
  return request.upgradeRequested && (header(request.headers, 'upgrade') ?? '').toLowerCase() === 'websocket';
}

function base64(data: Uint8Array): string {
  return btoa(String.fromCharCode(...data));
}

export function acceptKey(key: string, crypto: Pick<Crypto, 'hash'>): string {
  return base64(crypto.hash('sha1', utf8(key + guid)));
}

/** What the client offers, in its order of preference. */
export function offeredProtocols(request: Pick<HttpRequest, 'headers'>): readonly string[] {
  return (header(request.headers, 'sec-websocket-protocol') ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');
}

/**
 * Answers the headers of the 101. The first protocol that the client offers and `protocols` has is chosen; a client that
 * offers only others is refused, one that offers none gets none.
 */
export function acceptWebSocket(request: HttpRequest, crypto: Pick<Crypto, 'hash'>, protocols: readonly string[]): Handshake {
  const refused = (status: number, message: string, headers: HeaderMap = {}): Handshake => ({ kind: 'refused', status, message, headers });
  if (request.method !== 'GET') return refused(405, 'WebSocket upgrades are GET requests', { allow: 'GET' });
  if (!isWebSocketRequest(request)) return refused(426, 'Upgrade required', { connection: 'Upgrade', upgrade: 'websocket' });
  if (header(request.headers, 'sec-websocket-version') !== '13') return refused(426, 'WebSocket version 13 required', { 'sec-websocket-version': '13' });
  const key = header(request.headers, 'sec-websocket-key') ?? '';
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) return refused(400, 'malformed Sec-WebSocket-Key');
  const offered = offeredProtocols(request);
  const protocol = offered.find((name) => protocols.includes(name));
  if (offered.length > 0 && protocol === undefined) return refused(403, `none of the requested protocols is supported: ${offered.join(', ')}`);
  return {
    kind: 'accepted', protocol,
    headers: { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': acceptKey(key, crypto), ...(protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }) },
  };
}
