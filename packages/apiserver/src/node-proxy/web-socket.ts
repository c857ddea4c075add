import { StatusError } from '@coxswain/api';
import { fromLatin1, utf8, type ByteSource, type ByteStream, type Host, type HttpRequest, type HttpResponse } from '@coxswain/host';
import {
  acceptWebSocket, execProtocols, isWebSocketRequest, offeredProtocols, translateWebSocketToSpdy, tunnelWebSocketToStream, WebSocketConnection, type ExecProtocol, type ExecStreams, type SpdyHeaderCodec,
} from '@coxswain/streaming';
import { reach, refusalOf, type Target } from './forward.ts';

type HostPart = Pick<Host, 'network' | 'log' | 'crypto'>;
type Handshake = ReturnType<typeof acceptWebSocket>;

const portForwardProtocol = 'SPDY/3.1+portforward.k8s.io';

/** The kubelet's side is asked first, so that a refusal reaches the client as an answer and not as a closed socket. */
async function spdyToKubelet(host: HostPart, request: HttpRequest, target: Target, protocol: string): Promise<ByteStream> {
  const response = await reach(host, target, {
    url: target.url, method: 'POST', headers: { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol }, upgrade: true, httpVersion: '1.1', signal: request.signal,
    ...(target.tls === undefined ? {} : { tls: target.tls }),
  });
  if (response.upgraded === undefined) throw await refusalOf(response);
  return response.upgraded;
}

function refusal(handshake: Extract<Handshake, { readonly kind: 'refused' }>): HttpResponse {
  return { status: handshake.status, headers: { ...handshake.headers, 'content-type': 'text/plain; charset=utf-8' }, body: utf8(handshake.message) };
}

/** exec and attach: any of the WebSocket protocols towards the client, SPDY towards the kubelet. */
export async function translateExec(host: HostPart, request: HttpRequest, target: Target, streams: ExecStreams, codec: () => SpdyHeaderCodec): Promise<HttpResponse> {
  const handshake = acceptWebSocket(request, host.crypto, execProtocols);
  if (handshake.kind === 'refused') return refusal(handshake);
  if (!streams.stdin && !streams.stdout && !streams.stderr) throw new StatusError('BadRequest', 'you must specify at least 1 of stdin, stdout, stderr');
  const kubelet = await spdyToKubelet(host, request, target, 'v4.channel.k8s.io');
  const protocol = (handshake.protocol ?? 'channel.k8s.io') as ExecProtocol;
  return {
    status: 101, headers: handshake.headers,
    upgrade: (stream) => {
      translateWebSocketToSpdy(stream, kubelet, { protocol, streams, codec: codec() }).catch((error: unknown) => host.log.error('exec translation failed', { error: String(error) }));
    },
  };
}

export function wantsPortForwardTunnel(request: HttpRequest): boolean {
  return isWebSocketRequest(request) && offeredProtocols(request).includes(portForwardProtocol);
}

export async function tunnelPortForward(host: HostPart, request: HttpRequest, target: Target): Promise<HttpResponse> {
  const handshake = acceptWebSocket(request, host.crypto, [portForwardProtocol]);
  if (handshake.kind === 'refused') return refusal(handshake);
  const kubelet = await spdyToKubelet(host, request, target, 'portforward.k8s.io');
  return {
    status: 101, headers: handshake.headers,
    upgrade: (stream) => {
      tunnelWebSocketToStream(stream, kubelet).catch((error: unknown) => host.log.error('port-forward tunnel failed', { error: String(error) }));
    },
  };
}

const readerProtocols = ['binary.k8s.io', 'base64.binary.k8s.io'];

async function sendAll(socket: WebSocketConnection, body: ByteSource, base64: boolean): Promise<void> {
  const type = base64 ? 'text' : 'binary';
  await socket.send(new Uint8Array(0), type);
  for await (const chunk of body) await socket.send(base64 ? utf8(btoa(fromLatin1(chunk))) : chunk, type);
  await socket.close(1000);
}

async function ignoreMessages(socket: WebSocketConnection): Promise<void> {
  for await (const _ of socket.messages());
}

/** What is read, and what ends the reading: an iterator that waits for its next chunk cannot be told to. */
export interface StoppableBody {
  readonly body: ByteSource;
  readonly stop: () => void;
}

/** A body in messages, an empty one first (as upstream's, so that a client knows it is connected). Ends with the body, or when the client goes; then nobody reads on. */
export function readerOverWebSocket(host: Pick<Host, 'crypto' | 'log'>, request: HttpRequest, { body, stop }: StoppableBody): HttpResponse {
  const handshake = acceptWebSocket(request, host.crypto, readerProtocols);
  if (handshake.kind === 'refused') {
    stop();
    return refusal(handshake);
  }
  return {
    status: 101, headers: handshake.headers,
    upgrade: (stream) => {
      const socket = new WebSocketConnection(stream, { role: 'server' });
      const session = async (): Promise<void> => {
        try {
          await Promise.race([sendAll(socket, body, handshake.protocol === 'base64.binary.k8s.io'), ignoreMessages(socket)]);
        } finally {
          stop();
        }
        await stream.end();
      };
      session().catch((error: unknown) => host.log.debug('body over WebSocket broke off', { error: String(error) }));
    },
  };
}
