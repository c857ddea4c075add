import { createLocalStore } from '@coxswain/etcd-lite';
import { EtcdError, type EtcdClient, type WatchBatch } from '@coxswain/etcd-lite/client';
import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoredObject, type StorageCodec } from '../storage/codec.ts';
import { ResourceStore } from '../storage/store.ts';
import { TooOld, WatchCache } from './cache.ts';
import { cacheEvent, EventRing } from './event.ts';
import { SortedMap } from './sorted-map.ts';
import { Watcher, type WatcherItem } from './watcher.ts';

const host = createRealHost(silentLogger);
const codec: StorageCodec = { encode: (object) => JSON.stringify(object), decode: (value) => JSON.parse(fromUtf8(value)) as ReturnType<StorageCodec['decode']> };
let client: EtcdClient;
let store: ResourceStore;
let cache: WatchCache;
beforeEach(() => {
  client = createLocalStore(host);
  store = new ResourceStore(client, host.timers, '/registry/things/', codec);
  cache = new WatchCache(store, host);
});
afterEach(async () => {
  cache.stop();
  await client.close();
});

async function write(name: string, expected = 0): Promise<number> {
  const result = await store.put(`/registry/things/${name}`, { metadata: { name, uid: name } }, expected);
  if (result.kind !== 'written') throw new Error('conflict');
  return result.object.revision;
}

async function take(watcher: Watcher, count: number): Promise<WatcherItem[]> {
  const items: WatcherItem[] = [];
  while (items.length < count) {
    const more = await watcher.take();
    if (more === undefined) throw new Error(`the watch ended after ${items.length} of ${count}`);
    items.push(...more);
  }
  return items;
}

function shown(items: readonly WatcherItem[]): string[] {
  return items.map((item) => (item.kind === 'event' ? `${item.event.type} ${item.event.object.key.slice(17)} ${item.event.revision}` : `BOOKMARK ${item.revision}`));
}

test('state, then every change in order, without gap or repeat', async () => {
  const a = await write('a');
  await cache.start();
  const watcher = cache.watchFromState('/registry/things/', { markEnd: true });
  const b = await write('b');
  const a2 = await write('a', a);
  const stored = await store.get('/registry/things/b');
  await store.remove(stored as NonNullable<typeof stored>);
  const seen = shown(await take(watcher, 5));
  expect(seen).toEqual([`ADDED a ${a}`, `BOOKMARK ${a}`, `ADDED b ${b}`, `MODIFIED a ${a2}`, `DELETED b ${a2 + 1}`]);
  expect(cache.get('/registry/things/b')).toBeUndefined();
});

test('who has read ahead of the cache is not told again what he knows', async () => {
  await cache.start();
  // A list in pieces was read from the store at a revision that the cache has yet to hear of.
  const watcher = cache.watchAfter(cache.revision + 1);
  const first = await write('a');
  const second = await write('b');
  expect(shown(await take(watcher, 1))).toEqual([`ADDED b ${second}`]);
  expect(first).toBe(second - 1);
});

test('a watch goes on from any revision since the start, and not from before', async () => {
  const before = await write('a');
  await cache.start();
  const after = await write('b');
  await cache.fresh();
  expect(shown(await take(cache.watchAfter(after - 1), 1))).toEqual([`ADDED b ${after}`]);
  expect(() => cache.watchAfter(before - 1)).toThrow(TooOld);
});

test('fresh waits for what others wrote, also below other prefixes', async () => {
  await cache.start();
  const revision = await write('a');
  await client.put({ key: new TextEncoder().encode('/registry/other/x'), value: new Uint8Array() });
  await Promise.all([cache.fresh(), cache.fresh(), cache.fresh()]);
  expect(cache.revision).toBe(revision + 1);
  expect(cache.list('/registry/things/')).toHaveLength(1);
});

test('when the store has compacted what is missing, the cache reads anew and ends its watchers', async () => {
  const a = await write('a');
  await write('b');
  const compacted = Promise.withResolvers<void>();
  let watches = 0;
  /** The first watch ends as one does whose revision is gone. */
  async function* watchOnce(...args: Parameters<EtcdClient['watch']>): AsyncGenerator<WatchBatch, void, undefined> {
    watches += 1;
    if (watches > 1) {
      yield* client.watch(...args);
      return;
    }
    await compacted.promise;
    yield { revision: 0, events: [], canceled: true, compactRevision: 1 };
  }
  const lossy = new Proxy(client, { get: (target, key) => {
    const value: unknown = key === 'watch' ? watchOnce : Reflect.get(target, key, target);
    return typeof value === 'function' ? (value.bind(target) as unknown) : value;
  } });
  const behind = new WatchCache(new ResourceStore(lossy, host.timers, '/registry/things/', codec), host);
  await behind.start();
  const watcher = behind.watchAfter(behind.revision);
  const told: string[] = [];
  const both = Promise.withResolvers<void>();
  behind.onEvent((event) => {
    told.push(`${event.type} ${event.object.key.slice(17)}`);
    if (told.length === 2) both.resolve();
  });
  await write('a', a);
  const gone = await store.get('/registry/things/b');
  await store.remove(gone as NonNullable<typeof gone>);
  compacted.resolve();
  await both.promise;
  expect(await watcher.take()).toBeUndefined();
  expect(told).toEqual(['MODIFIED a', 'DELETED b']);
  behind.stop();
});

