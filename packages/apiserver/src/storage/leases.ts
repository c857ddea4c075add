import type { Clock } from '@coxswain/host';
import type { EtcdClient } from '@coxswain/etcd-lite/client';

/**
 * Leases for keys that expire (events), shared by all that are written within a minute (`reuseSeconds`) or 1,000 objects: one lease a key would
 * cost the store more than the key.
 */
export class EventLeases {
  readonly #client: EtcdClient;
  readonly #clock: Clock;
  readonly #ttlSeconds: number;
  readonly #reuseMs: number;
  #current: { readonly id: bigint; readonly grantedAtMs: number; uses: number } | undefined;
  #granting: Promise<bigint> | undefined;

  constructor(client: EtcdClient, clock: Clock, ttlSeconds: number, reuseSeconds = 60) {
    this.#client = client;
    this.#clock = clock;
    this.#ttlSeconds = ttlSeconds;
    this.#reuseMs = Math.min(reuseSeconds * 1000, ttlSeconds * 50);
  }

  async current(): Promise<bigint> {
    const held = this.#current;
    if (held !== undefined && held.uses < 1000 && this.#clock.monotonicMs() - held.grantedAtMs < this.#reuseMs) {
      held.uses += 1;
      return held.id;
    }
    this.#granting ??= this.#grant().finally(() => { this.#granting = undefined; });
    return this.#granting;
  }

  async #grant(): Promise<bigint> {
    // Longer by the time for which it is shared, so that no key lives shorter than asked.
    const ttlSeconds = this.#ttlSeconds + Math.ceil(this.#reuseMs / 1000);
    const { id } = await this.#client.leaseGrant({ ttlSeconds });
    this.#current = { id, grantedAtMs: this.#clock.monotonicMs(), uses: 1 };
    return id;
  }
}
