import type { ByteChannel } from '@coxswain/host';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { selfSigned } from './testing/self-signed.ts';

const pieces = 250;
/** Several fit into what a socket takes before it is full. */
const pieceBytes = 20_000;
const { network } = createRealHost(silentLogger);

/** Writes pieces of one byte each; all memory that it is told is free is spoilt at once. */
function writeAll(channel: ByteChannel): void {
  let made = 0;
  const write = (): void => {
    while (made < pieces) {
      const piece = new Uint8Array(pieceBytes).fill(made += 1);
      if (!channel.write([piece], () => { piece.fill(255); })) return;
    }
    channel.end();
  };
  channel.open({ data() {}, ended() {}, closed() {}, drained: write });
  write();
}

test('over TLS memory is free when `written` says so, also where nobody reads', async () => {
  let accepted: () => void = () => undefined;
  const full = new Promise<void>((resolve) => { accepted = resolve; });
  const tls = await selfSigned();
  const listener = await network.serveHttp({ address: '127.0.0.1', port: 0, tls, http2: { accept: (channel) => { writeAll(channel); accepted(); }, shutdown() {} } }, () => Promise.resolve({ status: 200, headers: {} }));
  const channel = await network.connect({ address: '127.0.0.1', port: listener.port, tls: { caPem: tls.certPem }, alpn: ['h2'] });
  const got: Uint8Array[] = [];
  const ended = new Promise<void>((resolve) => { channel.open({ data: (chunk) => { got.push(chunk); }, ended: resolve, closed: resolve, drained() {} }); });
  channel.pause();
  await full;
  channel.resume();
  await ended;
  const all = Buffer.concat(got);
  expect(all.length).toBe(pieces * pieceBytes);
  for (let at = 0; at < pieces; at += 1) expect(all.subarray(at * pieceBytes, (at + 1) * pieceBytes).equals(Buffer.alloc(pieceBytes, at + 1)), `piece ${at}`).toBe(true);
  channel.destroy();
  await listener.close();
});
