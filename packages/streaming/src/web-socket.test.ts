import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromUtf8, readAll, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { acceptKey, acceptWebSocket, encodeFrame, WebSocketConnection, WebSocketError, type WebSocketMessage } from './index.ts';
import { streamPair } from './test-streams.ts';

const host = createRealHost(silentLogger);

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
const request = (headers: Record<string, string>) => ({ method: 'GET', target: '/', headers, body: (async function* () {})(), peer: { address: '' }, httpVersion: '1.1' as const, signal: new AbortController().signal, upgradeRequested: true });

async function collect(connection: WebSocketConnection): Promise<WebSocketMessage[]> {
  const out: WebSocketMessage[] = [];
  for await (const message of connection.messages()) out.push(message);
  return out;
}

describe('WebSocket', () => {
  test('the accept key of RFC 6455, 1.3', () => {
    expect(acceptKey('dGhlIHNhbXBsZSBub25jZQ==', host.crypto)).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  test('the first common protocol of the client’s order is taken', () => {
    const taken = acceptWebSocket(request({ ...upgrade, 'sec-websocket-protocol': 'v5.channel.k8s.io, v4.channel.k8s.io' }), host.crypto, ['v4.channel.k8s.io']);
    expect(taken).toMatchObject({ kind: 'accepted', protocol: 'v4.channel.k8s.io', headers: { 'sec-websocket-protocol': 'v4.channel.k8s.io' } });
    expect(acceptWebSocket(request({ ...upgrade, 'sec-websocket-protocol': 'other' }), host.crypto, ['v4.channel.k8s.io'])).toMatchObject({ kind: 'refused', status: 403 });
    expect(acceptWebSocket(request({ ...upgrade, 'sec-websocket-version': '8' }), host.crypto, [])).toMatchObject({ kind: 'refused', status: 426 });
    expect(acceptWebSocket(request({ ...upgrade, 'sec-websocket-key': 'short' }), host.crypto, [])).toMatchObject({ kind: 'refused', status: 400 });
  });

  test('the frames of RFC 6455, 5.7', async () => {
    expect(encodeFrame(1, utf8('Hello'))).toEqual(bytes('810548656c6c6f'));
    expect(encodeFrame(1, utf8('Hello'), bytes('37fa213d'))).toEqual(bytes('818537fa213d7f9f4d5158'));
    const [near, far] = streamPair();
    const server = new WebSocketConnection(near, { role: 'server' });
    await far.write(bytes('818537fa213d7f9f4d5158'));
    // "Hel" + "lo" in two masked fragments with a ping between them
    await far.write(bytes('01830000000048656c'));
    await far.write(bytes('898100000000aa'));
    await far.write(bytes('8082000000006c6f'));
    await far.write(bytes('88820000000003e8'));
    await far.end();
    const messages = await collect(server);
    expect(messages.map((message) => [message.type, fromUtf8(message.data)])).toEqual([['text', 'Hello'], ['text', 'Hello']]);
    const answered = await readAll(far.readable);
    expect(answered).toEqual(bytes('8a01aa880203e8'));
  });

  test.each([
    ['an unmasked frame', '810548656c6c6f', 1002],
    ['a continuation of nothing', '808100000000aa', 1002],
    ['reserved bits', 'c18100000000aa', 1002],
    ['a message over the limit', '82fe010000000000', 1009],
  ])('%s closes with its code', async (_name, hex, code) => {
    const [near, far] = streamPair();
    const server = new WebSocketConnection(near, { role: 'server', maxMessageBytes: 200 });
    await far.write(bytes(hex));
    const failure = await collect(server).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WebSocketError);
    expect((failure as WebSocketError).code).toBe(code);
    const closed = await readAll(far.readable);
    expect(closed.subarray(2, 4)).toEqual(new Uint8Array([code >> 8, code & 0xff]));
  });

  test('what one side sends the other receives, in any chunks', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 70_000, size: 'max' }), { maxLength: 5 }), fc.integer({ min: 1, max: 5000 }), async (payloads, chunk) => {
      const [a, b] = streamPair();
      const [c, d] = streamPair();
      const client = new WebSocketConnection(a, { role: 'client', random: host.random });
      const received = collect(new WebSocketConnection(d, { role: 'server' }));
      for (const payload of payloads) await client.send(payload);
      await client.close();
      await a.end();
      const wire = await readAll(b.readable);
      for (let offset = 0; offset < wire.length; offset += chunk) await c.write(wire.subarray(offset, offset + chunk));
      await c.end();
      expect((await received).map((message) => message.data)).toEqual(payloads);
    }), { seed: 26, numRuns: 30 });
  });
});
