import type { ApiResource } from '@coxswain/api';
import type { EtcdClient } from '@coxswain/etcd-lite/client';
import { randomBelow, utf8, type Host } from '@coxswain/host';
import type { Metrics } from '@coxswain/service';
import { describeError } from '../transport/describe-error.ts';
import { prefixEnd, resourcePrefix } from './keys.ts';
import type { StorageTimes } from './stores.ts';

export interface PolledStorage {
  /** The stores by which sizes are counted, in order. */
  readonly stores: readonly EtcdClient[];
  readonly keyRoot: string;
  resourcesNow(): readonly ApiResource[];
  storeOf(group: string, resource: string): EtcdClient;
}

async function every(host: Host, ms: number, signal: AbortSignal, run: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await run();
    // Not all servers at once, nor all counts with all sizes.
    await host.timers.sleep(ms + randomBelow(host.random, Math.ceil(ms / 10)), signal).catch(() => undefined);
  }
}

/** One of each storage; a resource that several groups serve is the first one's. */
function storages(polled: PolledStorage): ReadonlyMap<string, ApiResource> {
  const found = new Map<string, ApiResource>();
  for (const api of polled.resourcesNow()) {
    const prefix = resourcePrefix(polled.keyRoot, api, api.custom === true);
    if (api.verbs.includes('list') && !found.has(prefix)) found.set(prefix, api);
  }
  return found;
}

/** What only the store knows, asked for now and then: how many objects there are of each resource, and how large the store is. */
export function pollStorage(host: Host, metrics: Metrics, polled: PolledStorage, { countEveryMs = 60_000, sizeEveryMs = 30_000 }: StorageTimes, signal: AbortSignal): void {
  const objects = metrics.gauge('apiserver_storage_objects', 'Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.', ['resource']);
  const sizes = metrics.gauge('apiserver_storage_size_bytes', 'Size of the storage database file physically allocated in bytes.', ['storage_cluster_id']);
  const count = async (): Promise<void> => {
    for (const [prefix, { group, resource }] of storages(polled)) {
      if (signal.aborted) return;
      const key = utf8(prefix);
      const labels = { resource: group === '' ? resource : `${resource}.${group}` };
      try {
        objects.set((await polled.storeOf(group, resource).range({ key, rangeEnd: prefixEnd(key), countOnly: true })).count, labels);
      } catch (error) {
        objects.set(-1, labels);
        host.log.debug('Objects were not counted', { ...labels, error: describeError(error) });
      }
    }
  };
  const measure = async (): Promise<void> => {
    for (const [at, store] of polled.stores.entries()) {
      try {
        sizes.set((await store.status()).dbSizeBytes, { storage_cluster_id: `etcd-${at}` });
      } catch (error) {
        host.log.debug('The size of a store was not read', { at, error: describeError(error) });
      }
    }
  };
  if (countEveryMs > 0) void every(host, countEveryMs, signal, count);
  if (sizeEveryMs > 0) void every(host, sizeEveryMs, signal, measure);
}
