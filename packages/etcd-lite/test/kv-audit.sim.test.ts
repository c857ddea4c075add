import { AsyncQueue, emptyBytes, fromUtf8, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CompareMessage, LeaseGrantResponse, PutRequest, RangeRequest, RequestOp, TxnRequest, TxnResponse, WatchCreateRequest, WatchRequest, WatchResponse } from '../src/wire/messages.ts';
import { codecs } from '../src/wire/schema.ts';
import { callRaw, emptyTxn, rangeRequest, refusal, streamRaw, watchCreate } from './support/raw-call.ts';
import { SimCluster } from './support/sim-cluster.ts';

// What is expected here stands in etcd 3.6.16: server/etcdserver/api/v3rpc/{key,watch,lease,util}.go, etcdserver/txn, storage/mvcc.

const maxRequestBytes = 64 * 1024;
let sim: Simulation;
let cluster: SimCluster;
let host: Host;
let url: string;

function put(key: string, value = '', over: Partial<PutRequest> = {}): PutRequest {
  return { key: utf8(key), value: utf8(value), lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false, ...over };
}

const call = {
  put: (request: PutRequest) => callRaw(host, url, '/etcdserverpb.KV/Put', codecs.putRequest, codecs.putResponse, request),
  range: (request: Partial<RangeRequest> & { readonly key: Uint8Array }) => callRaw(host, url, '/etcdserverpb.KV/Range', codecs.rangeRequest, codecs.rangeResponse, rangeRequest(request)),
  remove: (key: string, rangeEnd = '') => callRaw(host, url, '/etcdserverpb.KV/DeleteRange', codecs.deleteRangeRequest, codecs.deleteRangeResponse, { key: utf8(key), rangeEnd: utf8(rangeEnd), prevKv: false }),
  txn: (request: Partial<TxnRequest>): Promise<TxnResponse> => callRaw(host, url, '/etcdserverpb.KV/Txn', codecs.txnRequest, codecs.txnResponse, { ...emptyTxn, ...request }),
  compact: (revision: number, physical = false) => callRaw(host, url, '/etcdserverpb.KV/Compact', codecs.compactionRequest, codecs.compactionResponse, { revision, physical }),
  grant: (ID: bigint, TTL: number): Promise<LeaseGrantResponse> => callRaw(host, url, '/etcdserverpb.Lease/LeaseGrant', codecs.leaseGrantRequest, codecs.leaseGrantResponse, { ID, TTL }),
  revoke: (ID: bigint) => callRaw(host, url, '/etcdserverpb.Lease/LeaseRevoke', codecs.leaseRevokeRequest, codecs.leaseRevokeResponse, { ID }),
  timeToLive: (ID: bigint) => callRaw(host, url, '/etcdserverpb.Lease/LeaseTimeToLive', codecs.leaseTimeToLiveRequest, codecs.leaseTimeToLiveResponse, { ID, keys: true }),
};

async function revision(): Promise<number> {
  return (await call.range({ key: utf8('x') })).header?.revision ?? 0;
}

/** A watch stream that is told what to do while it runs. */
class Watch {
  readonly #requests = new AsyncQueue<WatchRequest>();
  readonly #answers: AsyncGenerator<WatchResponse, void, undefined>;

  constructor() {
    this.#answers = streamRaw(host, url, '/etcdserverpb.Watch/Watch', codecs.watchRequest, codecs.watchResponse, this.#requests);
  }

  create(over: Partial<WatchCreateRequest> & { readonly key: Uint8Array }): Promise<WatchResponse> {
    this.#requests.push({ createRequest: watchCreate(over) });
    return this.next();
  }

  cancel(watchId: number): void {
    this.#requests.push({ cancelRequest: { watchId } });
  }

  progress(): void {
    this.#requests.push({ progressRequest: {} });
  }

  async next(): Promise<WatchResponse> {
    const { value } = await this.#answers.next();
    if (value === undefined) throw new Error('the stream ended');
    return value;
  }
}

function story(name: string, run: () => Promise<void>): void {
  it(name, () => sim.runUntil(run(), 60_000, name));
}

beforeAll(async () => {
  // A network faster than a slice of compaction.
  sim = new Simulation({ seed: 6, latencyMs: { min: 0.01, max: 0.02 } });
  cluster = new SimCluster(sim, ['m1'], { maxRequestBytes, maxTxnOps: 8 });
  cluster.startAll();
  host = sim.start('c', 'client').host;
  url = cluster.endpoints[0] as string;
  const ready = async (): Promise<void> => { while (await refusal(call.put(put('ready'))) !== 'accepted') await host.timers.sleep(10); };
  await sim.runUntil(ready(), 60_000, 'a leader');
});

