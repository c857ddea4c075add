/**
 * The fastest server there could be, to see what the client is able to do: it answers every call with the same bytes, and as soon
 * as `watches` watches were asked for it sends `events` events to each.
 */
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:tls';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { utf8 } from '@coxswain/host';
import { grpcFrame } from '../../wire/grpc.ts';
import { codecs } from '../../wire/schema.ts';
import type { Operation } from './load.ts';
import { flag, frame, frameType, FrameScanner, hello, preface } from './wire/frames.ts';

export interface EmptyServerOptions {
  readonly operation: Operation | 'watch';
  readonly watches: number;
  readonly events: number;
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

const responseHeader = { clusterId: 0x1234_5678_9abc_def0n, memberId: 0x1234_5678_9abc_def0n, revision: 1_234_567, raftTerm: 2 };
const kv = { key: utf8('bench/00000000'), value: new Uint8Array(256).fill(120), createRevision: 1_000_000, modRevision: 1_000_000, version: 1, lease: 0n };
const answers: Readonly<Record<Operation | 'watch', Uint8Array>> = {
  put: codecs.putResponse.encode({ header: responseHeader }),
  'linearizable get': codecs.rangeResponse.encode({ header: responseHeader, kvs: [kv], more: false, count: 1 }),
  'serializable get': codecs.rangeResponse.encode({ header: responseHeader, kvs: [kv], more: false, count: 1 }),
  txn: codecs.txnResponse.encode({ header: responseHeader, succeeded: true, responses: [{ responsePut: { header: responseHeader } }] }),
  watch: codecs.watchResponse.encode({ header: responseHeader, watchId: 7, created: true, events: [] }),
};
const event = codecs.watchResponse.encode({ header: responseHeader, watchId: 7, events: [{ type: 0, kv }] });

function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
}

const head = frame(frameType.headers, flag.endHeaders, 0, Buffer.concat([Buffer.from([0x88]), literal('content-type', 'application/grpc')]));
const trailers = frame(frameType.headers, flag.endHeaders | flag.endStream, 0, literal('grpc-status', '0'));

function data(message: Uint8Array): Buffer {
  return frame(frameType.data, 0, 0, grpcFrame(message));
}

function forStream(parts: readonly Buffer[], stream: number): Buffer {
  const out = Buffer.concat(parts);
  let at = 0;
  for (const part of parts) {
    out.writeUInt32BE(stream, at + 5);
    at += part.length;
  }
  return out;
}

const options = JSON.parse(process.argv[2] as string) as EmptyServerOptions;
const reply = [head, data(answers[options.operation]), trailers];
const watched = new Map<Socket, number[]>();
let asked = 0;

/** To one stream of each watch in turn; no more than the socket takes. */
async function blast(socket: Socket, streams: readonly number[]): Promise<void> {
  const round = Buffer.concat(streams.map((stream) => forStream([data(event)], stream)));
  for (let sent = 0; sent < options.events; sent += 1) if (!socket.write(round)) await once(socket, 'drain');
}

function onMessage(socket: Socket, stream: number, first: boolean): void {
  socket.write(forStream(first ? reply.slice(0, 2) : reply.slice(1, 2), stream));
  const streams = watched.get(socket) ?? [];
  streams.push(stream);
  watched.set(socket, streams);
  asked += 1;
  if (asked === options.watches) void Promise.all([...watched].map(([each, streams]) => blast(each, streams)));
}

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  socket.write(hello());
  let out: Buffer[] = [];
  const known = new Set<number>();
  const scanner = new FrameScanner((type, flags, stream, buffer, start, end) => {
    if (type === frameType.settings && (flags & flag.ack) === 0) out.push(frame(frameType.settings, flag.ack, 0, Buffer.alloc(0)));
    if (type !== frameType.data) return;
    if (options.operation !== 'watch') { if ((flags & flag.endStream) !== 0) out.push(forStream(reply, stream)); return; }
    // Several requests may lie in one frame.
    for (let at = start; at < end; at += 5 + buffer.readUInt32BE(at + 1)) {
      onMessage(socket, stream, !known.has(stream));
      known.add(stream);
    }
  });
  let skip = preface.length;
  socket.on('data', (chunk: Buffer) => {
    const skipped = Math.min(skip, chunk.length);
    skip -= skipped;
    scanner.push(chunk.subarray(skipped));
    if (out.length > 0) socket.write(out.length === 1 ? out[0] as Buffer : Buffer.concat(out));
    out = [];
  });
}

const { tls } = options;
const server = tls === undefined ? createServer(serve) : createTlsServer({
  cert: readFileSync(tls.cert), key: readFileSync(tls.key), ca: readFileSync(tls.ca), requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'],
}, serve);
server.listen(0, '127.0.0.1', () => { process.stdout.write(`${(server.address() as AddressInfo).port}\n`); });
