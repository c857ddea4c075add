import { fromUtf8, silentLogger, utf8, type Host, type TimerHandle } from '@coxswain/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EtcdError } from './errors.ts';
import { createLocalStore } from './local-store.ts';
import type { EtcdClient, WatchBatch } from './types.ts';

/** Time stands until it is moved; nothing else of the host is used here. */
function manualHost(): { readonly host: Host; readonly advance: (ms: number) => void } {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  const after = (delayMs: number, run: () => void): TimerHandle => {
    const timer = { at: now + delayMs, run };
    timers.add(timer);
    return { cancel: () => { timers.delete(timer); } };
  };
  const advance = (ms: number): void => {
    const end = now + ms;
    for (;;) {
      const due = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      timers.delete(due);
      now = Math.max(now, due.at);
      due.run();
    }
    now = end;
  };
  let random = 0;
  const host = {
    clock: { nowMs: () => now, monotonicMs: () => now }, timers: { after, sleep: () => Promise.resolve() },
    random: { uint32: () => { random += 1; return random; }, float: () => 0.5, bytes: (n: number) => new Uint8Array(n), uuid: () => '' }, log: silentLogger,
  } as unknown as Host;
  return { host, advance };
}

const k = utf8;

describe('the store in one process', () => {
  let store: EtcdClient;
  let advance: (ms: number) => void;
  beforeEach(() => {
    const manual = manualHost();
    advance = manual.advance;
    store = createLocalStore(manual.host);
  });
  afterEach(async () => { await store.close(); });

  it('counts revisions from 2, versions from 1, and starts them anew after a delete', async () => {
    expect((await store.put({ key: k('a'), value: k('1') })).revision).toBe(2);
    expect((await store.put({ key: k('a'), value: k('2') })).revision).toBe(3);
    expect((await store.range({ key: k('a') })).kvs[0]).toMatchObject({ createRevision: 2, modRevision: 3, version: 2 });
    expect((await store.deleteRange({ key: k('a'), prevKv: true })).prevKvs.map((kv) => fromUtf8(kv.value))).toEqual(['2']);
    expect((await store.deleteRange({ key: k('a') })).revision).toBe(4);
    await store.put({ key: k('a'), value: k('3') });
    expect((await store.range({ key: k('a') })).kvs[0]).toMatchObject({ createRevision: 5, modRevision: 5, version: 1 });
  });

  it('reads the past, refuses the compacted and the future with etcd\'s words', async () => {
    for (const value of ['1', '2', '3']) await store.put({ key: k('a'), value: k(value) });
    expect(fromUtf8((await store.range({ key: k('a'), revision: 3 })).kvs[0]?.value as Uint8Array)).toBe('2');
    await store.compact(4);
    await expect(store.range({ key: k('a'), revision: 3 })).rejects.toThrow(new EtcdError(11, 'etcdserver: mvcc: required revision has been compacted'));
    await expect(store.range({ key: k('a'), revision: 9 })).rejects.toThrow(new EtcdError(11, 'etcdserver: mvcc: required revision is a future revision'));
    await expect(store.compact(4)).rejects.toThrow('etcdserver: mvcc: required revision has been compacted');
  });

  it('pages a range, with the count of all', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await store.put({ key: k(`/x/${name}`), value: k(name) });
    const page = await store.range({ key: k('/x/'), rangeEnd: k('/x0'), limit: 3 });
    expect({ ...page, kvs: page.kvs.map((kv) => fromUtf8(kv.key)) }).toEqual({ revision: 5, more: true, count: 4, kvs: ['/x/a', '/x/b', '/x/c'] });
  });

  it('runs one branch of a transaction as one revision', async () => {
    await store.put({ key: k('a'), value: k('1') });
    const swap = { compare: [{ key: k('a'), target: 'mod', value: 2, result: 'equal' }], success: [{ type: 'put', key: k('a'), value: k('2') }, { type: 'put', key: k('b'), value: k('2') }], failure: [{ type: 'range', key: k('a') }] } as const;
    expect(await store.txn(swap)).toMatchObject({ succeeded: true, revision: 3, responses: [{ type: 'put' }, { type: 'put' }] });
    expect(await store.txn(swap)).toMatchObject({ succeeded: false, revision: 3, responses: [{ type: 'range', count: 1 }] });
    await expect(store.txn({ compare: [], success: [{ type: 'put', key: k('a'), value: k('') }, { type: 'put', key: k('a'), value: k('') }], failure: [] }))
      .rejects.toThrow('etcdserver: duplicate key given in txn request');
  });

  it('tells a watch of the past, then of the present, and ends it where the past is gone', async () => {
    await store.put({ key: k('w1'), value: k('1') });
    await store.deleteRange({ key: k('w1') });
    const stop = new AbortController();
    const seen: WatchBatch[] = [];
    for await (const batch of store.watch({ key: k('w'), rangeEnd: k('x'), startRevision: 2, prevKv: true, signal: stop.signal })) {
      seen.push(batch);
      if (seen.length === 2) await store.put({ key: k('w2'), value: k('2') });
      if (seen.length === 3) stop.abort();
    }
    expect(seen[0]).toMatchObject({ created: true, events: [] });
    expect(seen.slice(1).flatMap((batch) => batch.events).map((event) => [event.type, fromUtf8(event.kv.key), event.kv.modRevision, event.prevKv?.modRevision]))
      .toEqual([['PUT', 'w1', 2, undefined], ['DELETE', 'w1', 3, 2], ['PUT', 'w2', 4, undefined]]);
    await store.compact(4);
    const late: WatchBatch[] = [];
    for await (const batch of store.watch({ key: k('w'), rangeEnd: k('x'), startRevision: 2, signal: new AbortController().signal })) late.push(batch);
    expect(late.at(-1)).toMatchObject({ canceled: true, compactRevision: 4 });
  });

  it('deletes a lease\'s keys when its time is up, not before, and not if it was renewed', async () => {
    const { id } = await store.leaseGrant({ ttlSeconds: 10 });
    await store.put({ key: k('l'), value: k('1'), lease: id });
    advance(9_000);
    expect(await store.leaseKeepAlive(id)).toEqual({ ttlSeconds: 10 });
    advance(9_999);
    expect((await store.range({ key: k('l') })).count).toBe(1);
    advance(2);
    expect((await store.range({ key: k('l') })).count).toBe(0);
    expect(await store.leaseKeepAlive(id)).toEqual({ ttlSeconds: 0 });
    await expect(store.put({ key: k('l'), value: k('1'), lease: id })).rejects.toThrow(new EtcdError(5, 'etcdserver: requested lease not found'));
  });

  it('ends watches when it is closed', async () => {
    const watch = store.watch({ key: k('a'), signal: new AbortController().signal })[Symbol.asyncIterator]();
    await watch.next();
    const next = watch.next();
    await store.close();
    await expect(next).rejects.toThrow('etcdserver: server stopped');
  });
});
