import { utf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { grpcFrame } from '../wire/grpc.ts';
import type { EventMessage, KeyValue } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { ChangeEvent } from '../mvcc/history.ts';
import { WatchFrames } from './watch-frames.ts';
import { WatchOutput } from './watch-output.ts';

function kv(at: number, size: number): KeyValue {
  return { key: utf8(`/registry/${at}`), value: new Uint8Array(size).fill(at), createRevision: 1, modRevision: at, version: 2, lease: BigInt(at) };
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
