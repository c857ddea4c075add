import { utf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { grpcFrame } from '../wire/grpc.ts';
import type { EventMessage, KeyValue } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { ChangeEvent } from '../mvcc/history.ts';
import { WatchFrames } from './watch-frames.ts';
import { WatchOutput } from './watch-output.ts';

function kv(at: number, size: number, lease = BigInt(at)): KeyValue {
  return { key: utf8(`/registry/${at}`), value: new Uint8Array(size).fill(at), createRevision: 1, modRevision: at, version: 2, lease };
}

test('shared frames are the codec\'s, byte for byte, for every watch', () => {
  const frames = new WatchFrames();
  const one: EventMessage = { type: 0, kv: kv(7, 300) };
  const two = new ChangeEvent(1, kv(8, 0), undefined);
  for (const [revision, raftTerm] of [[8, 2], [9, 2], [9, 3]] as const) {
    const header = { clusterId: 2n ** 63n + 5n, memberId: 7n, revision, raftTerm };
    const out = new WatchOutput();
    const expected: number[] = [];
    for (const events of [[one], [one, two], [{ type: two.type, kv: two.kv, prevKv: kv(3, 20_000) }, one], [two]]) {
      for (const watchId of [0, 1, 127, 128, 300, 300, 2 ** 40, 2 ** 40 + 1, 0, 5]) {
        frames.write(out, header, watchId, events);
        expected.push(...grpcFrame(codecs.watchResponse.encode({ header, watchId, events })));
      }
      const control = grpcFrame(codecs.watchResponse.encode({ header, watchId: 3, created: true, events: [] }));
      out.frame(control);
      expected.push(...control);
    }
    expect(Buffer.compare(out.finish(), Uint8Array.from(expected))).toBe(0);
  }
});

test('an event is the codec\'s, byte for byte, whatever its numbers', () => {
  const numbers = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 2 ** 53 - 1];
  const leases = [0n, 1n, 127n, 128n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 35n, 0x1234_5678_9abc_def0n, 2n ** 63n - 1n, -1n];
  const events = numbers.map((number, at): EventMessage => ({
    type: at % 2, kv: { ...kv(3, at * 100, leases[at]), createRevision: number, modRevision: number, version: number },
    ...(at % 3 === 0 ? { prevKv: kv(4, 0, leases[numbers.length - 1 - at]) } : {}),
  }));
  const header = { clusterId: 1n, memberId: 7n, revision: 5, raftTerm: 1 };
  const out = new WatchOutput();
  new WatchFrames().write(out, header, 1, events);
  expect(Buffer.compare(out.finish(), grpcFrame(codecs.watchResponse.encode({ header, watchId: 1, events })))).toBe(0);
});
