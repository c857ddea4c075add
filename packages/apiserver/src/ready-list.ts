import type { JsonObject } from '@coxswain/api';
import type { CacheReader } from './types.ts';

/** Lists a cache once it is filled: one that nobody has asked for before would answer that there is nothing. */
export async function readyList(cache: CacheReader, group: string, resource: string, namespace?: string): Promise<readonly JsonObject[]> {
  // The first call begins to fill it.
  const listed = cache.list(group, resource, namespace);
  if (cache.isReady === true) return listed;
  await cache.whenReady();
  return cache.list(group, resource, namespace);
}
