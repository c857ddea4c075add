import { append, assert, type Host } from '@coxswain/host';
import { etcdError } from '../client/errors.ts';
import { Lessor } from '../lease/lessor.ts';
import { Machine, type Applied } from '../machine/machine.ts';
import { restoreState } from '../machine/snapshot.ts';
import { executeTxn } from '../mvcc/execute.ts';
import { neededForRange, neededValues } from '../mvcc/needs.ts';
import { executeRange } from '../mvcc/range.ts';
import type { AbsentKeyValue, Version } from '../mvcc/version.ts';
import { entryKind, readConfChange, type Entry, type SnapshotMeta } from '../raft/index.ts';
import type { ExportedState } from '../storage/store-files.ts';
import { absentIn, loadStore, type StoreFiles, type Values } from '../storage/index.ts';
import { WatchHub } from '../watch/hub.ts';
import type { RevisionRecord } from '../mvcc/history.ts';
import { codecs } from '../wire/schema.ts';
import type { InternalRequest, RangeRequest, RangeResponse, ResponseHeader, TxnRequest, TxnResponse } from '../wire/messages.ts';
import { Checkpointer, type CheckpointerOptions } from './checkpointer.ts';

export interface ApplierHooks {
  /** The answer to an entry, for whoever on this member waits for it. */
  answered(id: bigint, applied: Applied): void;
  /** The list of members in the state is another. */
  membersChanged(): void;
  /** Whether someone does. */
  awaited(id: bigint): boolean;
  /** The content of an entry that was proposed here, so that it need not be decoded again. */
  decoded(data: Uint8Array): InternalRequest | undefined;
  /** A no-op: a new leader's term has begun in the log. */
  termBegan(term: number): void;
  /** Somebody's password was right: from now on `token` stands for the user on every member. */
  authenticated(user: string, token: string): void;
  /** A snapshot of the own state is durable. */
  snapshotTaken(snapshot: SnapshotMeta): void;
  /** A file is not what was written: this member must not go on. */
  damaged(error: unknown): void;
}

export interface ApplierParts {
  readonly files: StoreFiles;
  readonly values: Values;
  readonly machine: Machine;
  /** The last entry that is in the machine. */
  readonly applied: SnapshotMeta;
}

/** Old changes looked at in one go after a compaction. */
const pruneBudget = 500;

/** The replicated state of this member with what hangs on it: leases' clocks, watches, files. */
export class Applier {
  readonly #host: Host;
  readonly #files: StoreFiles;
  readonly #values: Values;
  readonly #hooks: ApplierHooks;
  readonly #checkpointer: Checkpointer;
  #machine: Machine;
  readonly lessor: Lessor;
  /** What was applied since the start, for /metrics. */
  readonly counts = { puts: 0, deletes: 0, txns: 0, leasesGranted: 0, leasesRevoked: 0 };
  readonly hub: WatchHub;
  #applied: SnapshotMeta;
  #pruning = false;
  readonly #pruneWaiters: (() => void)[] = [];
  #stopped = false;