afterAll(() => {
  expect(cluster.failures).toEqual([]);
  sim.stop();
});

const emptyKey = '3 etcdserver: key is not provided';
const compacted = '11 etcdserver: mvcc: required revision has been compacted';
const future = '11 etcdserver: mvcc: required revision is a future revision';
const keyNotFound = '3 etcdserver: key not found';
const leaseNotFound = '5 etcdserver: requested lease not found';
const duplicateKey = '3 etcdserver: duplicate key given in txn request';

describe('Range', () => {
  story('refuses what etcd refuses', async () => {
    expect(await refusal(call.range({ key: emptyBytes }))).toBe(emptyKey);
    expect(await refusal(call.range({ key: utf8('a'), sortOrder: 3 }))).toBe('3 etcdserver: invalid sort option');
    expect(await refusal(call.range({ key: utf8('a'), sortTarget: 5 }))).toBe('3 etcdserver: invalid sort option');
    expect(await refusal(call.range({ key: utf8('a'), revision: await revision() + 1 }))).toBe(future);
    // A negative revision is the newest, alone; in a transaction only while nothing was compacted.
    expect(await refusal(call.range({ key: utf8('a'), revision: -7 }))).toBe('accepted');
    expect(await refusal(call.txn({ success: [{ requestRange: rangeRequest({ key: utf8('a'), revision: -1 }) }] }))).toBe('accepted');
    expect(await refusal(call.txn({ success: [{ requestRange: rangeRequest({ key: utf8('a'), revision: -2 }) }] }))).toBe(compacted);
  });

  story('count is of the whole range; limit, filters and order only choose what comes back', async () => {
    for (const [key, value] of [['r1', 'c'], ['r2', 'b'], ['r3', 'a'], ['r2', 'd']] as const) await call.put(put(key, value));
    const all = { key: utf8('r1'), rangeEnd: utf8('r9') };
    const keys = async (over: Partial<RangeRequest>): Promise<unknown[]> => {
      const { kvs, more, count } = await call.range({ ...all, ...over });
      return [kvs.map(({ key }) => fromUtf8(key)).join(), more, count];
    };
    const newest = await revision();
    expect(await keys({ limit: 2 })).toEqual(['r1,r2', true, 3]);
    expect(await keys({ limit: 3 })).toEqual(['r1,r2,r3', false, 3]);
    expect(await keys({ sortTarget: 4 })).toEqual(['r3,r1,r2', false, 3]);
    expect(await keys({ sortTarget: 4, sortOrder: 2, limit: 1 })).toEqual(['r2', true, 3]);
    expect(await keys({ sortTarget: 1, sortOrder: 2, limit: 1 })).toEqual(['r2', true, 3]);
    expect(await keys({ minModRevision: newest })).toEqual(['r2', false, 3]);
    expect(await keys({ maxModRevision: newest - 1, limit: 1 })).toEqual(['r1', true, 3]);
    expect(await keys({ minCreateRevision: newest - 2, maxCreateRevision: newest - 2 })).toEqual(['r2', false, 3]);
    expect(await keys({ countOnly: true, limit: 1 })).toEqual(['', false, 3]);
    expect(await keys({ revision: newest - 1, sortTarget: 4 })).toEqual(['r3,r2,r1', false, 3]);
    expect((await call.range({ ...all, keysOnly: true })).kvs.map(({ value }) => value.length)).toEqual([0, 0, 0]);
    expect((await call.range({ key: utf8('r2'), rangeEnd: Uint8Array.of(0) })).kvs.slice(0, 2).map(({ key }) => fromUtf8(key))).toEqual(['r2', 'r3']);
    expect((await call.range({ key: utf8('s'), rangeEnd: utf8('r') })).count).toBe(0);
  });
});

