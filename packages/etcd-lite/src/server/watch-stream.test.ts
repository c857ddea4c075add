import { silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { putRequest } from '../client/convert.ts';
import { Machine } from '../machine/machine.ts';
import { WatchHub } from '../watch/hub.ts';
import { codecs } from '../wire/schema.ts';
import { WatchFrames } from './watch-frames.ts';
import { WatchStream } from './watch-stream.ts';

test('a client that asks and does not read is not read from, and gets every answer when it reads', async () => {
  const asked = 5000;
  let sent = 0;
  // Each is refused, so nothing but its answer remains of it.
  const request = codecs.watchRequest.encode({ createRequest: { key: Uint8Array.of(1), rangeEnd: new Uint8Array(0), startRevision: -1, progressNotify: false, filters: [], prevKv: false, watchId: 0, fragment: false } });
  async function* requests(): AsyncGenerator<Uint8Array, void, undefined> {
    for (; sent < asked; sent += 1) yield request;
  }
  const stream = new WatchStream({
    host: createRealHost(silentLogger), hub: undefined as unknown as WatchHub, progressNotifyMs: 60_000, maxFragmentBytes: 1000, load: async () => undefined,
    header: () => ({ clusterId: 1n, memberId: 1n, revision: 1, raftTerm: 1 }), frames: new WatchFrames(), permit: async () => undefined,
  });
  const answers = stream.run({ peer: { address: 'a' }, requests: requests(), signal: new AbortController().signal });
  let answerBytes = (await answers.next()).value?.length ?? 0;
  for (let turn = 0; turn < 30_000; turn += 1) await Promise.resolve();
  expect(sent).toBeLessThan(2500);
  for await (const part of answers) answerBytes += part.length;
  expect(sent).toBe(asked);
  const { length } = codecs.watchResponse.encode({ header: { clusterId: 1n, memberId: 1n, revision: 1, raftTerm: 1 }, watchId: -1, created: true, canceled: true, cancelReason: 'etcdserver: mvcc: required revision has been compacted', events: [] });
  expect(answerBytes).toBe(asked * (length + 5));
});

test('watches that look through a long history give others turns meanwhile', async () => {
  const machine = new Machine();
  const put = (key: string): void => { machine.apply({ ID: 1n, put: putRequest({ key: utf8(key), value: utf8('v') }) }); };
  for (let count = 0; count < 50_000; count += 1) put('other');
  put('k');
  async function* requests(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let count = 0; count < 4; count += 1) {
      yield codecs.watchRequest.encode({ createRequest: { key: utf8('k'), rangeEnd: new Uint8Array(0), startRevision: 2, progressNotify: false, filters: [], prevKv: false, watchId: 0, fragment: false } });
    }
  }
  const abort = new AbortController();
  const stream = new WatchStream({
    host: createRealHost(silentLogger), hub: new WatchHub(machine.store), progressNotifyMs: 60_000, maxFragmentBytes: 1000, load: async () => undefined,
    header: () => ({ clusterId: 1n, memberId: 1n, revision: machine.store.revision, raftTerm: 1 }), frames: new WatchFrames(), permit: async () => undefined,
  });
  let turns = 0;
  const others = setInterval(() => { turns += 1; }, 0);
  let answers = 0;
  for await (const part of stream.run({ peer: { address: 'a' }, requests: requests(), signal: abort.signal })) {
    for (let at = 0; at < part.length; at += 5 + new DataView(part.buffer, part.byteOffset).getUint32(at + 1)) answers += 1;
    if (answers === 8) abort.abort();
  }
  clearInterval(others);
  // Four were created, each with one event; 200,000 revisions were looked through, not more than about 10,000 at a time.
  expect(answers).toBe(8);
  expect(turns).toBeGreaterThanOrEqual(10);
});
