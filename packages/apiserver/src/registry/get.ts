import { notFound } from '@coxswain/api';
import type { StoredObject } from '../storage/codec.ts';
import type { WatchCache } from '../watch-cache/cache.ts';
import { trustsProgress } from '../watch-cache/progress.ts';
import type { Operation } from './context.ts';
import { parseRevision, tooLargeResourceVersion } from './list.ts';
import { storeFor } from './traced-store.ts';
import { keyOf } from './update.ts';

/** So many at once are worth asking how new the cache is, once for all of them, rather than reading each from the store. */
const many = 8;
const underWay = new WeakMap<WatchCache, number>();

async function newest(operation: Operation, key: string): Promise<StoredObject | undefined> {
  const { cache, store } = operation.kind.hub;
  const others = underWay.get(cache) ?? 0;
  underWay.set(cache, others + 1);
  try {
    if (others >= many && cache.ready && (await trustsProgress(store.client)) && (await cache.isFresh())) return cache.get(key);
    return await storeFor(operation).get(key);
  } finally {
    underWay.set(cache, (underWay.get(cache) as number) - 1);
  }
}

/** Without resourceVersion what the store has now; with one, any state that is not older, from memory. */
export async function getObject(operation: Operation, resourceVersion: string): Promise<StoredObject> {
  const { kind, info } = operation;
  const key = keyOf(operation);
  let found: StoredObject | undefined;
  if (resourceVersion === '') {
    found = await newest(operation, key);
  } else {
    const revision = parseRevision(resourceVersion);
    await kind.hub.cache.start();
    if (!(await kind.hub.cache.reached(revision))) throw tooLargeResourceVersion(revision, kind.hub.cache.revision);
    found = kind.hub.cache.get(key);
  }
  if (found === undefined) throw notFound(kind.api, info.name);
  return found;
}
