import { silentLogger, type ByteChannel, type ChannelEvents } from '@coxswain/host';
import { expect, test } from 'vitest';
import { frame, join, opening, RawPeer } from './frames.fixture.ts';
import { Http2Client } from './client.ts';
import { Http2Server } from './server.ts';

/** A server whose time is moved by hand, and one connection to it. */
function connected(): { readonly say: (data: Uint8Array) => void; readonly pass: (ms: number) => void; readonly isOpen: () => boolean } {
  let nowMs = 0;
  let timers: { readonly atMs: number; readonly run: () => void }[] = [];
  const server = new Http2Server({
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs } as ConstructorParameters<typeof Http2Server>[0]['clock'],
    timers: { after: (ms: number, run: () => void) => { timers.push({ atMs: nowMs + ms, run }); return { cancel() {} }; } } as unknown as ConstructorParameters<typeof Http2Server>[0]['timers'],
    log: silentLogger, onStream: (stream) => { stream.handler = { head() {}, data: (data) => { stream.consumed(data.length); }, trailers() {}, reset() {}, drained() {} }; },
  });
  let events: ChannelEvents | undefined;
  const channel: ByteChannel = { peer: { address: 'x' }, open: (given) => { events = given; }, write: () => true, pause() {}, resume() {}, end() {}, destroy() {} };
  server.accept(channel);
  return {
    say: (data) => { events?.data(data); },
    pass: (ms) => {
      nowMs += ms;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { run } of due) run();
    },
    isOpen: () => server.connectionCount === 1,
  };
}

test('a client that sends without a rest, so that some frame is always half here, is not given up', () => {
  const { say, pass, isOpen } = connected();
  say(join(opening, frame(1, 4, 1, new RawPeer().block())));
  const data = frame(0, 0, 1, new Uint8Array(1000));
  say(data.subarray(0, 500));
  for (let round = 0; round < 20; round += 1) {
    pass(5000);
    say(join(data.subarray(500), data.subarray(0, 500)));
  }
  expect(isOpen()).toBe(true);
});

test.each([['a frame', () => join(opening, frame(0, 0, 1, new Uint8Array(100)).subarray(0, 50))], ['the preface', () => opening.subarray(0, 10)], ['a header block', () => join(opening, frame(1, 0, 1, new RawPeer().block()))]])('a client that begins %s and never ends it is given up', (_what, start) => {
  const { say, pass, isOpen } = connected();
  say(start());
  for (let round = 0; round < 6; round += 1) pass(5000);
  expect(isOpen()).toBe(true);
  for (let round = 0; round < 2; round += 1) pass(5000);
  expect(isOpen()).toBe(false);
});

test('a connection that had broken before it was taken over ends without a trace, on either side', async () => {
  const broken: ByteChannel = { peer: { address: 'x' }, open: (events) => { events.closed(); }, write: () => true, pause() {}, resume() {}, end() {}, destroy() {} };
  const clock = { nowMs: () => 0, monotonicMs: () => 0 } as ConstructorParameters<typeof Http2Server>[0]['clock'];
  const timers = { after: () => ({ cancel() {} }) } as unknown as ConstructorParameters<typeof Http2Server>[0]['timers'];
  const server = new Http2Server({ clock, timers, log: silentLogger, onStream: () => undefined });
  server.accept(broken);
  let left = 0;
  const client = new Http2Client(broken, { clock, timers, onLeaving: () => { left += 1; } });
  await Promise.resolve();
  expect([server.connectionCount, left, client.open]).toEqual([0, 1, false]);
});
