import { createLocalStore } from '@coxswain/etcd-lite';
import { isEtcdError } from '@coxswain/etcd-lite/client';
import { silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { compactOnce, lastCompacted } from './compactor.ts';

test('two servers take turns, and history of one interval stays', async () => {
  const store = createLocalStore(createRealHost(silentLogger));
  const key = utf8('/registry/x');
  const first = (await store.put({ key, value: utf8('1') })).revision;
  let a = await compactOnce(store, { version: 0, revision: 0, compacted: 0 });
  let b = await compactOnce(store, { version: 0, revision: 0, compacted: 0 });
  const second = (await store.put({ key, value: utf8('2') })).revision;
  // Nobody has forgotten anything yet.
  expect((await store.range({ key, revision: first })).kvs).toHaveLength(1);
  a = await compactOnce(store, a);
  b = await compactOnce(store, b);
  expect([a.compacted, b.compacted]).toEqual([first + 1, first + 1]);
  const refused = await store.range({ key, revision: first }).catch((error: unknown) => error);
  expect(isEtcdError(refused, 'compacted')).toBe(true);
  expect((await store.range({ key, revision: second })).kvs).toHaveLength(1);
  expect(await lastCompacted(store)).toBeLessThan(second);
  expect([a.version, b.version].sort((x, y) => x - y)).toEqual([2, 2]);
  await store.close();
});
