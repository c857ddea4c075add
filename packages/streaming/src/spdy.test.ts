import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fromUtf8, readAll, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { createSpdyCodec } from './edge/index.ts';
import { spdyDictionary } from './spdy-dictionary.ts';
import { decodeChannel, encodeChannel, SpdyConnection, translateWebSocketToSpdy, tunnelWebSocketToStream, WebSocketConnection, type SpdyStream } from './index.ts';
import { streamPair } from './test-streams.ts';

const host = createRealHost(silentLogger);

async function first(connection: SpdyConnection, count: number): Promise<SpdyStream[]> {
  const out: SpdyStream[] = [];
  for await (const stream of connection.incoming) {
    out.push(stream);
    if (out.length === count) break;
  }
  return out;
}

describe('SPDY/3.1', () => {
  test('the dictionary has the checksum that every SPDY/3 header block carries', () => {
    // zlib's header with FDICT, then Adler-32 of the dictionary: e3c6a7c2
    expect(deflateSync('', { dictionary: spdyDictionary() }).subarray(2, 6).toString('hex')).toBe('e3c6a7c2');
  });

  test('streams carry headers, data and half-closes both ways', async () => {
    const [near, far] = streamPair();
    const client = new SpdyConnection(near, 'client', createSpdyCodec());
    const server = new SpdyConnection(far, 'server', createSpdyCodec());
    const opened = first(server, 2);
    const one = await client.createStream({ streamtype: ['stdin'] });
    const two = await client.createStream({ streamtype: ['error'], port: ['80', '81'] });
    await Promise.all([one.replied, two.replied]);
    const [a, b] = await opened as [SpdyStream, SpdyStream];
    expect([a.headers, b.headers]).toEqual([{ streamtype: ['stdin'] }, { streamtype: ['error'], port: ['80', '81'] }]);
    expect([one.id, two.id]).toEqual([1, 3]);
    const big = new Uint8Array(300_000).fill(7);
    const read = readAll(a.readable);
    await one.write(big);
    await one.end();
    expect(await read).toEqual(big);
    await b.write(utf8('oops'));
    await b.end();
    expect(fromUtf8(await readAll(two.readable))).toBe('oops');
    await client.close();
    await server.closed;
  });

  test('a lost connection breaks every stream', async () => {
    const [near, far] = streamPair();
    const client = new SpdyConnection(near, 'client', createSpdyCodec());
    const stream = await client.createStream({ streamtype: ['stdin'] });
    far.destroy();
    await expect(readAll(stream.readable)).rejects.toThrow('SPDY connection has ended');
    await expect(stream.replied).rejects.toThrow('SPDY connection has ended');
  });

  test('a flood for a slow reader stops the connection, and goes on with it', async () => {
    const [near, far] = streamPair();
    const client = new SpdyConnection(near, 'client', createSpdyCodec());
    const server = new SpdyConnection(far, 'server', createSpdyCodec());
    const stream = await client.createStream({ streamtype: ['stdin'] });
    const [slow] = await first(server, 1) as [SpdyStream];
    await stream.write(new Uint8Array(3_000_000));
    const other = await client.createStream({ streamtype: ['error'] });
    await stream.end();
    expect((await readAll(slow.readable)).length).toBe(3_000_000);
    await other.replied;
    await client.close();
  });
});

describe('channels', () => {
  test('binary and base64 forms', () => {
    expect(encodeChannel('v4.channel.k8s.io', 'stderr', utf8('x')).data).toEqual(new Uint8Array([2, 120]));
    expect(fromUtf8(encodeChannel('v4.base64.channel.k8s.io', 'stdout', utf8('hi')).data)).toBe('1aGk=');
    expect(decodeChannel('base64.channel.k8s.io', { type: 'text', data: utf8('0aGk=') })).toEqual({ kind: 'data', channel: 'stdin', data: utf8('hi') });
    expect(decodeChannel('v5.channel.k8s.io', { type: 'binary', data: new Uint8Array([255, 0]) })).toEqual({ kind: 'close', channel: 'stdin' });
    expect(decodeChannel('v4.channel.k8s.io', { type: 'binary', data: new Uint8Array([255, 0]) })).toBeUndefined();
    expect(decodeChannel('v4.base64.channel.k8s.io', { type: 'text', data: utf8('0***') })).toBeUndefined();
  });
});