  constructor(host: Host, { files, values, machine, applied }: ApplierParts, options: CheckpointerOptions, hooks: ApplierHooks) {
    this.#host = host;
    this.#files = files;
    this.#values = values;
    this.#machine = machine;
    this.#applied = applied;
    this.#hooks = hooks;
    const current = (): Machine => this.#machine;
    this.#checkpointer = new Checkpointer(host, {
      files, values, machine: current, applied: () => (this.#applied.index === 0 ? undefined : this.#applied),
      taken: (snapshot) => { hooks.snapshotTaken(snapshot); }, damaged: (error) => { hooks.damaged(error); },
    }, options);
    this.lessor = new Lessor({ get leases() { return current().leases; } });
    this.hub = new WatchHub(machine.store);
  }

  get machine(): Machine {
    return this.#machine;
  }

  /** The last entry that is in the state. */
  get index(): number {
    return this.#applied.index;
  }

  /** A promise if values have to be fetched first: it is applied when that resolves, and nothing else until then. */
  apply(entry: Entry): Promise<void> | undefined {
    if (entry.data.length === 0) {
      this.#advance(entry);
      this.#hooks.termBegan(entry.term);
      return undefined;
    }
    const request = this.#hooks.decoded(entry.data) ?? codecs.internalRequest.decode(entryKind(entry.data) === 'conf-change' ? readConfChange(entry.data).payload : entry.data);
    if (neededValues(this.#machine.store, request).length > 0) return this.#applyLater(entry, request);
    this.#applyNow(entry, request);
    return undefined;
  }

  #advance({ index, term }: Entry): void {
    this.#applied = { index, term };
  }

  async #applyLater(entry: Entry, request: InternalRequest): Promise<void> {
    await this.#withValues(() => neededValues(this.#machine.store, request), () => { this.#applyNow(entry, request); });
  }

  /** Calls `action` when all that is needed is in memory, in the turn in which that is known. */
  async #withValues<T>(needed: () => readonly Version[], action: () => T): Promise<T> {
    const fetched: Version[] = [];
    for (let missing = needed(); missing.length > 0; missing = needed()) {
      await this.#values.restore(missing);
      append(fetched, missing);
    }
    const result = action();
    for (const version of fetched) this.#values.cache.admit(version);
    return result;
  }

  #applyNow(entry: Entry, request: InternalRequest): void {
    this.#advance(entry);
    const applied = this.#withToken(request, this.#machine.apply(request));
    if (applied.error === undefined) this.#follow(request);
    if (applied.record !== undefined) this.#count(request, applied.record);
    if (applied.record !== undefined) this.hub.publish(applied.record);
    const absent = applied.response === undefined || !this.#hooks.awaited(request.ID) ? undefined : absentIn(applied.response);
    if (absent === undefined) this.#hooks.answered(request.ID, applied);
    else void this.#answerLater(request.ID, applied, absent);
  }

  async #answerLater(id: bigint, applied: Applied, absent: readonly AbsentKeyValue[]): Promise<void> {
    try {
      await this.load(absent);
    } catch {
      // `load` has told why this member ends; what was written stands all the same.
      return;
    }
    this.#hooks.answered(id, applied);
  }

  /** Fetches values from files; see `Values.load`. */
  async load(absent: readonly AbsentKeyValue[]): Promise<void> {
    try {
      await this.#values.load(absent);
    } catch (error) {
      this.#hooks.damaged(error);
      throw etcdError('corrupt');
    }
  }

  /** An answer from the state as it is now, with the header it has now; no promise if all of it is in memory. */
  readRange(request: RangeRequest, header: () => ResponseHeader): RangeResponse | Promise<RangeResponse> {
    return this.#read(() => neededForRange(this.#machine.store, request), () => {
      const response = executeRange(this.#machine.store, request);
      response.header = header();
      return response;
    });
  }

  /** Of a transaction that does not write. */
  readTxn(request: TxnRequest, header: () => ResponseHeader): TxnResponse | Promise<TxnResponse> {
    return this.#read(() => neededValues(this.#machine.store, { txn: request }), () => {
      const { response } = executeTxn(this.#machine.store, this.#machine.leases, request);
      response.header = header();
      return response;
    });
  }

  #read<T extends object>(needed: () => readonly Version[], execute: () => T): T | Promise<T> {
    if (needed().length > 0) return this.#readLater(needed, execute);
    const response = execute();
    const absent = absentIn(response);
    return absent === undefined ? response : this.load(absent).then(() => response);
  }

  async #readLater<T extends object>(needed: () => readonly Version[], execute: () => T): Promise<T> {
    const { response, loaded } = await this.#withValues(needed, () => {
      const answer = execute();
      return { response: answer, loaded: this.load(absentIn(answer) ?? []) };
    });
    await loaded;
    return response;
  }

  #count(request: InternalRequest, { changes }: RevisionRecord): void {
    for (const { source } of changes) {
      if (source.version === 0) this.counts.deletes += 1;
      else this.counts.puts += 1;
    }
    if (request.txn !== undefined) this.counts.txns += 1;
  }

  /** The position in the log makes a token unique and tells other members when they must know it. */
  #withToken(request: InternalRequest, applied: Applied): Applied {
    const authenticate = request.auth?.authenticate;
    if (authenticate === undefined || applied.error !== undefined) return applied;
    const token = authenticate.simpleToken === '' ? '' : `${authenticate.simpleToken}.${this.#applied.index}`;
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

  /** The physical half of a compaction, in slices. */
  #prune(): void {
    if (this.#pruning || this.#stopped) return;
    if (this.#machine.store.prune(pruneBudget)) {
      for (const resolve of this.#pruneWaiters.splice(0)) resolve();
      this.#checkpointer.tidyLater();
      return;
    }
    this.#pruning = true;
    this.#host.timers.after(1, () => {
      this.#pruning = false;
      this.#prune();
    });
  }

  /** To be called after entries were applied. */
  maybeCheckpoint(): void {
    this.#checkpointer.applied(this.#applied.index);
  }

  /** Resolves when what is on disk has no garbage that was there when this was called. */
  defragment(): Promise<void> {
    return this.#checkpointer.defragment();
  }

  /** All that was applied until now, as files. The caller closes it. */
  async exportState(): Promise<ExportedState> {
    await this.#checkpointer.complete();
    const state = this.#files.exportState();
    if (state === undefined) throw etcdError('stopped');
    return state;
  }

  /** What the store has on disk, with about what the next checkpoint will add. */
  get diskBytes(): number {
    return this.#files.sizeBytes + this.#machine.store.freshBytes;
  }

  /** Takes over a received state, which is on disk. */
  async install(snapshot: SnapshotMeta): Promise<void> {
    await this.#checkpointer.hold(async () => {
      const manifest = this.#files.receivedState(snapshot);
      assert(manifest !== undefined, 'the state to install was not received', { index: snapshot.index });
      const machine = new Machine();
      const state = await loadStore(this.#files, manifest, machine.store);
      restoreState(machine, manifest.state);
      this.#machine = machine;
      this.#applied = { index: snapshot.index, term: snapshot.term };
      this.hub.replaceStore(machine.store);
      await this.#files.replace(state);
      return snapshot.index;
    });
    this.#host.log.info('state installed', { index: snapshot.index, revision: this.#machine.store.revision });
  }

  stop(): void {
    this.#stopped = true;
    this.#checkpointer.stop();
    for (const resolve of this.#pruneWaiters.splice(0)) resolve();
  }
}
