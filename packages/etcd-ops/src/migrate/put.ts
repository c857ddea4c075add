import type { EtcdClient, KeyValue, TxnOp } from '@coxswain/etcd-lite/client';

/** etcd's default limits: 128 operations, 1.5 MiB a request; some room is left. */
const batchOps = 100;
const batchBytes = 1024 * 1024;

/**
 * Writes the keys in transactions, as many as the target's limits allow in one. A key whose lease has ended at the source is
 * left out: it is about to go there, and without its lease it would stay here for ever.
 */
export async function putAll(target: EtcdClient, kvs: readonly KeyValue[], leases: ReadonlySet<bigint>): Promise<void> {
  let batch: TxnOp[] = [];
  let sizeBytes = 0;
  for (const kv of kvs) {
    if (kv.lease !== 0n && !leases.has(kv.lease)) continue;
    const kvBytes = kv.key.length + kv.value.length;
    if (batch.length > 0 && (batch.length === batchOps || sizeBytes + kvBytes > batchBytes)) {
      await write(target, batch);
      batch = [];
      sizeBytes = 0;
    }
    batch.push({ type: 'put', key: kv.key, value: kv.value, lease: kv.lease });
    sizeBytes += kvBytes;
  }
  if (batch.length > 0) await write(target, batch);
}

/** A single operation needs no transaction, and a large value then has the whole request. */
async function write(target: EtcdClient, batch: readonly TxnOp[]): Promise<void> {
  const only = batch[0];
  if (batch.length === 1 && only?.type === 'put') await target.put(only);
  else await target.txn({ compare: [], success: batch, failure: [] });
}