describe('Put', () => {
  story('refuses what etcd refuses', async () => {
    expect(await refusal(call.put(put('')))).toBe(emptyKey);
    expect(await refusal(call.put(put('a', 'v', { ignoreValue: true })))).toBe('3 etcdserver: value is provided');
    expect(await refusal(call.put(put('a', '', { ignoreLease: true, lease: 5n })))).toBe('3 etcdserver: lease is provided');
    expect(await refusal(call.put(put('none', '', { ignoreValue: true })))).toBe(keyNotFound);
    expect(await refusal(call.put(put('none', 'v', { ignoreLease: true })))).toBe(keyNotFound);
    expect(await refusal(call.put(put('none', 'v', { lease: 5n })))).toBe(leaseNotFound);
    // The lease is looked for before the key, but after it in a transaction.
    const both = put('none', '', { lease: 5n, ignoreValue: true });
    expect(await refusal(call.put(both))).toBe(leaseNotFound);
    expect(await refusal(call.txn({ success: [{ requestPut: both }] }))).toBe(keyNotFound);
  });

  story('a request over --max-request-bytes is too large, a message over that and 512 KiB is refused unread', async () => {
    expect(await refusal(call.put(put('big', 'x'.repeat(maxRequestBytes - 200))))).toBe('accepted');
    expect(await refusal(call.put(put('big', 'x'.repeat(maxRequestBytes))))).toBe('3 etcdserver: request is too large');
    const limit = maxRequestBytes + 512 * 1024;
    const size = codecs.putRequest.encode(put('big', 'x'.repeat(limit))).length;
    expect(await refusal(call.put(put('big', 'x'.repeat(limit))))).toBe(`8 grpc: received message larger than max (${size} vs. ${limit})`);
  });
});

describe('Txn', () => {
  const get = (key: string): RequestOp => ({ requestRange: rangeRequest({ key: utf8(key) }) });
  const set = (key: string, value = ''): RequestOp => ({ requestPut: put(key, value) });
  const del = (key: string, rangeEnd = ''): RequestOp => ({ requestDeleteRange: { key: utf8(key), rangeEnd: utf8(rangeEnd), prevKv: false } });
  const nested = (over: Partial<TxnRequest>): RequestOp => ({ requestTxn: { ...emptyTxn, ...over } });
  const value = (key: string, text: string): CompareMessage => ({ result: 0, target: 3, key: utf8(key), rangeEnd: emptyBytes, value: utf8(text) });

  story('refuses what etcd refuses', async () => {
    expect(await refusal(call.txn({ success: Array.from({ length: 9 }, () => get('a')) }))).toBe('3 etcdserver: too many operations in txn request');
    expect(await refusal(call.txn({ success: [...Array.from({ length: 7 }, () => get('a')), nested({ success: [get('a')] })] }))).toBe('3 etcdserver: too many operations in txn request');
    expect(await refusal(call.txn({ compare: [{ ...value('a', ''), key: emptyBytes }] }))).toBe(emptyKey);
    expect(await refusal(call.txn({ failure: [set('')] }))).toBe(emptyKey);
    expect(await refusal(call.txn({ success: [{}] }))).toBe(keyNotFound);
    expect(await refusal(call.txn({ success: [set('a'), set('a')] }))).toBe(duplicateKey);
    expect(await refusal(call.txn({ failure: [set('b'), del('a', 'c')] }))).toBe(duplicateKey);
    expect(await refusal(call.txn({ success: [set('a'), nested({ failure: [set('a')] })] }))).toBe(duplicateKey);
    expect(await refusal(call.txn({ success: [nested({ success: [del('a')] }), set('a')] }))).toBe(duplicateKey);
    expect(await refusal(call.txn({ success: [nested({ success: [set('a')], failure: [set('a')] })] }))).toBe('accepted');
    expect(await refusal(call.txn({ success: [del('a'), del('a', 'c')] }))).toBe('accepted');
    expect(await refusal(call.txn({ success: [{ requestRange: rangeRequest({ key: utf8('a'), revision: 1_000_000 }) }, set('never')] }))).toBe(future);
    expect((await call.range({ key: utf8('never') })).count).toBe(0);
  });

  story('reads within it see what it wrote; a nested answer\'s own header is empty', async () => {
    await call.remove('t', 'u');
    const before = await revision();
    const { header, succeeded, responses } = await call.txn({ compare: [value('t1', '')], success: [], failure: [get('t1'), set('t1', 'one'), get('t1'), nested({ success: [del('t3')] }), del('t2')] });
    expect([header?.revision, succeeded]).toEqual([before + 1, false]);
    expect(responses[0]?.responseRange).toMatchObject({ count: 0, header: { revision: before } });
    expect(responses[1]?.responsePut?.header?.revision).toBe(before + 1);
    expect(responses[2]?.responseRange).toMatchObject({ count: 1, header: { revision: before + 1 } });
    expect(responses[3]?.responseTxn?.header).toEqual({ clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 });
    expect(responses[4]?.responseDeleteRange).toMatchObject({ deleted: 0, header: { revision: before + 1 } });
  });

  story('a compare of a missing key: its value never compares, everything else is zero', async () => {
    const compare = (over: Partial<CompareMessage>): Promise<boolean> => call.txn({ compare: [{ result: 0, target: 0, key: utf8('missing'), rangeEnd: emptyBytes, ...over }] }).then(({ succeeded }) => succeeded);
    expect(await compare({ target: 3, value: emptyBytes })).toBe(false);
    expect(await compare({ target: 3, result: 3, value: utf8('x') })).toBe(false);
    expect(await compare({ target: 0, version: 0 })).toBe(true);
    expect(await compare({ target: 1, createRevision: 0 })).toBe(true);
    expect(await compare({ target: 2, result: 2, modRevision: 1 })).toBe(true);
    expect(await compare({ target: 4, lease: 0n })).toBe(true);
    expect(await compare({ target: 0, version: 0, rangeEnd: utf8('missinh') })).toBe(true);
  });
});

