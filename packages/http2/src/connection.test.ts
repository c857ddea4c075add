import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Connection } from './connection.ts';
import { errorCode, uint32 } from './frames.ts';
import { frame, framesOf, join, opening, RawPeer, Recorder, u32 } from './frames.fixture.ts';
import type { Field } from './header-table.ts';
import { limits } from './server.ts';

const endStream = 1;
const endHeaders = 4;

/** RFC 9113: what is wrong, and how it must be answered. */
const wrong: Record<string, { readonly say: (peer: RawPeer) => Uint8Array; readonly answer: string }> = {
  '3.4 no SETTINGS first': { say: () => frame(6, 0, 0, new Uint8Array(8)), answer: '' },
  '4.2 a frame above the limit': { say: () => frame(0, 0, 1, new Uint8Array(16_385)), answer: 'goaway 6' },
  '4.3 a broken header block': { say: () => frame(1, endHeaders, 1, [0xff, 0xff, 0xff]), answer: 'goaway 9' },
  '5.1 data on an idle stream': { say: () => frame(0, 0, 1, [1]), answer: 'goaway 1' },
  '5.1 reset of an idle stream': { say: () => frame(3, 0, 1, u32(8)), answer: 'goaway 1' },
  '5.1 window update of an idle stream': { say: () => frame(8, 0, 1, u32(1)), answer: 'goaway 1' },
  '5.1.1 an even stream from a client': { say: (peer) => frame(1, endHeaders, 2, peer.block()), answer: 'goaway 1' },
  '5.1.1 a stream number used again': { say: (peer) => join(frame(1, endHeaders | endStream, 3, peer.block()), frame(1, endHeaders | endStream, 1, peer.block())), answer: 'goaway 5' },
  '6.1 data without a stream': { say: () => frame(0, 0, 0, [1]), answer: 'goaway 1' },
  '6.1 padding longer than the frame': { say: (peer) => join(frame(1, endHeaders, 1, peer.block()), frame(0, 8, 1, [5, 0])), answer: 'goaway 1' },
  '6.2 headers without a stream': { say: (peer) => frame(1, endHeaders, 0, peer.block()), answer: 'goaway 1' },
  '6.2 a block that is interrupted': { say: (peer) => join(frame(1, 0, 1, peer.block()), frame(6, 0, 0, new Uint8Array(8))), answer: 'goaway 1' },
  '6.2 a block that another stream interrupts': { say: (peer) => join(frame(1, 0, 1, peer.block()), frame(9, endHeaders, 3, [])), answer: 'goaway 1' },
  '6.3 priority of a wrong size': { say: (peer) => join(frame(1, endHeaders, 1, peer.block()), frame(2, 0, 1, [1, 2, 3])), answer: 'rst 1 6' },
  '6.4 a reset of a wrong size': { say: (peer) => join(frame(1, endHeaders, 1, peer.block()), frame(3, 0, 1, [1])), answer: 'goaway 6' },
  '6.5 settings of a wrong size': { say: () => frame(4, 0, 0, [1, 2, 3]), answer: 'goaway 6' },
  '6.5 settings of a stream': { say: () => frame(4, 0, 1), answer: 'goaway 1' },
  '6.5 an acknowledgement with content': { say: () => frame(4, 1, 0, new Uint8Array(6)), answer: 'goaway 6' },
  '6.5.2 ENABLE_PUSH 2': { say: () => frame(4, 0, 0, [0, 2, ...u32(2)]), answer: 'goaway 1' },
  '6.5.2 a window above 2^31-1': { say: () => frame(4, 0, 0, [0, 4, ...u32(0x80000000)]), answer: 'goaway 3' },
  '6.5.2 frames too small': { say: () => frame(4, 0, 0, [0, 5, ...u32(100)]), answer: 'goaway 1' },
  '6.6 a push from a client': { say: () => frame(5, endHeaders, 1, u32(2)), answer: 'goaway 1' },
  '6.7 a ping of a wrong size': { say: () => frame(6, 0, 0, [1]), answer: 'goaway 6' },
  '6.7 a ping of a stream': { say: () => frame(6, 0, 1, new Uint8Array(8)), answer: 'goaway 1' },
  '6.9 a window update of 0': { say: () => frame(8, 0, 0, u32(0)), answer: 'goaway 1' },
  '6.9 a window update of 0 on a stream': { say: (peer) => join(frame(1, endHeaders, 1, peer.block()), frame(8, 0, 1, u32(0))), answer: 'rst 1 1' },
  '6.9.1 the connection\'s window above 2^31-1': { say: () => frame(8, 0, 0, u32(0x7fffffff)), answer: 'goaway 3' },
  '6.9.1 a stream\'s window above 2^31-1': { say: (peer) => join(frame(1, endHeaders, 1, peer.block()), frame(8, 0, 1, u32(0x7fffffff))), answer: 'rst 1 3' },
  '6.10 a continuation of nothing': { say: () => frame(9, endHeaders, 1), answer: 'goaway 1' },
  '8.1 data after the end': { say: (peer) => join(frame(1, endHeaders | endStream, 1, peer.block()), frame(0, 0, 1, [1])), answer: 'rst 1 5' },
  '8.1.1 less content than announced': { say: (peer) => join(frame(1, endHeaders, 1, peer.block([[':method', 'POST'], [':scheme', 'http'], [':path', '/'], ['content-length', '5']])), frame(0, endStream, 1, [1])), answer: 'rst 1 1' },
  '8.1.1 more content than announced': { say: (peer) => join(frame(1, endHeaders, 1, peer.block([[':method', 'POST'], [':scheme', 'http'], [':path', '/'], ['content-length', '1']])), frame(0, 0, 1, [1, 2])), answer: 'rst 1 1' },
  'flood of continuations': { say: (peer) => join(frame(1, 0, 1, peer.block()), ...Array.from({ length: 100 }, () => frame(9, 0, 1))), answer: 'goaway 11' },
  'a header list above the limit': { say: (peer) => frame(1, endHeaders, 1, peer.block([[':method', 'GET'], [':scheme', 'http'], [':path', '/'], ...Array.from({ length: 3000 }, (): Field => ['accept', ''])])), answer: 'rst 1 11' },
};

