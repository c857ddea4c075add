import { internalError, StatusError } from '@coxswain/api';
import { fromUtf8 } from '@coxswain/host';
import type { EtcdClient, KeyValue, RangeOptions, TxnOp, TxnOpResult, TxnOptions, WatchBatch, WatchEvent, WatchOptions } from '@coxswain/etcd-lite/client';
import type { MaybePromise, TransformedKeyValue, ValueTransformer } from './transformer.ts';

type TransformerNow = () => ValueTransformer;

/** What already is an answer (a conversion webhook's failure) stays as it is. */
function failure(error: unknown, key: Uint8Array, named: boolean): Error {
  if (error instanceof StatusError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return internalError(named ? `unable to transform key ${JSON.stringify(fromUtf8(key))}: ${message}` : message);
}

/** `named`: the failure of one among many says which. */
function opened(transformer: ValueTransformer, kv: KeyValue, named: boolean): MaybePromise<TransformedKeyValue> {
  const { key } = kv;
  try {
    const value = transformer.fromStorage(kv.value, key);
    if (value instanceof Promise) {
      return value.then(({ data, stale }) => ({ ...kv, value: data, stale }), (error: unknown) => {
        throw failure(error, key, named);
      });
    }
    return value.data === kv.value && !value.stale ? kv : { ...kv, value: value.data, stale: value.stale };
  } catch (error) {
    throw failure(error, key, named);
  }
}

function allOpened(transformer: ValueTransformer, kvs: readonly KeyValue[], named: boolean): MaybePromise<readonly TransformedKeyValue[]> {
  const values = kvs.map((kv) => opened(transformer, kv, named));
  return values.some((value) => value instanceof Promise) ? Promise.all(values.map((value) => Promise.resolve(value))) : values as TransformedKeyValue[];
}

/** Options' values in the clear become the store's; what only reads passes as it is. */
async function sealedOps(transformer: ValueTransformer, ops: readonly TxnOp[]): Promise<readonly TxnOp[]> {
  return Promise.all(ops.map(async (op) => (op.type === 'put' ? { ...op, value: await transformer.toStorage(op.value, op.key) } : op)));
}

async function openedResults(transformer: ValueTransformer, ops: readonly TxnOp[], results: readonly TxnOpResult[]): Promise<readonly TxnOpResult[]> {
  return Promise.all(results.map(async (result, index) => {
    const op = ops[index];
    if (result.type !== 'range' || op?.type !== 'range' || op.countOnly === true || op.keysOnly === true) return result;
    return { ...result, kvs: await allOpened(transformer, result.kvs, op.rangeEnd !== undefined) };
  }));
}

/**
 * The store of one resource as it looks in the clear. Transactions may not compare values, and nobody asks for former ones: those of the
 * registry do neither.
 */
export function transformedClient(client: EtcdClient, now: TransformerNow): EtcdClient {
  return {
    async range(options: RangeOptions) {
      const result = await client.range(options);
      if (options.countOnly === true || options.keysOnly === true || result.kvs.length === 0) return result;
      return { ...result, kvs: await allOpened(now(), result.kvs, options.rangeEnd !== undefined) };
    },
    put: async (options) => client.put({ ...options, value: await now().toStorage(options.value, options.key) }),
    deleteRange: (options) => client.deleteRange(options),
    async txn(options: TxnOptions) {
      const transformer = now();
      const result = await client.txn({ compare: options.compare, success: await sealedOps(transformer, options.success), failure: await sealedOps(transformer, options.failure) });
      return { ...result, responses: await openedResults(transformer, result.succeeded ? options.success : options.failure, result.responses) };
    },
    compact: (revision) => client.compact(revision),
    watch: (options) => openedWatch(client, options, now),
    requestProgress: () => client.requestProgress(),
    leaseGrant: (options) => client.leaseGrant(options),
    leaseRevoke: (id) => client.leaseRevoke(id),
    leaseKeepAlive: (id) => client.leaseKeepAlive(id),
    leaseTimeToLive: (id) => client.leaseTimeToLive(id),
    status: () => client.status(),
    memberList: () => client.memberList(),
    close: () => client.close(),
  };
}

async function openedEvent(event: WatchEvent, transformer: ValueTransformer): Promise<WatchEvent> {
  return event.type === 'PUT' ? { ...event, kv: await opened(transformer, event.kv, true) } : event;
}

async function* openedWatch(client: EtcdClient, options: WatchOptions, now: TransformerNow): AsyncGenerator<WatchBatch, void, undefined> {
  for await (const batch of client.watch(options)) {
    if (batch.events.length === 0) yield batch;
    else yield { ...batch, events: await Promise.all(batch.events.map((event) => openedEvent(event, now()))) };
  }
}