describe('Lease', () => {
  story('refuses what etcd refuses', async () => {
    expect(await refusal(call.grant(1n, 9_000_000_001))).toBe('11 etcdserver: too large lease TTL');
    // One and a half elections of a second are the shortest.
    expect(await call.grant(1n, 1)).toMatchObject({ ID: 1n, TTL: 2, error: '' });
    expect(await refusal(call.grant(1n, 60))).toBe('9 etcdserver: lease already exists');
    expect(await refusal(call.revoke(99n))).toBe(leaseNotFound);
    expect(await call.timeToLive(99n)).toMatchObject({ ID: 99n, TTL: -1, grantedTTL: 0, keys: [] });
    expect((await call.grant(0n, 60)).ID > 0n).toBe(true);
    const unknown = await callRaw(host, url, '/etcdserverpb.Lease/LeaseKeepAlive', codecs.leaseKeepAliveRequest, codecs.leaseKeepAliveResponse, { ID: 99n });
    expect(unknown).toMatchObject({ ID: 99n, TTL: 0 });
  });
});

describe('Watch', () => {
  story('ids are the client\'s or counted; a taken one and an empty range are refused with id -1', async () => {
    const watch = new Watch();
    expect(await watch.create({ key: utf8('w') })).toMatchObject({ watchId: 0, created: true, canceled: false });
    expect(await watch.create({ key: utf8('w'), watchId: 2 })).toMatchObject({ watchId: 2, created: true });
    expect(await watch.create({ key: utf8('w'), watchId: 2 })).toMatchObject({ watchId: -1, created: true, canceled: true, cancelReason: 'mvcc: duplicate watch ID provided on the WatchStream' });
    expect((await watch.create({ key: utf8('w') })).watchId).toBe(1);
    expect((await watch.create({ key: utf8('w') })).watchId).toBe(3);
    expect(await watch.create({ key: utf8('b'), rangeEnd: utf8('a') })).toMatchObject({ watchId: -1, created: true, canceled: true, cancelReason: 'mvcc: watcher range is empty' });
    expect(await watch.create({ key: utf8('b'), rangeEnd: utf8('b') })).toMatchObject({ watchId: -1, cancelReason: 'mvcc: watcher range is empty' });
    watch.cancel(77);
    watch.cancel(2);
    expect(await watch.next()).toMatchObject({ watchId: 2, canceled: true, cancelReason: '', compactRevision: 0 });
  });

  story('a negative start is refused, a future one is waited for and holds progress back (#20221)', async () => {
    const now = await revision();
    const watch = new Watch();
    expect(await watch.create({ key: utf8('w'), startRevision: -1 }))
      .toMatchObject({ watchId: -1, created: true, canceled: true, compactRevision: 0, cancelReason: 'etcdserver: mvcc: required revision has been compacted' });
    await watch.create({ key: utf8('f'), startRevision: now + 3 });
    watch.progress();
    for (const text of ['1', '2', '3', '4']) await call.put(put('f', text));
    const seen = await watch.next();
    expect(seen.events.map(({ kv }) => [kv.modRevision, fromUtf8(kv.value)])[0]).toEqual([now + 3, '3']);
  });

  story('progress is told on request when everything before it was delivered, under id -1, and not without watches (#15220)', async () => {
    const watch = new Watch();
    watch.progress();
    const from = await revision() + 1;
    for (let at = 0; at < 50; at += 1) await call.put(put('p', String(at)));
    expect(await watch.create({ key: utf8('p'), startRevision: from })).toMatchObject({ created: true });
    watch.progress();
    let last = from - 1;
    for (;;) {
      const answer = await watch.next();
      if (answer.events.length === 0) {
        expect(answer).toMatchObject({ watchId: -1, created: false, canceled: false, header: { revision: from + 49 } });
        break;
      }
      for (const { kv } of answer.events) {
        expect(kv.modRevision).toBe(last + 1);
        last += 1;
      }
    }
    expect(last).toBe(from + 49);
  });

  story('filters, previous values, fragments', async () => {
    const from = await revision() + 1;
    await call.put(put('q', '1'));
    await call.put(put('q', '2'));
    await call.remove('q');
    const types = async (over: Partial<WatchCreateRequest>): Promise<unknown[]> => {
      const watch = new Watch();
      await watch.create({ key: utf8('q'), startRevision: from, ...over });
      const { events } = await watch.next();
      return events.map(({ type, kv, prevKv }) => [type, kv.version, prevKv === undefined ? undefined : fromUtf8(prevKv.value)]);
    };
    expect(await types({})).toEqual([[0, 1, undefined], [0, 2, undefined], [1, 0, undefined]]);
    expect(await types({ prevKv: true })).toEqual([[0, 1, undefined], [0, 2, '1'], [1, 0, '2']]);
    expect(await types({ filters: [1] })).toEqual([[0, 1, undefined], [0, 2, undefined]]);
    expect(await types({ filters: [0] })).toEqual([[1, 0, undefined]]);
    const big = 'x'.repeat(maxRequestBytes / 4);
    const watch = new Watch();
    await watch.create({ key: utf8('z'), rangeEnd: utf8('{'), fragment: true, prevKv: true });
    await call.txn({ success: ['z1', 'z2', 'z3'].map((key) => ({ requestPut: put(key, big) })) });
    expect(await watch.next()).toMatchObject({ fragment: false, events: [{}, {}, {}] });
    await call.txn({ success: ['z1', 'z2', 'z3'].map((key) => ({ requestPut: put(key, big) })) });
    const parts = [await watch.next()];
    while (parts.at(-1)?.fragment === true) parts.push(await watch.next());
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.flatMap(({ events }) => events.map(({ kv }) => fromUtf8(kv.key)))).toEqual(['z1', 'z2', 'z3']);
    for (const part of parts) expect(codecs.watchResponse.encode(part).length).toBeLessThan(maxRequestBytes);
  });
});

