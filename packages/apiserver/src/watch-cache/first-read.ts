import { utf8 } from '@coxswain/host';
import { isEtcdError } from '@coxswain/etcd-lite/client';
import type { StoredObject } from '../storage/codec.ts';
import type { ListPage, ResourceStore } from '../storage/store.ts';
import { cacheEvent, type CacheEvent } from './event.ts';

const pageLimit = 2000;

/** All objects of a resource at one revision. */
export interface WholeState {
  readonly revision: number;
  readonly items: readonly StoredObject[];
  /** What happened at that very revision, if that was more than one thing: who goes on from there may have seen only some of it. */
  readonly shared: readonly CacheEvent[];
}

/** In pages: no answer holds everything at once. */
async function readPages(store: ResourceStore): Promise<Pick<ListPage, 'revision' | 'items'>> {
  const { prefix } = store;
  let page = await store.page({ prefix, limit: pageLimit, keep: true });
  const { revision } = page;
  const items = [...page.items];
  while (page.more) {
    page = await store.page({ prefix, limit: pageLimit, keep: true, revision, from: `${(page.items.at(-1) as StoredObject).key}\u0000` });
    for (const item of page.items) items.push(item);
  }
  return { revision, items };
}

/** Where the store has forgotten it, as if nothing but what selectors do not look at had changed. */
async function before(store: ResourceStore, object: StoredObject): Promise<StoredObject | undefined> {
  try {
    const { kvs } = await store.client.range({ key: utf8(object.key), revision: object.revision - 1 });
    return kvs[0] === undefined ? undefined : store.kept(kvs[0]);
  } catch (error) {
    if (isEtcdError(error, 'compacted')) return object;
    throw error;
  }
}

async function sharedAt(store: ResourceStore, { revision, items }: Pick<ListPage, 'revision' | 'items'>): Promise<readonly CacheEvent[]> {
  const shared = items.filter((object) => object.revision === revision);
  if (shared.length < 2) return [];
  return Promise.all(shared.map(async (object) => {
    const previous = await before(store, object);
    return cacheEvent(previous === undefined ? 'ADDED' : 'MODIFIED', object, previous, true);
  }));
}

export async function readWhole(store: ResourceStore): Promise<WholeState> {
  const { revision, items } = await readPages(store);
  return { revision, items, shared: await sharedAt(store, { revision, items }) };
}
