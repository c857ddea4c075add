import { utf8 } from '@coxswain/host';
import { expect, test } from 'vitest';
import { grpcFrame } from '../wire/grpc.ts';
import type { EventMessage, KeyValue } from '../wire/messages.ts';
import { codecs } from '../wire/schema.ts';
import { WatchFrames } from './watch-frames.ts';

function kv(at: number, size: number): KeyValue {
  return { key: utf8(`/registry/${at}`), value: new Uint8Array(size).fill(at), createRevision: 1, modRevision: at, version: 2, lease: BigInt(at) };
}

test('shared frames are the codec\'s, byte for byte, for every watch', () => {
  const frames = new WatchFrames();
  const one: EventMessage = { type: 0, kv: kv(7, 300) };
  const two: EventMessage = { type: 1, kv: kv(8, 0) };
  for (const [revision, raftTerm] of [[8, 2], [9, 2], [9, 3]] as const) {
    const header = { clusterId: 2n ** 63n + 5n, memberId: 7n, revision, raftTerm };
    for (const watchId of [0, 1, 127, 128, 300, 2 ** 40]) {
      for (const events of [[one], [one, two], [{ ...two, prevKv: kv(3, 20_000) }, one], [two]]) {
        expect([...frames.frame(header, watchId, events)]).toEqual([...grpcFrame(codecs.watchResponse.encode({ header, watchId, events }))]);
      }
    }
  }
});
