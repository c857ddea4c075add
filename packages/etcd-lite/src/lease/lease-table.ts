import { etcdError } from '../client/errors.ts';
import type { LeaseKeys } from '../mvcc/execute.ts';

export interface Lease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** What was left of it when it was last written down; 0: all of it. A new leader gives it that. */
  remainingSeconds: number;
  readonly keys: Set<string>;
}

/** etcd's bound, in seconds. */
export const maxLeaseTtlSeconds = 9_000_000_000;

/** The replicated half of leases: which exist and what hangs on them. When they end is the leader's business (`Lessor`). */
export class LeaseTable implements LeaseKeys {
  readonly #leases = new Map<bigint, Lease>();

  grant(id: bigint, ttlSeconds: number): Lease {
    if (ttlSeconds > maxLeaseTtlSeconds) throw etcdError('leaseTtlTooLarge');
    if (this.#leases.has(id)) throw etcdError('leaseExists');
    const lease: Lease = { id, ttlSeconds, remainingSeconds: 0, keys: new Set() };
    this.#leases.set(id, lease);
    return lease;
  }

  /** In order, so that every member deletes them alike. Throws leaseNotFound. */
  keysOf(id: bigint): readonly string[] {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw etcdError('leaseNotFound');
    return [...lease.keys].sort();
  }

  remove(id: bigint): void {
    this.#leases.delete(id);
  }

  /** A lease that is gone meanwhile is passed over. */
  checkpoint(id: bigint, remainingSeconds: number): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined) lease.remainingSeconds = remainingSeconds;
  }

  get(id: bigint): Lease | undefined {
    return this.#leases.get(id);
  }

  has(id: bigint): boolean {
    return this.#leases.has(id);
  }

  attach(id: bigint, key: string): void {
    this.#leases.get(id)?.keys.add(key);
  }

  detach(id: bigint, key: string): void {
    this.#leases.get(id)?.keys.delete(key);
  }

  get size(): number {
    return this.#leases.size;
  }

  all(): Iterable<Lease> {
    return this.#leases.values();
  }
}
