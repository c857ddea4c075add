import { createLocalStore } from '@coxswain/etcd-lite';
import { fromUtf8, silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import type { StorageCodec } from '../storage/codec.ts';
import { ResourceStore, type ListPage } from '../storage/store.ts';
import { WatchCache } from './cache.ts';

const host = createRealHost(silentLogger);
const codec: StorageCodec = { encode: (object) => JSON.stringify(object), decode: (value) => JSON.parse(fromUtf8(value)) as ReturnType<StorageCodec['decode']> };
const prefix = '/registry/things/';

/** The same numbers each time. */
function* numbers(): Generator<number, never, undefined> {
  for (let state = 7; ; state = (state * 48_271) % 2_147_483_647) yield state;
}

function shown(page: ListPage | undefined): unknown {
  return page && { items: page.items.map((item) => `${item.key} ${item.revision}`), more: page.more, count: page.count };
}

test('a piece of the past is what the store had then, until that is compacted', async () => {
  const client = createLocalStore(host);
  const store = new ResourceStore(client, host.timers, prefix, codec);
  const cache = new WatchCache(store, host);
  await cache.start();
  const random = numbers();
  const revisions = [cache.revision];
  for (let step = 0; step < 300; step += 1) {
    const key = `${prefix}${random.next().value % 2}/${random.next().value % 40}`;
    const current = await store.get(key);
    const written = current !== undefined && random.next().value % 3 === 0 ? await store.remove(current) : await store.put(key, { metadata: { name: key, uid: String(step) } }, current?.revision ?? 0);
    if (written.kind === 'written') revisions.push(written.object.revision);
  }
  await cache.fresh();
  for (const revision of revisions) {
    const under = random.next().value % 3 === 0 ? prefix : `${prefix}${random.next().value % 2}/`;
    const from = random.next().value % 2 === 0 ? under : `${under}${random.next().value % 40}\u0000`;
    const limit = 1 + (random.next().value % 30);
    expect(shown(cache.pageAt(revision, { prefix: under, from, limit }))).toEqual(shown(await store.page({ prefix: under, from, limit, revision })));
  }
  const whole = { prefix, from: prefix, limit: 10 };
  expect(cache.pageAt(cache.revision + 1, whole)).toBeUndefined();
  const middle = revisions[150] as number;
  cache.compacted(middle);
  expect(cache.pageAt(middle - 1, whole)).toBeUndefined();
  expect(cache.pageAt(middle, whole)).toBeDefined();
  cache.stop();
  await client.close();
});