/** A kubelet's side of exec: copies stdin to stdout in upper case, then says how it ended. */
async function upperCase(connection: SpdyConnection, count: number): Promise<string[]> {
  const streams = new Map((await first(connection, count)).map((stream) => [stream.headers['streamtype']?.[0] ?? '', stream]));
  for await (const chunk of (streams.get('stdin') as SpdyStream).readable) await streams.get('stdout')?.write(utf8(fromUtf8(chunk).toUpperCase()));
  for (const name of ['stdout', 'stderr']) await streams.get(name)?.end();
  await streams.get('error')?.write(utf8('{"status":"Success"}'));
  await streams.get('error')?.end();
  return [...streams.keys()];
}

describe('exec over WebSocket to SPDY', () => {
  test('v5: stdin is closed by the client, output and status come back, then a normal close', async () => {
    const [clientSide, serverSide] = streamPair();
    const [proxySide, kubeletSide] = streamPair();
    const kubelet = upperCase(new SpdyConnection(kubeletSide, 'server', createSpdyCodec()), 4);
    const session = translateWebSocketToSpdy(serverSide, proxySide, { protocol: 'v5.channel.k8s.io', streams: { stdin: true, stdout: true, stderr: true, tty: false }, codec: createSpdyCodec() });
    const client = new WebSocketConnection(clientSide, { role: 'client', random: host.random });
    await client.send(new Uint8Array([0, ...utf8('abc')]));
    await client.send(new Uint8Array([255, 0]));
    const got: string[] = [];
    for await (const message of client.messages()) got.push(`${message.data[0]}:${fromUtf8(message.data.subarray(1))}`);
    expect(got).toEqual(['1:', '1:ABC', '3:{"status":"Success"}']);
    expect(await kubelet).toEqual(['error', 'stdin', 'stdout', 'stderr']);
    await session;
  });

  test('a kubelet that goes away is told as a failure', async () => {
    const [clientSide, serverSide] = streamPair();
    const [proxySide, kubeletSide] = streamPair();
    const session = translateWebSocketToSpdy(serverSide, proxySide, { protocol: 'v4.channel.k8s.io', streams: { stdin: false, stdout: true, stderr: false, tty: false }, codec: createSpdyCodec() });
    kubeletSide.destroy();
    const client = new WebSocketConnection(clientSide, { role: 'client', random: host.random });
    const got: string[] = [];
    for await (const message of client.messages()) got.push(fromUtf8(message.data.subarray(1)));
    expect(got.at(-1)).toContain('"status":"Failure"');
    await session;
  });

  test.each([['', []], ['{"status":"Failure","message":"command terminated with non-zero exit code"}', ['3:command terminated with non-zero exit code']], ['{"status":"Success"}', []]] as const)(
    'the first version of the protocol has no status (%s)', async (status, expected) => {
      const [clientSide, serverSide] = streamPair();
      const [proxySide, kubeletSide] = streamPair();
      const session = translateWebSocketToSpdy(serverSide, proxySide, { protocol: 'channel.k8s.io', streams: { stdin: false, stdout: true, stderr: false, tty: false }, codec: createSpdyCodec() });
      const kubelet = new SpdyConnection(kubeletSide, 'server', createSpdyCodec());
      const streams = new Map<string, SpdyStream>();
      for await (const one of kubelet.incoming) {
        streams.set(one.headers['streamtype']?.[0] ?? '', one);
        if (streams.size === 2) break;
      }
      await streams.get('stdout')?.end();
      if (status !== '') await streams.get('error')?.write(utf8(status));
      await streams.get('error')?.end();
      const got: string[] = [];
      for await (const message of new WebSocketConnection(clientSide, { role: 'client', random: host.random }).messages()) got.push(`${message.data[0]}:${fromUtf8(message.data.subarray(1))}`);
      expect(got).toEqual(['1:', ...expected]);
      await session;
    });

  test('the port-forward tunnel passes bytes', async () => {
    const [clientSide, serverSide] = streamPair();
    const [near, far] = streamPair();
    const session = tunnelWebSocketToStream(serverSide, near);
    const client = new WebSocketConnection(clientSide, { role: 'client', random: host.random });
    await client.send(utf8('ping'));
    const iterator = far.readable[Symbol.asyncIterator]();
    expect(fromUtf8((await iterator.next()).value as Uint8Array)).toBe('ping');
    await far.write(utf8('pong'));
    await far.end();
    const got: string[] = [];
    for await (const message of client.messages()) got.push(fromUtf8(message.data));
    expect(got).toEqual(['pong']);
    await session;
  });
});
