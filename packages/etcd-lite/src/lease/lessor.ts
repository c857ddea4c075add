import type { Lease, LeaseTable } from './lease-table.ts';
import { TimeQueue } from './time-queue.ts';

export interface LeaseCheckpoint {
  readonly ID: bigint;
  /** Seconds; 0: the whole time anew. */
  readonly remainingTTL: number;
}

interface Term {
  expiryMs: number;
  /** When the queues name it; earlier than needed after a renewal, never later. */
  queuedExpiryMs: number;
  queuedCheckpointMs: number;
  /** Its end is on its way through the log. */
  ending: boolean;
  /** A checkpoint is on its way through the log: a renewal has to overtake it there. */
  checkpointing: boolean;
}

/** A lease is written down anew when it has lost half its time since the last time, at the latest after this. */
const checkpointMs = 5 * 60_000;

/**
 * When leases end, by the leader's own monotonic clock. What a new leader knows of the old one's clock are the checkpoints in
 * the log: it gives a lease the time that was last written down. That is never less than was left to it, and at most twice
 * as much, and at most five minutes more.
 *
 * A lease that is kept in time is never written down: its holder renews before half of it is gone.
 */
export class Lessor {
  readonly #machine: { readonly leases: LeaseTable };
  readonly #terms = new Map<bigint, Term>();
  readonly #ends = new TimeQueue();
  readonly #checkpoints = new TimeQueue();
  /** Of the leadership whose clock this is; 0: none. */
  #term = 0;

  constructor(machine: { readonly leases: LeaseTable }) {
    this.#machine = machine;
  }

  get term(): number {
    return this.#term;
  }

  /** When `takeExpired` should be asked next; Infinity: no lease. */
  get nextEndMs(): number {
    return this.#ends.nextMs;
  }

  /**
   * To be called when this leader has applied all that leaders before it have promised. `graceMs` is added for the time in
   * which no leader could have been reached.
   */
  promote(nowMs: number, graceMs: number, term = 1): void {
    this.demote();
    this.#term = term;
    for (const lease of this.#machine.leases.all()) this.#set(lease, nowMs + writtenSeconds(lease) * 1000 + graceMs);
  }

  demote(): void {
    this.#term = 0;
    this.#terms.clear();
    this.#ends.clear();
    this.#checkpoints.clear();
  }

  #set(lease: Lease, expiryMs: number): void {
    let term = this.#terms.get(lease.id);
    if (term === undefined) {
      term = { expiryMs, queuedExpiryMs: Number.POSITIVE_INFINITY, queuedCheckpointMs: Number.POSITIVE_INFINITY, ending: false, checkpointing: false };
      this.#terms.set(lease.id, term);
    }
    term.expiryMs = expiryMs;
    this.#queueEnd(lease.id, term, expiryMs);
    this.#queueCheckpoint(lease, term);
  }

  #queueEnd(id: bigint, term: Term, atMs: number): void {
    if (atMs >= term.queuedExpiryMs) return;
    term.queuedExpiryMs = atMs;
    this.#ends.push(atMs, id);
  }

  #queueCheckpoint(lease: Lease, term: Term): void {
    const atMs = checkpointAtMs(lease, term);
    if (term.checkpointing || atMs >= term.queuedCheckpointMs) return;
    term.queuedCheckpointMs = atMs;
    this.#checkpoints.push(atMs, lease.id);
  }

  granted(id: bigint, nowMs: number): void {
    const lease = this.#machine.leases.get(id);
    if (this.#term > 0 && lease !== undefined) this.#set(lease, nowMs + lease.ttlSeconds * 1000);
  }

  revoked(id: bigint): void {
    this.#terms.delete(id);
  }

  /** Is no renewal any more: it is over, though it may still be there. Undefined: there is no such lease. */
  isOver(id: bigint, nowMs: number): boolean | undefined {
    const term = this.#terms.get(id);
    return term === undefined ? undefined : term.ending || term.expiryMs <= nowMs;
  }

  /** A new leader would give it less than its whole time: that has to be written down before a renewal is answered. */
  mustClearFirst(id: bigint): boolean {
    const lease = this.#machine.leases.get(id);
    return lease !== undefined && (lease.remainingSeconds > 0 || this.#terms.get(id)?.checkpointing === true);
  }

  /** Seconds of life it has now; undefined if there is no such lease or its time was up already. */
  renew(id: bigint, nowMs: number): number | undefined {
    const lease = this.#machine.leases.get(id);
    if (lease === undefined || this.isOver(id, nowMs) !== false) return undefined;
    this.#set(lease, nowMs + lease.ttlSeconds * 1000);
    return lease.ttlSeconds;
  }

  remainingMs(id: bigint, nowMs: number): number | undefined {
    const term = this.#terms.get(id);
    return term === undefined ? undefined : term.expiryMs - nowMs;
  }

  /** At most `limit` leases to end now, in order of their end. Each is named once; `keep` has it named again. */
  takeExpired(nowMs: number, limit: number): readonly bigint[] {
    const due: bigint[] = [];
    while (due.length < limit) {
      const next = this.#ends.take(nowMs);
      if (next === undefined) break;
      const term = this.#terms.get(next.id);
      if (term === undefined || term.queuedExpiryMs !== next.atMs) continue;
      term.queuedExpiryMs = Number.POSITIVE_INFINITY;
      if (term.expiryMs > nowMs) {
        this.#queueEnd(next.id, term, term.expiryMs);
      } else {
        term.ending = true;
        due.push(next.id);
      }
    }
    return due;
  }

  /** It could not be ended: asks for it again at `atMs`. It stays over. */
  notEnded(id: bigint, atMs: number): void {
    const term = this.#terms.get(id);
    if (term !== undefined) this.#queueEnd(id, term, atMs);
  }

  /** What should be written down now, at most `limit`. Each is named once until `checkpointed`. */
  takeCheckpoints(nowMs: number, limit: number): readonly LeaseCheckpoint[] {
    const due: LeaseCheckpoint[] = [];
    while (due.length < limit) {
      const next = this.#checkpoints.take(nowMs);
      if (next === undefined) break;
      const term = this.#terms.get(next.id);
      const lease = this.#machine.leases.get(next.id);
      if (term === undefined || lease === undefined || term.queuedCheckpointMs !== next.atMs) continue;
      term.queuedCheckpointMs = Number.POSITIVE_INFINITY;
      const remainingTTL = Math.ceil((term.expiryMs - nowMs) / 1000);
      if (checkpointAtMs(lease, term) > nowMs) {
        this.#queueCheckpoint(lease, term);
      } else if (remainingTTL > 0 && !term.ending) {
        term.checkpointing = true;
        due.push({ ID: next.id, remainingTTL });
      }
    }
    return due;
  }

  /** Written down, or given up. */
  checkpointed(id: bigint): void {
    const term = this.#terms.get(id);
    const lease = this.#machine.leases.get(id);
    if (term === undefined || lease === undefined) return;
    term.checkpointing = false;
    this.#queueCheckpoint(lease, term);
  }
}

/** What a new leader would give it. */
function writtenSeconds(lease: Lease): number {
  return lease.remainingSeconds > 0 ? lease.remainingSeconds : lease.ttlSeconds;
}

/** When what is left differs so much from what is written that it is worth a write. Infinity: never, it ends before. */
function checkpointAtMs(lease: Lease, term: Term): number {
  const writtenMs = writtenSeconds(lease) * 1000;
  const driftMs = Math.min(checkpointMs, Math.max(1000, writtenMs / 2));
  return writtenMs <= driftMs ? Number.POSITIVE_INFINITY : term.expiryMs - (writtenMs - driftMs);
}
