import { createLocalStore } from '@coxswain/etcd-lite';
import type { EtcdClient, TxnOptions } from '@coxswain/etcd-lite/client';
import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { SharedWrites } from './shared-writes.ts';

const host = createRealHost(silentLogger);

function writeOf(name: string): TxnOptions {
  const key = utf8(name);
  return { compare: [{ key, result: 'equal', target: 'mod', value: 0 }], success: [{ type: 'put', key, value: utf8(name) }], failure: [{ type: 'range', key }] };
}

test('one that cannot be encrypted or converted does not take the others with it', async () => {
  const store = createLocalStore(host);
  const isBad = ({ success }: TxnOptions): boolean => success.some((op) => op.type === 'put' && fromUtf8(op.key) === 'bad');
  const client: EtcdClient = new Proxy(store, { get: (target, key) => {
    if (key === 'txn') return (options: TxnOptions) => (isBad(options) ? Promise.reject(new Error('conversion webhook failed')) : target.txn(options));
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? (value.bind(target) as unknown) : value;
  } });
  const writes = new SharedWrites(client, host.timers);
  const outcomes = await Promise.allSettled(['a', 'bad', 'c'].map((name) => writes.txn(writeOf(name))));
  expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value.succeeded : (one.reason as Error).message))).toEqual([true, 'conversion webhook failed', true]);
  await store.close();
});