test.each(Object.entries(wrong))('%s', (_name, { say, answer }) => {
  const peer = new RawPeer();
  if (answer === '') {
    expect(peer.errorCodes(peer.say(opening.subarray(0, 24), say(peer)))).toEqual(['goaway 1']);
    return;
  }
  peer.open();
  expect(peer.errorCodes(peer.say(say(peer)))).toEqual([answer]);
  expect(peer.connection.dead).toBe(answer.startsWith('goaway'));
});

const malformed: Record<string, readonly Field[]> = {
  'upper case': [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], ['Host', 'a']], 'unknown pseudo-header': [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':x', 'a']],
  'pseudo-header after others': [[':method', 'GET'], [':scheme', 'http'], ['a', 'b'], [':path', '/']], 'twice the same pseudo-header': [[':method', 'GET'], [':method', 'GET'], [':scheme', 'http'], [':path', '/']],
  'a path that could be a part of the address': [[':method', 'GET'], [':scheme', 'https'], [':path', '%2Fa@elsewhere/b']],
  'no path': [[':method', 'GET'], [':scheme', 'http']], 'a response\'s status': [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':status', '200']],
  'HTTP/1.1\'s connection': [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], ['connection', 'close']], 'te': [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], ['te', 'gzip']],
  'a line end in a value': [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], ['a', 'b\r\nc: d']],
};

test.each(Object.entries(malformed))('8.3 malformed: %s', (_name, fields) => {
  const peer = new RawPeer();
  peer.open();
  expect(peer.errorCodes(peer.say(frame(1, endHeaders | endStream, 1, peer.block(fields))))).toEqual(['rst 1 1']);
  expect(peer.streams).toEqual([]);
  expect(peer.say(frame(1, endHeaders | endStream, 3, peer.block()))).toEqual([]);
  expect(peer.streams).toHaveLength(1);
});

test('an authority may be what etcdctl 3.4 sends', () => {
  const peer = new RawPeer();
  peer.open();
  peer.say(frame(1, endHeaders | endStream, 1, peer.block([[':method', 'POST'], [':scheme', 'http'], [':path', '/x'], [':authority', '#initially=[http://127.0.0.1:2379]']])));
  expect(peer.streams[0]?.head.authority).toBe('#initially=[http://127.0.0.1:2379]');
});

