import { createLocalStore } from '@coxswain/etcd-lite';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { fill, readKept, succeed, tryAll } from '../test/support/taken-over.ts';

test('what kube-apiserver wrote is served as it served it, and can be written and deleted', async () => {
  const host = createRealHost(silentLogger);
  const store = createLocalStore(host);
  const kept = readKept();
  await fill(store, kept);
  const successor = await succeed(store, host);
  expect(await tryAll(successor, kept)).toEqual([]);
  await successor.server.stop();
  await store.close();
});
