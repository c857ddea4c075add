import { fromUtf8, readAll, utf8, type ByteStream } from '@coxswain/host';
import { decodeChannel, encodeChannel, hasStatus, type Channel, type ExecProtocol } from './channels.ts';
import { SpdyConnection, type SpdyHeaderCodec, type SpdyStream } from './spdy.ts';
import { WebSocketConnection } from './web-socket.ts';

export interface ExecStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

const success = utf8(JSON.stringify({ metadata: {}, status: 'Success' }));
const statusLimitBytes = 64 * 1024;
/** Order in which SPDY clients open them; the server waits for all of them. */
const spdyOrder: readonly Channel[] = ['error', 'stdin', 'stdout', 'stderr', 'resize'];

function wanted(streams: ExecStreams): readonly Channel[] {
  const has: Readonly<Record<Channel, boolean>> = { error: true, stdin: streams.stdin, stdout: streams.stdout, stderr: streams.stderr && !streams.tty, resize: streams.tty };
  return spdyOrder.filter((channel) => has[channel]);
}

type Open = ReadonlyMap<Channel, SpdyStream>;

async function openStreams(spdy: SpdyConnection, streams: ExecStreams): Promise<Open> {
  const open = new Map<Channel, SpdyStream>();
  for (const channel of wanted(streams)) open.set(channel, await spdy.createStream({ streamtype: [channel] }));
  await Promise.all([...open.values()].map((stream) => stream.replied));
  return open;
}

async function fromClient(socket: WebSocketConnection, protocol: ExecProtocol, open: Open): Promise<void> {
  for await (const message of socket.messages()) {
    const decoded = decodeChannel(protocol, message);
    if (decoded === undefined || (decoded.channel !== 'stdin' && decoded.channel !== 'resize')) continue;
    const stream = open.get(decoded.channel);
    // A process that no longer reads its input is no reason to end the session.
    if (decoded.kind === 'close') await stream?.end().catch(() => undefined);
    else await stream?.write(decoded.data).catch(() => undefined);
  }
}

async function toClient(socket: WebSocketConnection, protocol: ExecProtocol, channel: Channel, data: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of data) {
    const message = encodeChannel(protocol, channel, chunk);
    await socket.send(message.data, message.type);
  }
}

/** How it ended: a status as of version 4, in the first version nothing or the words of the failure. */
function ending(protocol: ExecProtocol, status: Uint8Array): Uint8Array | undefined {
  if (hasStatus(protocol)) return status.length === 0 ? success : status;
  if (status.length === 0) return undefined;
  const { status: outcome, message } = JSON.parse(fromUtf8(status)) as { readonly status?: string; readonly message?: string };
  return outcome === 'Success' ? undefined : utf8(message ?? '');
}

/** Output first, then the status: a client stops reading when it has the status. */
async function outputs(socket: WebSocketConnection, protocol: ExecProtocol, open: Open): Promise<void> {
  const output = (['stdout', 'stderr'] as const).filter((channel) => open.has(channel));
  const lowest = encodeChannel(protocol, output[0] ?? 'error', new Uint8Array(0));
  await socket.send(lowest.data, lowest.type);
  await Promise.all(output.map((channel) => toClient(socket, protocol, channel, (open.get(channel) as SpdyStream).readable)));
  await tell(socket, protocol, await readAll((open.get('error') as SpdyStream).readable, statusLimitBytes));
}

async function tell(socket: WebSocketConnection, protocol: ExecProtocol, status: Uint8Array): Promise<void> {
  const text = ending(protocol, status);
  if (text === undefined) return;
  const message = encodeChannel(protocol, 'error', text);
  await socket.send(message.data, message.type);
}

/**
 * Joins a client's exec or attach over WebSocket with a kubelet's over SPDY/3.1. `spdyStream` must have been upgraded with
 * X-Stream-Protocol-Version: v4.channel.k8s.io. Resolves when the session is over and both connections are closed; it does not reject.
 */
export async function translateWebSocketToSpdy(webSocket: ByteStream, spdyStream: ByteStream, options: { readonly protocol: ExecProtocol; readonly streams: ExecStreams; readonly codec: SpdyHeaderCodec }): Promise<void> {
  const socket = new WebSocketConnection(webSocket, { role: 'server' });
  const spdy = new SpdyConnection(spdyStream, 'client', options.codec);
  try {
    const open = await openStreams(spdy, options.streams);
    const input = fromClient(socket, options.protocol, open).catch(() => undefined);
    await Promise.race([outputs(socket, options.protocol, open), input]);
    await socket.close(1000);
  } catch (error) {
    const status = { metadata: {}, status: 'Failure', message: (error as Error).message, reason: 'InternalError', code: 500 };
    await tell(socket, options.protocol, utf8(JSON.stringify(status))).catch(() => undefined);
    await socket.close(1011).catch(() => undefined);
  } finally {
    await spdy.close();
    await webSocket.end().catch(() => undefined);
  }
}

/**
 * SPDY inside WebSocket messages (subprotocol `SPDY/3.1+portforward.k8s.io`): the bytes are passed on as they are. Resolves when
 * either side has ended; both are closed then.
 */
export async function tunnelWebSocketToStream(webSocket: ByteStream, stream: ByteStream): Promise<void> {
  const socket = new WebSocketConnection(webSocket, { role: 'server' });
  const inward = async (): Promise<void> => {
    for await (const message of socket.messages()) await stream.write(message.data);
    await stream.end();
  };
  const outward = async (): Promise<void> => {
    for await (const chunk of stream.readable) await socket.send(chunk);
    await socket.close(1000);
  };
  await Promise.race([inward().catch(() => undefined), outward().catch(() => undefined)]);
  stream.destroy();
  await socket.close(1000).catch(() => undefined);
  await webSocket.end().catch(() => undefined);
}
