import { conflict, notFound, StatusError, type JsonObject } from '@coxswain/api';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import { fromUtf8, utf8 } from '@coxswain/host';
import type { StoredObject } from '../storage/codec.ts';
import { prefixEnd, objectKey } from '../storage/keys.ts';
import type { CacheChange, CacheReader, ObjectMutator, RawStore } from '../types.ts';
import { noteWrite } from './context.ts';
import type { LeaseGuards } from './lease-guards.ts';
import { lockMessage } from './metadata.ts';
import { copy, copyParts } from './object.ts';
import type { Registry } from './registry.ts';
import { storeFor } from './traced-store.ts';

class Change implements CacheChange {
  readonly type: CacheChange['type'];
  readonly namespace: string;
  readonly name: string;
  readonly #stored: StoredObject;

  constructor(type: CacheChange['type'], stored: StoredObject, prefix: string) {
    const slash = stored.key.indexOf('/', prefix.length);
    this.type = type;
    this.namespace = slash < 0 ? '' : stored.key.slice(prefix.length, slash);
    this.name = stored.key.slice(Math.max(slash + 1, prefix.length));
    this.#stored = stored;
  }

  get object(): JsonObject {
    return this.#stored.object;
  }

  get nodeName(): string {
    return this.#stored.nodeName;
  }
}

/** Reads of the watch caches. What is asked for is begun to be cached, and ready after the next `whenReady`. */
export function cacheReader(registry: Registry): CacheReader {
  const starting = new Set<Promise<void>>();
  const cacheOf = (group: string, resource: string): { readonly cache: NonNullable<ReturnType<Registry['storedKind']>>['hub']['cache']; readonly prefix: string } | undefined => {
    const kind = registry.storedKind(group, resource);
    if (kind === undefined) return undefined;
    const { cache, store } = kind.hub;
    if (!cache.ready) {
      const start = cache.start();
      starting.add(start);
      void start.then(() => starting.delete(start));
    }
    return { cache, prefix: store.prefix };
  };
  return {
    get(group, resource, namespace, name) {
      const found = cacheOf(group, resource);
      return found?.cache.get(objectKey(found.prefix, namespace, name))?.object;
    },
    list(group, resource, namespace) {
      const found = cacheOf(group, resource);
      if (found === undefined) return [];
      return found.cache.list(namespace === undefined || namespace === '' ? found.prefix : `${found.prefix}${namespace}/`).map((stored) => stored.object);
    },
    onChange(group, resource, listener, options = {}) {
      const found = cacheOf(group, resource);
      if (found === undefined) return () => {};
      const { cache, prefix } = found;
      // What is read later is told by the cache itself.
      if (options.known === true) for (const stored of cache.list(prefix)) listener(new Change('ADDED', stored, prefix));
      return cache.onEvent(({ type, object }) => listener(new Change(type, object, prefix)));
    },
    get isReady() { return starting.size === 0; },
    async whenReady() {
      if (starting.size > 0) await Promise.all(starting);
    },
  };
}

const maxAttempts = 100;
const registryRoot = '/registry';

/** Below admission and validation. The change is seen by watchers like any other. */
export function objectMutator(registry: Registry, guards: LeaseGuards): ObjectMutator {
  return {
    async mutate(group, resource, key, change, options = {}) {
      const kind = registry.storedKind(group, resource);
      const what = { group, resource };
      if (kind === undefined) throw notFound(what, key.name);
      const { cache } = kind.hub;
      const store = storeFor({ kind, notes: options.notes });
      const path = objectKey(kind.hub.store.prefix, key.namespace, key.name);
      let current = cache.ready ? cache.latest(path) : undefined;
      let certain = false;
      for (let tries = 0; tries < maxAttempts; tries += 1) {
        if (current === undefined || (options.dryRun === true && !certain)) {
          current = await store.get(path);
          certain = true;
        }
        if (current === undefined) throw notFound(what, key.name);
        const guard = options.term === undefined ? undefined : await guards.of(options.term, what, key.name);
        const object: JsonObject = options.shallow === true ? copyParts(current.object) : copy(current.object);
        try {
          change(object);
        } catch (error) {
          if (certain || !(error instanceof StatusError)) throw error;
          // The refusal may rest on a stale state.
          current = undefined;
          continue;
        }
        if (options.dryRun === true) return object;
        const result = await store.put(path, object, current.revision, { shared: options.shared === true, guard });
        if (result.kind === 'written') {
          cache.wrote(result.object);
          if (options.notes !== undefined) noteWrite({ kind, notes: options.notes }, object, result.object.revision);
          return result.object.object;
        }
        guards.outdated(guard);
        current = result.current;
        certain = true;
        if (current === undefined) throw notFound(what, key.name);
      }
      throw conflict(what, key.name, lockMessage);
    },
  };
}

/** Keys are given below `/registry`, which stands for the root of all keys. */
export function rawStore(client: EtcdClient, keyRoot: string): RawStore {
  const bytesOf = (key: string): Uint8Array => utf8(keyRoot + key.slice(registryRoot.length));
  return {
    async get(key) {
      const { kvs } = await client.range({ key: bytesOf(key) });
      return kvs[0] === undefined ? undefined : { value: kvs[0].value, modRevision: kvs[0].modRevision };
    },
    async list(prefix) {
      const start = bytesOf(prefix);
      const { kvs } = await client.range({ key: start, rangeEnd: prefixEnd(start) });
      return kvs.map((kv) => ({ key: registryRoot + fromUtf8(kv.key).slice(keyRoot.length), value: kv.value, modRevision: kv.modRevision }));
    },
    async compareAndPut(key, value, modRevision, options = {}) {
      const bytes = bytesOf(key);
      const lease = options.ttlSeconds === undefined ? undefined : (await client.leaseGrant({ ttlSeconds: options.ttlSeconds })).id;
      const result = await client.txn({
        compare: [{ key: bytes, result: 'equal', target: 'mod', value: modRevision }],
        success: [{ type: 'put', key: bytes, value, ...(lease === undefined ? {} : { lease }) }], failure: [],
      });
      if (!result.succeeded && lease !== undefined) await client.leaseRevoke(lease);
      return result.succeeded;
    },
    async compareAndDelete(key, modRevision) {
      const bytes = bytesOf(key);
      const result = await client.txn({
        compare: [{ key: bytes, result: 'equal', target: 'mod', value: modRevision }], success: [{ type: 'delete-range', key: bytes }], failure: [],
      });
      return result.succeeded;
    },
  };
}
