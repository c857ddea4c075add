import type { EtcdClient, KeyValue } from '@coxswain/etcd-lite/client';
import { successor, type ByteRange } from './range.ts';

const pageKeys = 1000;

/** A range as it stood at `revision`, page by page in order of keys. Rejects with `compacted` if the source forgets it meanwhile. */
export async function* keysIn(store: EtcdClient, range: ByteRange, revision: number, keysOnly = false): AsyncGenerator<readonly KeyValue[], void, undefined> {
  let { key } = range;
  for (;;) {
    const { kvs, more } = await store.range({ key, rangeEnd: range.rangeEnd, revision, limit: pageKeys, keysOnly });
    if (kvs.length > 0) yield kvs;
    const last = kvs[kvs.length - 1];
    if (!more || last === undefined) return;
    key = successor(last.key);
  }
}