describe('Compact', () => {
  story('reads, watches and compactions below it are refused, those at it are not; physical waits for all of it', async () => {
    for (let at = 0; at < 20; at += 1) await call.put(put('c', String(at)));
    const now = await revision();
    expect(await refusal(call.compact(now + 1))).toBe(future);
    expect((await call.compact(now - 1, true)).header?.revision).toBe(now);
    expect(await refusal(call.compact(now - 1))).toBe(compacted);
    expect(await refusal(call.compact(now - 1, true))).toBe(compacted);
    expect(await refusal(call.compact(-1))).toBe(compacted);
    expect(await refusal(call.range({ key: utf8('c'), revision: now - 2 }))).toBe(compacted);
    expect(await refusal(call.range({ key: utf8('c'), revision: now - 1 }))).toBe('accepted');
    expect(await refusal(call.txn({ success: [{ requestRange: rangeRequest({ key: utf8('c'), revision: -1 }) }] }))).toBe(compacted);
    const watch = new Watch();
    const created = await watch.create({ key: utf8('c'), startRevision: now - 2 });
    expect(created).toMatchObject({ created: true, canceled: false });
    expect(await watch.next()).toMatchObject({ watchId: created.watchId, canceled: true, compactRevision: now - 1, cancelReason: '' });
    const at = new Watch();
    await at.create({ key: utf8('c'), startRevision: now - 1 });
    expect((await at.next()).events.map(({ kv }) => kv.modRevision)).toEqual([now - 1, now]);
  });

  story('a physical compaction has freed everything when it answers', async () => {
    const sizeBytes = async (): Promise<number> => (await callRaw(host, url, '/etcdserverpb.Maintenance/Status', codecs.statusRequest, codecs.statusResponse, {})).dbSizeInUse;
    for (let round = 0; round < 60; round += 1) await Promise.all(Array.from({ length: 100 }, (_, at) => call.put(put(`many${round % 30}-${at}`, 'x'.repeat(50)))));
    await call.compact(await revision(), true);
    const atOnce = await sizeBytes();
    await host.timers.sleep(5000);
    expect(await sizeBytes()).toBe(atOnce);
  });
});