test('a reader that falls behind is dropped, the others go on', () => {
  let closed = 0;
  const slow = new Watcher({ events: 2, sizeBytes: 1000 }, 0, () => { closed += 1; });
  for (let revision = 1; revision <= 3; revision += 1) slow.push({ kind: 'bookmark', revision, initialEventsEnd: false });
  expect([slow.closed, closed]).toEqual([true, 1]);
});

test('the ring forgets the oldest and says so', async () => {
  const ring = new EventRing(3, Infinity, 10);
  const revisions: number[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const revision = await write(name);
    const object = await store.get(`/registry/things/${name}`);
    ring.push(cacheEvent('ADDED', object as NonNullable<typeof object>, undefined));
    revisions.push(revision);
  }
  expect(ring.after(revisions[0] as number)).toBeUndefined();
  expect(ring.after(revisions[1] as number)?.map((event) => event.revision)).toEqual(revisions.slice(2));
  expect(ring.after(revisions[4] as number)).toEqual([]);
});

test('the ring forgets the oldest where they are large, but for the last hundred', () => {
  const ring = new EventRing(1000, 10_000, 0);
  const stored = (revision: number, sizeBytes: number): StoredObject => new StoredObject('/registry/things/a', new Uint8Array(sizeBytes), revision, codec);
  const push = (revision: number, sizeBytes: number): void => { ring.push(cacheEvent('MODIFIED', stored(revision, sizeBytes), undefined)); };
  for (let revision = 1; revision <= 500; revision += 1) push(revision, 10);
  expect(ring.after(0)).toHaveLength(500);
  push(501, 6000);
  expect([ring.completeAbove, ring.after(0)]).toEqual([100, undefined]);
  for (let revision = 502; revision <= 700; revision += 1) push(revision, 6000);
  expect(ring.after(600)?.map((event) => event.revision)).toEqual(Array.from({ length: 100 }, (_, at) => 601 + at));
});

test('a sorted map lists as the store does', () => {
  const map = new SortedMap<number>();
  for (const key of ['b/2', 'a/1', 'b/1', 'c', 'b/10']) map.set(key, key.length);
  map.delete('b/2');
  map.set('b/1', 7);
  expect(map.withPrefix('b/')).toEqual([7, 4]);
  expect(map.size).toBe(4);
});

test('a store member that is behind is asked again how far it is', async () => {
  let asked = 0;
  const behind = createLocalStore(host);
  const told: ((batch: WatchBatch) => void)[] = [];
  const slow: EtcdClient = new Proxy(behind, {
    get: (target, name) => {
      if (name === 'watch') return async function* watch(): AsyncGenerator<WatchBatch, void, undefined> { for (;;) yield await new Promise<WatchBatch>((resolve) => { told.push(resolve); }); };
      if (name !== 'requestProgress') return (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target);
      return async () => {
        asked += 1;
        // It applied the write only after it was asked for the first time.
        told.shift()?.({ revision: asked === 1 ? 1 : (await target.status()).revision, events: [], progressNotify: true });
      };
    },
  });
  const lagging = new WatchCache(new ResourceStore(slow, host.timers, '/registry/things/', codec), host);
  await lagging.start();
  await behind.put({ key: new TextEncoder().encode('/registry/other/x'), value: new Uint8Array() });
  await lagging.fresh();
  expect(lagging.revision).toBe(2);
  expect(asked).toBeGreaterThan(1);
  lagging.stop();
  await behind.close();
});

test('a state of more objects than a reader may have waiting does not end its watch', async () => {
  const watcher = new Watcher({ events: 2, sizeBytes: 1000 }, 0, () => undefined);
  const bookmark = (revision: number): WatcherItem => ({ kind: 'bookmark', revision, initialEventsEnd: false });
  watcher.preload([1, 2, 3].map(bookmark));
  watcher.push(bookmark(4));
  watcher.push(bookmark(5));
  expect(watcher.closed).toBe(false);
  expect(await watcher.take()).toHaveLength(5);
  for (const revision of [6, 7, 8]) watcher.push(bookmark(revision));
  expect(watcher.closed).toBe(true);
});

