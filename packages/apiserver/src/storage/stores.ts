import type { EtcdClient } from '@coxswain/etcd-lite/client';

/** `GROUP/RESOURCE` (`/events`) → where it is kept instead. */
export type StoresByResource = ReadonlyMap<string, EtcdClient>;

export function storeKeyOf(group: string, resource: string): string {
  return `${group}/${resource}`;
}

/** Every store once, the one of everything else first. */
export function allStores(store: EtcdClient, others: StoresByResource = new Map()): readonly EtcdClient[] {
  return [...new Set([store, ...others.values()])];
}

export interface StorageTimes {
  /** --etcd-healthcheck-timeout: of the check `etcd`. Default 2 s. */
  readonly healthTimeoutMs?: number;
  /** --etcd-readycheck-timeout: of the check `etcd-readiness`. Default 2 s. */
  readonly readyTimeoutMs?: number;
  /** --etcd-count-metric-poll-period; 0: never. Default 1 m. */
  readonly countEveryMs?: number;
  /** --etcd-db-metric-poll-interval; 0: never. Default 30 s. */
  readonly sizeEveryMs?: number;
  /** --lease-reuse-duration-seconds: how long keys that expire share a lease. Default 60. */
  readonly leaseReuseSeconds?: number;
}
