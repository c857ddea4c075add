import type { LeaseTable } from './lease-table.ts';

/**
 * When leases end, by the leader's own monotonic clock. A new leader doesn't know the old one's clock, so it gives every
 * lease its whole time anew: a lease may live longer than granted, never shorter.
 */
export class Lessor {
  readonly #machine: { readonly leases: LeaseTable };
  readonly #expiryMs = new Map<bigint, number>();
  #primary = false;
  /** Nothing expires before it. A renewal may make it earlier than needed, never later. */
  #nextCheckMs = Number.POSITIVE_INFINITY;

  constructor(machine: { readonly leases: LeaseTable }) {
    this.#machine = machine;
  }

  get primary(): boolean {
    return this.#primary;
  }

  /** `graceMs` is added for the time in which no leader could have been reached. */
  promote(nowMs: number, graceMs: number): void {
    this.#primary = true;
    this.#expiryMs.clear();
    this.#nextCheckMs = Number.POSITIVE_INFINITY;
    for (const lease of this.#machine.leases.all()) this.#set(lease.id, nowMs + lease.ttlSeconds * 1000 + graceMs);
  }

  demote(): void {
    this.#primary = false;
    this.#expiryMs.clear();
    this.#nextCheckMs = Number.POSITIVE_INFINITY;
  }

  #set(id: bigint, expiryMs: number): void {
    this.#expiryMs.set(id, expiryMs);
    this.#nextCheckMs = Math.min(this.#nextCheckMs, expiryMs);
  }

  granted(id: bigint, nowMs: number): void {
    const lease = this.#machine.leases.get(id);
    if (this.#primary && lease !== undefined) this.#set(id, nowMs + lease.ttlSeconds * 1000);
  }

  revoked(id: bigint): void {
    this.#expiryMs.delete(id);
  }

  /** Seconds of life it has now; undefined if there is no such lease or its time was up already. */
  renew(id: bigint, nowMs: number): number | undefined {
    const lease = this.#machine.leases.get(id);
    const expiryMs = this.#expiryMs.get(id);
    if (lease === undefined || expiryMs === undefined || expiryMs <= nowMs) return undefined;
    this.#set(id, nowMs + lease.ttlSeconds * 1000);
    return lease.ttlSeconds;
  }

  remainingMs(id: bigint, nowMs: number): number | undefined {
    const expiryMs = this.#expiryMs.get(id);
    return expiryMs === undefined ? undefined : expiryMs - nowMs;
  }

  /** Leases to revoke now, in order of their end. They are named again after `retryMs` if they are still there. */
  expired(nowMs: number, retryMs = 3000): readonly bigint[] {
    if (nowMs < this.#nextCheckMs) return [];
    const due = [...this.#expiryMs].filter(([, expiryMs]) => expiryMs <= nowMs).sort((a, b) => a[1] - b[1]);
    let next = due.length > 0 ? nowMs + retryMs : Number.POSITIVE_INFINITY;
    for (const expiryMs of this.#expiryMs.values()) if (expiryMs > nowMs) next = Math.min(next, expiryMs);
    this.#nextCheckMs = next;
    return due.map(([id]) => id);
  }

  /** When `expired` should be asked next; Infinity: no lease. */
  get nextCheckMs(): number {
    return this.#nextCheckMs;
  }
}