test('what shares the revision of the first read is told again to who goes on from there, not to who is further', async () => {
  const put = (name: string) => ({ type: 'put', key: utf8(`/registry/things/${name}`), value: utf8(`{"metadata":{"name":"${name}","uid":"${name}"}}`) }) as const;
  const { revision } = await client.txn({ compare: [], success: [put('a'), put('b')], failure: [] });
  const many = 10_003;
  const kv = (modRevision: number) => ({ key: put('c').key, value: put('c').value, createRevision: revision + 1, modRevision, version: 1, lease: 0n });
  async function* watch(): AsyncGenerator<WatchBatch, void, undefined> {
    yield { revision: revision + many, events: Array.from({ length: many }, (_, at) => ({ type: 'PUT', kv: kv(revision + 1 + at) }) as const) };
    await new Promise(() => {});
  }
  const told = new Proxy(client, { get: (target, key) => {
    const value: unknown = key === 'watch' ? watch : Reflect.get(target, key, target);
    return typeof value === 'function' ? (value.bind(target) as unknown) : value;
  } });
  const long = new WatchCache(new ResourceStore(told, host.timers, '/registry/things/', codec), host);
  await long.start();
  expect(shown(await take(long.watchAfter(revision), 2))).toEqual([`ADDED a ${revision}`, `ADDED b ${revision}`]);
  expect(await long.reached(revision + many)).toBe(true);
  // The oldest revision that the ring still goes on from.
  const seen = shown(await take(long.watchAfter(revision + 3), 1));
  expect(seen[0]).toBe(`MODIFIED c ${revision + 4}`);
  long.stop();
});

/** As an etcd before 3.4.31: it says how far it is before the events that are on their way. */
function hasty(inner: EtcdClient): EtcdClient {
  async function* watch(...args: Parameters<EtcdClient['watch']>): AsyncGenerator<WatchBatch, void, undefined> {
    for await (const batch of inner.watch(...args)) {
      if (batch.events.length > 0) yield { ...batch, events: [], progressNotify: true };
      yield batch;
    }
  }
  return {
    range: (options) => inner.range(options), txn: (options) => inner.txn(options), leaseGrant: (options) => inner.leaseGrant(options), leaseRevoke: (id) => inner.leaseRevoke(id),
    status: () => Promise.reject(new EtcdError(14, 'an old one')), requestProgress: () => inner.requestProgress(), close: () => inner.close(), watch,
  } as Partial<EtcdClient> as EtcdClient;
}

/** As `hasty`, and the events come only when they are let go. */
function held(inner: EtcdClient, letGo: Promise<void>): EtcdClient {
  const early = hasty(inner);
  async function* watch(...args: Parameters<EtcdClient['watch']>): AsyncGenerator<WatchBatch, void, undefined> {
    for await (const batch of early.watch(...args)) {
      if (batch.events.length > 0) await letGo;
      yield batch;
    }
  }
  return { ...early, watch };
}

test('what is asked for at a revision never stands on progress that was told too early', async () => {
  const letGo = Promise.withResolvers<void>();
  cache = new WatchCache(new ResourceStore(held(client, letGo.promise), host.timers, '/registry/things/', codec), host);
  await cache.start();
  const a = await write('a');
  let there: boolean | undefined;
  const reached = cache.reached(a).then((answer) => { there = answer; });
  await host.timers.sleep(150);
  expect([there, cache.revision < a, cache.list('/registry/things/')]).toEqual([undefined, true, []]);
  letGo.resolve();
  await reached;
  expect([there, cache.list('/registry/things/').length]).toEqual([true, 1]);
  // What other resources do needs no event of this one.
  const { revision } = await client.put({ key: utf8('/registry/others/x'), value: utf8('x') });
  expect([await cache.reached(revision), cache.revision]).toEqual([true, revision]);
  expect(await cache.reached(revision + 1)).toBe(false);
}, 10_000);

test('no event is lost where the store tells its progress too early', async () => {
  const early = new ResourceStore(hasty(client), host.timers, '/registry/things/', codec);
  cache = new WatchCache(early, host);
  await cache.start();
  const watcher = cache.watchAfter(cache.revision);
  const a = await write('a');
  const b = await write('b');
  expect(shown(await take(watcher, 2))).toEqual([`ADDED a ${a}`, `ADDED b ${b}`]);
  expect(cache.list('/registry/things/')).toHaveLength(2);
});