test('settings and pings are answered; unknown frames are not', () => {
  const peer = new RawPeer();
  expect(peer.say(opening).map(({ type, flags }) => [type, flags])).toEqual([[4, 0], [8, 0], [4, 1]]);
  expect(peer.say(frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]), frame(99, 255, 7, [1]))).toEqual([{ type: 6, flags: 1, id: 0, payload: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }]);
});

test('a response leaves in one piece: headers, content, trailers', () => {
  const peer = new RawPeer();
  peer.open();
  peer.say(frame(1, endHeaders, 1, peer.block()), frame(0, endStream, 1, [1, 2]));
  const { stream, recorder } = peer.streams[0] as (typeof peer.streams)[number];
  expect(recorder.log).toEqual(['data 2 end']);
  stream.headers([[':status', '200']]);
  stream.write(Uint8Array.of(9));
  stream.trailers([['grpc-status', '0']]);
  const parts = peer.connection.take();
  expect(parts).toHaveLength(1);
  expect(framesOf(parts[0] as Uint8Array).map(({ type, flags }) => [type, flags])).toEqual([[1, 4], [0, 0], [1, 5]]);
  expect(peer.connection.streamCount).toBe(0);
});

test('what the peer has not opened its windows for waits; each stream has its turn', () => {
  const peer = new RawPeer();
  peer.say(opening, frame(4, 0, 0, [0, 4, ...u32(100_000)]));
  peer.say(frame(1, endHeaders | endStream, 1, peer.block()), frame(1, endHeaders | endStream, 3, peer.block()));
  for (const { stream } of peer.streams) {
    stream.headers([[':status', '200']]);
    expect(stream.write(new Uint8Array(100_000))).toBe(false);
    stream.end();
  }
  const first = peer.taken().filter(({ type }) => type === 0);
  expect(first.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(65_535);
  expect(first.map(({ id }) => id)).toEqual([1, 3, 1, 3]);
  const rest = peer.say(frame(8, 0, 0, u32(200_000))).filter(({ type }) => type === 0);
  expect(rest.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(200_000 - 65_535);
  expect(rest.filter(({ flags }) => flags === endStream).map(({ id }) => id)).toEqual([1, 3]);
});

test('windows that become smaller than what is on its way count below zero', () => {
  const peer = new RawPeer();
  peer.open();
  peer.say(frame(1, endHeaders | endStream, 1, peer.block()));
  const { stream } = peer.streams[0] as (typeof peer.streams)[number];
  stream.headers([[':status', '200']]);
  stream.write(new Uint8Array(1000));
  peer.taken();
  peer.say(frame(4, 0, 0, [0, 4, ...u32(500)]));
  stream.write(Uint8Array.of(1));
  expect(peer.say(frame(8, 0, 1, u32(500))).filter(({ type }) => type === 0)).toEqual([]);
  expect(peer.say(frame(8, 0, 1, u32(1))).filter(({ type }) => type === 0)).toHaveLength(1);
});

test('a stream may not send more than its window; the window opens again as content is consumed', () => {
  const peer = new RawPeer({ streamWindowBytes: 20_000 });
  peer.open();
  peer.say(frame(1, endHeaders, 1, peer.block()), frame(0, 0, 1, new Uint8Array(12_000)));
  peer.streams[0]?.stream.consumed(12_000);
  expect(peer.taken().map(({ type, id, payload }) => [type, id, uint32(payload, 0)])).toEqual([[8, 1, 12_000]]);
  expect(peer.errorCodes(peer.say(frame(0, 0, 1, new Uint8Array(12_000)), frame(0, 0, 1, new Uint8Array(12_000))))).toEqual(['rst 1 3']);
  expect(peer.streams[0]?.recorder.log.at(-1)).toBe('reset 3');
});

test('content that nobody consumes is bounded over all streams, and one of them pays', () => {
  const peer = new RawPeer({ maxHeldBytes: 30_000 });
  peer.open();
  for (const id of [1, 3, 5]) peer.say(frame(1, endHeaders, id, peer.block()), frame(0, 0, id, new Uint8Array(10_000)));
  expect(peer.errorCodes(peer.say(frame(0, 0, 3, [1])))).toEqual(['rst 3 11']);
  expect(peer.say(frame(0, 0, 1, [1]))).toEqual([]);
});

test('streams beyond the limit are refused', () => {
  const peer = new RawPeer({ maxConcurrentStreams: 2 });
  peer.open();
  expect(peer.errorCodes(peer.say(...[1, 3, 5].map((id) => frame(1, endHeaders, id, peer.block()))))).toEqual(['rst 5 7']);
});

test('rapid resets use up a budget, which comes back with time', () => {
  const peer = new RawPeer();
  peer.open();
  let id = 1;
  const burst = (count: number): string[] => {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < count; at += 1, id += 2) parts.push(frame(1, endHeaders, id, peer.block()), frame(3, 0, id, u32(8)));
    return peer.errorCodes(peer.say(...parts));
  };
  expect(burst(1900)).toEqual([]);
  peer.nowMs += 10_000;
  expect(burst(1900)).toEqual([]);
  expect(burst(200)).toEqual(['goaway 11']);
});

test('after close running streams end, new ones are not taken, and then it is over', () => {
  const peer = new RawPeer();
  peer.open();
  peer.say(frame(1, endHeaders | endStream, 1, peer.block()));
  peer.connection.close();
  expect(peer.errorCodes(peer.taken())).toEqual(['goaway 0']);
  peer.say(frame(1, endHeaders | endStream, 3, peer.block()));
  expect([peer.streams.length, peer.closed]).toEqual([1, undefined]);
  peer.streams[0]?.stream.headers([[':status', '204']], true);
  expect(peer.closed).toEqual({ code: undefined });
});

test('a request with content that crosses our GOAWAY ends nothing of what runs', () => {
  const peer = new RawPeer();
  peer.open();
  peer.say(frame(1, endHeaders, 1, peer.block()));
  peer.connection.close();
  peer.taken();
  expect(peer.say(frame(1, endHeaders, 3, peer.block()), frame(0, 0, 3, [1]), frame(8, 0, 3, u32(5)), frame(0, endStream, 3, [2]), frame(0, endStream, 1, [3]))).toEqual([]);
  const running = peer.streams[0] as (typeof peer.streams)[number];
  expect([peer.streams.length, running.recorder.log]).toEqual([1, ['data 1 end']]);
  running.stream.headers([[':status', '204']], true);
  expect([peer.errorCodes(peer.taken()), peer.closed]).toEqual([[], { code: undefined }]);
});

/** How often the stream's window is read or written. */
function countLooks(stream: { sendWindow: number }): () => number {
  let looks = 0;
  let value = stream.sendWindow;
  Object.defineProperty(stream, 'sendWindow', { get: () => { looks += 1; return value; }, set: (next: number) => { looks += 1; value = next; } });
  return () => looks;
}

test('one frame of settings costs one look at each stream, however often it says the window', () => {
  const peer = new RawPeer();
  peer.open();
  peer.say(frame(1, endHeaders, 1, peer.block()));
  const looks = countLooks((peer.streams[0] as (typeof peer.streams)[number]).stream);
  peer.say(frame(4, 0, 0, Array.from({ length: 2000 }, (_, at) => [0, 4, ...u32(70_000 + at)]).flat()));
  expect(looks()).toBeLessThan(10);
});

test('streams whose windows the peer never opens cost nothing while it opens the connection\'s', () => {
  const peer = new RawPeer();
  peer.say(opening, frame(4, 0, 0, [0, 4, ...u32(0)]));
  peer.say(frame(1, endHeaders | endStream, 1, peer.block()));
  const { stream } = peer.streams[0] as (typeof peer.streams)[number];
  const looks = countLooks(stream);
  stream.headers([[':status', '200']]);
  stream.write(Uint8Array.of(1, 2), true);
  peer.taken();
  for (let count = 0; count < 500; count += 1) peer.say(frame(8, 0, 0, u32(1)));
  expect(looks()).toBeLessThan(10);
  expect(peer.say(frame(8, 0, 1, u32(1))).map(({ flags, payload }) => [flags, [...payload]])).toEqual([[0, [1]]]);
  expect(peer.say(frame(4, 0, 0, [0, 4, ...u32(9)])).filter(({ type }) => type === 0).map(({ flags, payload }) => [flags, [...payload]])).toEqual([[endStream, [2]]]);
});

test('the connection\'s loss is told to every stream', () => {
  const peer = new RawPeer();
  peer.open();
  peer.say(frame(1, endHeaders, 1, peer.block()), frame(1, endHeaders, 3, peer.block()));
  peer.connection.lost();
  expect(peer.streams.map(({ recorder }) => recorder.log)).toEqual([['reset 8'], ['reset 8']]);
});

/** Our client and our server, joined. */
function pair(): { client: Connection; server: RawPeer; readonly exchange: () => void } {
  const server = new RawPeer();
  const client = new Connection({ ...limits, role: 'client', nowMs: () => 0 }, { output: () => undefined, flush: () => undefined, stream: () => undefined, changed: () => undefined, closed: () => undefined });
  client.start();
  return {
    client, server,
    exchange: () => {
      for (let round = 0; round < 200; round += 1) {
        const [up, down] = [join(...client.take()), join(...server.connection.take())];
        if (up.length + down.length === 0) return;
        server.connection.receive(up);
        client.receive(down);
      }
      throw new Error('they never fall silent');
    },
  };
}

test('a client learns from GOAWAY which requests were not looked at', () => {
  const { client, server, exchange } = pair();
  exchange();
  const recorders = [new Recorder(), new Recorder()];
  client.request([[':method', 'POST'], [':scheme', 'http'], [':path', '/']], recorders[0] as Recorder, true);
  exchange();
  server.connection.close();
  client.request([[':method', 'POST'], [':scheme', 'http'], [':path', '/']], recorders[1] as Recorder, true);
  exchange();
  expect([recorders.map(({ log }) => log), client.open]).toEqual([[[], [`reset ${errorCode.refusedStream}`]], false]);
});

test('any content arrives as it was sent, in any pieces, both ways', () => {
  fc.assert(fc.property(fc.array(fc.nat({ max: 150_000 }), { minLength: 1, maxLength: 5 }), (sizes) => {
    const { client, server, exchange } = pair();
    const recorder = new Recorder();
    const stream = client.request([[':method', 'POST'], [':scheme', 'http'], [':path', '/']], recorder, false);
    const content = sizes.map((size, at) => new Uint8Array(size).fill(at + 1));
    for (const data of content) stream.write(data);
    stream.end();
    exchange();
    const asked = server.streams[0] as (typeof server.streams)[number];
    asked.stream.headers([[':status', '200']]);
    for (const data of content) asked.stream.write(data);
    asked.stream.trailers([['x', 'y']]);
    exchange();
    const sum = (parts: readonly Uint8Array[]): number[] => parts.reduce((counts, part) => { for (const byte of part) counts[byte] = (counts[byte] ?? 0) + 1; return counts; }, [] as number[]);
    expect(sum(asked.recorder.parts)).toEqual(sum(content));
    expect(sum(recorder.parts)).toEqual(sum(content));
    expect(recorder.log.at(-1)).toBe('trailers {"x":"y"}');
    expect([client.streamCount, server.connection.streamCount]).toEqual([0, 0]);
  }), { seed: 18, numRuns: 30 });
});

const anyFrame = fc.tuple(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 9 }), fc.uint8Array({ maxLength: 40 })).map(([type, flags, id, payload]) => frame(type, flags, id, payload));

test('random frames and bytes, in random pieces, never do more than end the connection', () => {
  fc.assert(fc.property(fc.array(fc.oneof({ weight: 6, arbitrary: anyFrame }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }) }), { maxLength: 30 }), fc.integer({ min: 1, max: 50 }), fc.boolean(), (parts, pieceBytes, first) => {
    const peer = new RawPeer();
    const data = join(...(first ? [opening, frame(1, endHeaders, 1, peer.block())] : []), ...parts);
    for (let at = 0; at < data.length; at += pieceBytes) {
      peer.connection.receive(data.subarray(at, at + pieceBytes));
      for (const { stream } of peer.streams) stream.write(Uint8Array.of(1));
    }
    framesOf(join(...peer.connection.take()));
    peer.connection.lost();
    for (const { recorder } of peer.streams) expect(recorder.log.filter((line) => line.startsWith('reset')).length).toBeLessThanOrEqual(1);
  }), { seed: 19, numRuns: 3000 });
});
