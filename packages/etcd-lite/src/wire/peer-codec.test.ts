import { concatBytes, utf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import type { Message } from '../raft/types.ts';
import { LengthCutter } from './frames.ts';
import { decodePeerMessage, encodePeerFrame, encodePeerMessage } from './peer-codec.ts';
import { peerMessage } from './schema.ts';

const common = { from: 0xfedc_ba98_7654_3210n, to: 7n, term: 3 };
const messages: readonly Message[] = [
  { ...common, type: 'append', index: 300, logTerm: 2, commit: 299, entries: [{ index: 301, term: 3, data: utf8('one') }, { index: 302, term: 3, data: new Uint8Array(0) }, { index: 303, term: 3, data: new Uint8Array(70_000).fill(9) }] },
  { ...common, type: 'append', index: 0, logTerm: 0, commit: 0, entries: [] },
  { ...common, type: 'append', index: 9, logTerm: 3, commit: 9, entries: [], quiet: true },
  { ...common, type: 'append-response', index: 303, reject: true, hintIndex: 2 ** 40, hintTerm: 1 },
  { ...common, type: 'heartbeat', commit: 5, context: 2 ** 52 },
  { ...common, type: 'propose', term: 0, proposals: [utf8('a'), new Uint8Array(0), utf8('b')] },
  { ...common, type: 'vote', index: 4, logTerm: 2, transfer: true },
  { ...common, type: 'snapshot', snapshot: { index: 9, term: 2 }, conf: { voters: [7n, 8n], learners: [9n] } },
];

test('messages are what the description of PeerMessage says, and come back as they were', () => {
  for (const message of messages) {
    const data = encodePeerMessage(message);
    expect(decodePeerMessage(data)).toEqual(message);
    expect(peerMessage.encode(peerMessage.decode(data))).toEqual(data);
  }
});

test('unknown fields are skipped, unknown types ignored, what is cut off refused', () => {
  const data = encodePeerMessage(messages[4] as Message);
  const later = Uint8Array.of(...data, 0xa0, 0x06, 0x05, 0xaa, 0x06, 0x02, 1, 2);
  expect(decodePeerMessage(later)).toEqual(messages[4]);
  expect(decodePeerMessage(peerMessage.encode({ type: 99, from: 1n, to: 2n, term: 1 }))).toBeUndefined();
  expect(() => decodePeerMessage(encodePeerMessage(messages[0] as Message).subarray(0, 40))).toThrow('longer than its message');
});

test('frames are cut from pieces of any size', () => {
  const stream = messages.flatMap((message) => [...concatBytes(encodePeerFrame(message))]);
  for (const size of [1, 3, 4, 5, 1000, 65_536, stream.length]) {
    const cutter = new LengthCutter(1024 * 1024);
    const got: (Message | undefined)[] = [];
    for (let at = 0; at < stream.length; at += size) cutter.push(Uint8Array.from(stream.slice(at, at + size)), (frame) => { got.push(decodePeerMessage(frame)); });
    expect(got).toEqual(messages);
  }
  expect(() => { new LengthCutter(10).push(Uint8Array.of(11, 0, 0, 0), () => undefined); }).toThrow('larger than 10');
});
