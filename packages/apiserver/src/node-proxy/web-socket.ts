import { StatusError } from '@coxswain/api';
import { utf8, type ByteStream, type Host, type HttpRequest, type HttpResponse } from '@coxswain/host';
import {
  acceptWebSocket, execProtocols, isWebSocketRequest, offeredProtocols, translateWebSocketToSpdy, tunnelWebSocketToStream, type ExecProtocol, type ExecStreams, type SpdyHeaderCodec,
} from '@coxswain/streaming';
import { reach, refusalOf, type Target } from './forward.ts';

type HostPart = Pick<Host, 'network' | 'log' | 'crypto'>;
type Handshake = ReturnType<typeof acceptWebSocket>;

export const portForwardProtocol = 'SPDY/3.1+portforward.k8s.io';

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
