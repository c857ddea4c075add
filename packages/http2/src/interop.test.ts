import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { concatBytes, silentLogger, type ByteChannel, type ChannelEvents, type Listener } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterEach, expect, test } from 'vitest';
import { Http2Client } from './client.ts';
import { Recorder } from './frames.fixture.ts';
import { serveHandler } from './handler.ts';
import { Http2Server } from './server.ts';
import type { Http2Stream } from './stream.ts';

const host = createRealHost(silentLogger);
const ends: (() => unknown)[] = [];
afterEach(async () => { for (const end of ends.splice(0)) await end(); });

async function serve(onStream: ConstructorParameters<typeof Http2Server>[0]['onStream']): Promise<Listener> {
  const http2Server = new Http2Server({ clock: host.clock, timers: host.timers, log: silentLogger, onStream });
  const listener = await host.network.serveHttp({ address: '127.0.0.1', port: 0, http2: http2Server }, async () => ({ status: 200, headers: {}, body: new TextEncoder().encode('one') }));
  ends.push(() => listener.close(100));
  return listener;
}

function nodeClient(port: number): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1000 });
  ends.push(() => { session.destroy(); });
  return session;
}

async function call(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body: Uint8Array): Promise<{ head: http2.IncomingHttpHeaders; body: Buffer; trailers: http2.IncomingHttpHeaders }> {
  const stream = session.request({ ':method': 'POST', ...headers });
  let head: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders = {};
  const parts: Buffer[] = [];
  stream.on('response', (got) => { head = got; });
  stream.on('trailers', (got) => { trailers = got; });
  stream.on('data', (chunk: Buffer) => parts.push(chunk));
  stream.end(body);
  await once(stream, 'close');
  return { head, body: Buffer.concat(parts), trailers };
}

/** Answers with what it was sent. */
function echo(stream: Http2Stream): void {
  const parts: Uint8Array[] = [];
  const finish = (): void => {
    stream.headers([[':status', '200'], ['x-answer', 'yes']]);
    stream.write(concatBytes([new Uint8Array(0), ...parts]));
    stream.trailers([['x-end', 'true']]);
  };
  stream.handler = {
    head() {}, reset() {}, drained() {}, trailers: finish,
    data: (data, ended) => { parts.push(data); stream.consumed(data.length); if (ended) finish(); },
  };
}

test('Node\'s client: many calls at once over one connection, small and large', async () => {
  const { port } = await serve(echo);
  const session = nodeClient(port);
  const sizes = [0, 1, 100, 16_384, 70_000, 2_500_000];
  const answers = await Promise.all(Array.from({ length: 120 }, async (_unused, at) => {
    const body = new Uint8Array(sizes[at % sizes.length] as number).fill(at);
    const answer = await call(session, { ':path': `/${at}`, 'x-number': String(at) }, body);
    return [answer.head[':status'], answer.head['x-answer'], answer.trailers['x-end'], answer.body.equals(body)];
  }));
  expect(answers).toEqual(answers.map(() => [200, 'yes', 'true', true]));
});

test('Node\'s client: HTTP/1.1 on the same port goes to the handler, HTTP/2 to an HttpHandler of streams', async () => {
  const { port } = await serve(serveHandler(async (request) => ({ status: 201, headers: { 'x-path': request.target, via: ['a', 'b'] }, body: request.body }), silentLogger));
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('one');
  const { head, body } = await call(nodeClient(port), { ':path': '/p?q=1' }, Uint8Array.of(1, 2, 3));
  expect([head[':status'], head['x-path'], head.via, [...body]]).toEqual([201, '/p?q=1', 'a, b', [1, 2, 3]]);
});

test('Node\'s client: closing lets a running call end and tells the client that it goes', async () => {
  let answer: (() => void) | undefined;
  const listener = await serve((stream) => { answer = () => { stream.headers([[':status', '204']], true); }; });
  const session = nodeClient(listener.port);
  const running = call(session, { ':path': '/' }, new Uint8Array(0));
  await expect.poll(() => answer).toBeDefined();
  const goaway = once(session, 'goaway');
  const closed = listener.close(5000);
  await goaway;
  answer?.();
  expect((await running).head[':status']).toBe(204);
  await closed;
});

test('Node\'s server: our client\'s calls, content beyond all windows, trailers, and a limit of streams', async () => {
  const server = http2.createServer({ settings: { maxConcurrentStreams: 3 } }, (request, response) => {
    response.addTrailers({ 'x-end': 'true' });
    request.pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => { server.close(); });
  const channel = await host.network.connect({ address: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const client = new Http2Client(channel, { clock: host.clock, timers: host.timers, onLeaving: () => undefined });
  ends.push(() => { client.close(); });
  const sizes = [1, 50_000, 3_000_000, 5, 7, 200_000];
  const results = await Promise.all(sizes.map((size, at) => new Promise<unknown[]>((resolve) => {
    const recorder = new Recorder();
    let got = 0;
    const request = client.send([[':method', 'POST'], [':scheme', 'http'], [':path', `/${at}`], [':authority', 'a']], new Uint8Array(size).fill(at), {
      head: (head, ended) => { recorder.head(head, ended); }, drained: () => undefined,
      data: (data) => { got += data.every((byte) => byte === at) ? data.length : Number.NaN; request.stream?.consumed(data.length); },
      trailers: (headers) => { resolve([recorder.heads[0]?.status, got, headers['x-end']]); }, reset: (code) => { resolve(['reset', code]); },
    });
  })));
  expect(results).toEqual(sizes.map((size) => [200, size, 'true']));
});

/** A transport that is full after every write, until it is told otherwise. */
class SlowChannel implements ByteChannel {
  readonly peer = { address: 'slow' };
  events: ChannelEvents | undefined;
  written = 0;
  paused = false;
  open(events: ChannelEvents): void { this.events = events; }
  write(parts: readonly Uint8Array[]): boolean { for (const part of parts) this.written += part.length; return false; }
  pause(): void { this.paused = true; }
  resume(): void { this.paused = false; }
  end(): void {}
  destroy(): void {}
}

test('a client that does not read is not read from, and everything comes when it reads again', async () => {
  const server = new Http2Server({ clock: host.clock, timers: host.timers, log: silentLogger, onStream: (stream) => { stream.headers([[':status', '200'], ['x', 'y'.repeat(2000)]], true); } });
  const slow = new SlowChannel();
  server.accept(slow);
  const { RawPeer, frame, opening } = await import('./frames.fixture.ts');
  const raw = new RawPeer();
  slow.events?.data(opening);
  let id = 1;
  for (; id < 2001 && !slow.paused; id += 2) {
    slow.events?.data(frame(1, 5, id, raw.block()));
    slow.events?.data(frame(6, 0, 0, new Uint8Array(8)));
    await Promise.resolve();
  }
  for (let round = 0; round < 10_000 && !slow.paused; round += 1) {
    slow.events?.data(frame(6, 0, 0, new Uint8Array(8)));
    await Promise.resolve();
  }
  expect(slow.paused).toBe(true);
  const before = slow.written;
  slow.events?.drained();
  await Promise.resolve();
  expect(slow.paused).toBe(false);
  expect(slow.written - before).toBeGreaterThan(64 * 1024);
  slow.events?.closed();
});
