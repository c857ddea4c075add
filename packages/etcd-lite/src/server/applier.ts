import type { Host } from '@coxswain/host';
import { Lessor } from '../lease/lessor.ts';
import type { Applied, Machine } from '../machine/machine.ts';
import { decodeMachine, encodeMachine } from '../machine/snapshot.ts';
import { entryKind, readConfChange, type Entry, type SnapshotMeta } from '../raft/index.ts';
import type { SnapshotStore } from '../wal/index.ts';
import { WatchHub } from '../watch/hub.ts';
import type { RevisionRecord } from '../mvcc/history.ts';
import { codecs } from '../wire/schema.ts';
import type { InternalRequest } from '../wire/messages.ts';

export interface ApplierHooks {
  /** The answer to an entry, for whoever on this member waits for it. */
  answered(id: bigint, applied: Applied): void;
  /** The list of members in the state is another. */
  membersChanged(): void;
  /** A no-op: a new leader's term has begun in the log. */
  termBegan(term: number): void;
  /** Somebody's password was right: from now on `token` stands for the user on every member. */
  authenticated(user: string, token: string): void;
  /** A snapshot of the own state is durable. */
  snapshotTaken(snapshot: SnapshotMeta): void;
}

export interface ApplierOptions {
  readonly snapshotCount: number;
}

/** Revisions dropped in one go after a compaction. */
const pruneBudget = 2000;

/** The replicated state of this member with what hangs on it: leases' clocks, watches, snapshots. */
export class Applier {
  readonly #host: Host;
  readonly #snapshots: SnapshotStore;
  readonly #hooks: ApplierHooks;
  readonly #options: ApplierOptions;
  #machine: Machine;
  readonly lessor: Lessor;
  /** What was applied since the start, for /metrics. */
  readonly counts = { puts: 0, deletes: 0, txns: 0, leasesGranted: 0, leasesRevoked: 0 };
  readonly hub: WatchHub;
  #index: number;
  #snapshotIndex: number;
  #snapshotting = false;
  #pruning = false;
  readonly #pruneWaiters: (() => void)[] = [];
  #stopped = false;

  constructor(host: Host, snapshots: SnapshotStore, machine: Machine, index: number, options: ApplierOptions, hooks: ApplierHooks) {
    this.#host = host;
    this.#snapshots = snapshots;
    this.#machine = machine;
    this.#index = index;
    this.#snapshotIndex = index;
    this.#options = options;
    this.#hooks = hooks;
    const current = (): Machine => this.#machine;
    this.lessor = new Lessor({ get leases() { return current().leases; } });
    this.hub = new WatchHub(machine.store);
  }

  get machine(): Machine {
    return this.#machine;
  }

  /** The last entry that is in the state. */
  get index(): number {
    return this.#index;
  }

  apply(entry: Entry): void {
    this.#index = entry.index;
    if (entry.data.length === 0) {
      this.#hooks.termBegan(entry.term);
      return;
    }
    const request = codecs.internalRequest.decode(entryKind(entry.data) === 'conf-change' ? readConfChange(entry.data).payload : entry.data);
    const applied = this.#withToken(request, this.#machine.apply(request));
    if (applied.error === undefined) this.#follow(request);
    if (applied.record !== undefined) this.#count(request, applied.record);
    if (applied.record !== undefined) this.hub.publish(applied.record);
    this.#hooks.answered(request.ID, applied);
  }

  #count(request: InternalRequest, { changes }: RevisionRecord): void {
    for (const { kv } of changes) {
      if (kv.version === 0) this.counts.deletes += 1;
      else this.counts.puts += 1;
    }
    if (request.txn !== undefined) this.counts.txns += 1;
  }

  /** The position in the log makes a token unique and tells other members when they must know it. */
  #withToken(request: InternalRequest, applied: Applied): Applied {
    const authenticate = request.auth?.authenticate;
    if (authenticate === undefined || applied.error !== undefined) return applied;
    const token = authenticate.simpleToken === '' ? '' : `${authenticate.simpleToken}.${this.#index}`;
    this.#hooks.authenticated(authenticate.name, token);
    return { ...applied, response: { token } };
  }

  #follow(request: InternalRequest): void {
    if (request.leaseGrant !== undefined) this.counts.leasesGranted += 1;
    else if (request.leaseRevoke !== undefined) this.counts.leasesRevoked += 1;
    if (request.leaseGrant !== undefined) this.lessor.granted(request.leaseGrant.ID, this.#host.clock.monotonicMs());
    else if (request.leaseRevoke !== undefined) this.lessor.revoked(request.leaseRevoke.ID);
    else if (request.leaseCheckpoint !== undefined) for (const { ID } of request.leaseCheckpoint.checkpoints) this.lessor.checkpointed(ID);
    else if (request.compaction !== undefined) this.#prune();
    else if (request.membership !== undefined) this.#hooks.membersChanged();
  }

  /** Resolves when what compactions so far have superseded is gone from memory. */
  pruned(): Promise<void> {
    if (this.#machine.store.pruned || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => { this.#pruneWaiters.push(resolve); });
  }

  /** The physical half of a compaction, in slices. A snapshot may be encoded meanwhile: it holds its own references. */
  #prune(): void {
    if (this.#pruning || this.#stopped) return;
    if (this.#machine.store.prune(pruneBudget)) {
      for (const resolve of this.#pruneWaiters.splice(0)) resolve();
      return;
    }
    this.#pruning = true;
    this.#host.timers.after(1, () => {
      this.#pruning = false;
      this.#prune();
    });
  }

  maybeSnapshot(termOf: (index: number) => number | undefined): void {
    if (this.#snapshotting || this.#stopped || this.#index - this.#snapshotIndex < this.#options.snapshotCount) return;
    const term = termOf(this.#index);
    if (term === undefined) return;
    this.#snapshotting = true;
    void this.#takeSnapshot({ index: this.#index, term }, encodeMachine(this.#machine));
  }

  async #takeSnapshot(snapshot: SnapshotMeta, chunks: Iterable<Uint8Array>): Promise<void> {
    const startMs = this.#host.clock.monotonicMs();
    try {
      const sizeBytes = await this.#snapshots.save(snapshot, chunks, 'own');
      if (this.#stopped) return;
      this.#snapshotIndex = Math.max(this.#snapshotIndex, snapshot.index);
      this.#hooks.snapshotTaken(snapshot);
      this.#host.log.info('snapshot taken', { index: snapshot.index, sizeBytes, ms: Math.round(this.#host.clock.monotonicMs() - startMs) });
      await this.#snapshots.purge(snapshot, this.#host.log);
    } catch (error) {
      // The log is whole: without a snapshot it only stays longer. The next attempt comes after as many entries again.
      this.#snapshotIndex = snapshot.index;
      this.#host.log.error('snapshot failed', { index: snapshot.index, error: (error as Error).message });
    } finally {
      this.#snapshotting = false;
    }
  }

  /** Takes over a received state, which is on disk. */
  async install(snapshot: SnapshotMeta): Promise<void> {
    this.#machine = await decodeMachine(this.#snapshots.read(snapshot));
    this.#index = snapshot.index;
    this.#snapshotIndex = snapshot.index;
    this.hub.replaceStore(this.#machine.store);
    this.#host.log.info('state installed', { index: snapshot.index, revision: this.#machine.store.revision });
  }

  stop(): void {
    this.#stopped = true;
    for (const resolve of this.#pruneWaiters.splice(0)) resolve();
  }
}
