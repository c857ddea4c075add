import { assert, type Host, type TimerHandle } from '@coxswain/host';
import { etcdError } from './errors.ts';
import { deleteRangeRequest, putRequest, rangeRequest, txnRequest, txnResult } from './convert.ts';
import { LocalWatches } from './local-watch.ts';
import type {
  DeleteRangeOptions, EtcdClient, KeyValue, LeaseGrantOptions, Member, MemberStatus, PutOptions, RangeOptions, RangeResult, TxnOptions, TxnResult, WatchBatch,
  WatchOptions,
} from './types.ts';
import { randomLeaseId } from '../lease/lease-id.ts';
import { Lessor } from '../lease/lessor.ts';
import { Machine } from '../machine/machine.ts';
import { keyBytes } from '../mvcc/key-text.ts';
import { executeRange } from '../mvcc/range.ts';
import { executeTxn } from '../mvcc/execute.ts';
import { isReadOnly, validateDeleteRange, validatePut, validateRange, validateTxn } from '../mvcc/validate.ts';
import { etcdVersion } from '../version.ts';
import { WatchHub } from '../watch/hub.ts';
import type { DeleteRangeResponse, InternalRequest, LeaseGrantResponse, PutResponse, TxnResponse } from '../wire/messages.ts';

const maxTxnOps = 128;
const pruneBudget = 2000;
const memberId = 1n;

/**
 * The store's real core in this process and in memory: no Raft, no disk, no wire. For tests of what stands on the store,
 * and for anything that wants MVCC, leases and watches without durability.
 */
export function createLocalStore(host: Host): EtcdClient {
  return new LocalStore(host);
}

class LocalStore implements EtcdClient {
  readonly #host: Host;
  readonly #machine = new Machine();
  readonly #lessor: Lessor;
  readonly #hub: WatchHub;
  readonly #watches: LocalWatches;
  #leaseTimer: TimerHandle | undefined;
  #closed = false;
  #applied = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#lessor = new Lessor(this.#machine);
    this.#lessor.promote(host.clock.monotonicMs(), 0);
    this.#hub = new WatchHub(this.#machine.store);
    this.#watches = new LocalWatches(host, this.#machine.store, this.#hub);
  }

  #apply<T>(request: Omit<InternalRequest, 'ID'>): T {
    if (this.#closed) throw etcdError('stopped');
    const { response, error, record } = this.#machine.apply({ ID: 0n, ...request });
    this.#applied += 1;
    if (record !== undefined) this.#hub.publish(record);
    if (error !== undefined) throw error;
    return response as T;
  }

  async range(options: RangeOptions): Promise<RangeResult> {
    if (this.#closed) throw etcdError('stopped');
    const request = rangeRequest(options);
    validateRange(request);
    const { kvs, more, count } = executeRange(this.#machine.store, request);
    return { revision: this.#machine.store.revision, kvs, more, count };
  }

  async put(options: PutOptions): Promise<{ readonly revision: number; readonly prevKv?: KeyValue }> {
    const request = putRequest(options);
    validatePut(request);
    const { prevKv } = this.#apply<PutResponse>({ put: request });
    return { revision: this.#machine.store.revision, ...(prevKv === undefined ? {} : { prevKv }) };
  }

  async deleteRange(options: DeleteRangeOptions): Promise<{ readonly revision: number; readonly deleted: number; readonly prevKvs: readonly KeyValue[] }> {
    const request = deleteRangeRequest(options);
    validateDeleteRange(request);
    const { deleted, prevKvs } = this.#apply<DeleteRangeResponse>({ deleteRange: request });
    return { revision: this.#machine.store.revision, deleted, prevKvs };
  }

  async txn(options: TxnOptions): Promise<TxnResult> {
    const request = txnRequest(options);
    validateTxn(request, maxTxnOps);
    const response = isReadOnly(request)
      ? executeTxn(this.#machine.store, this.#machine.leases, request).response
      : this.#apply<TxnResponse>({ txn: request });
    return txnResult(response, this.#machine.store.revision);
  }

  async compact(revision: number): Promise<{ readonly revision: number }> {
    this.#apply({ compaction: { revision, physical: false } });
    this.#prune();
    return { revision: this.#machine.store.revision };
  }

  #prune(): void {
    if (!this.#closed && !this.#machine.store.prune(pruneBudget)) this.#host.timers.after(0, () => { this.#prune(); });
  }

  watch(options: WatchOptions): AsyncIterable<WatchBatch> {
    return this.#watches.watch(options);
  }

  async requestProgress(): Promise<void> {
    this.#watches.requestProgress();
  }

  async leaseGrant(options: LeaseGrantOptions): Promise<{ readonly id: bigint; readonly ttlSeconds: number; readonly revision: number }> {
    const chosen = options.id ?? 0n;
    const grant = this.#apply<LeaseGrantResponse>({ leaseGrant: { ID: chosen === 0n ? randomLeaseId(this.#host.random) : chosen, TTL: options.ttlSeconds } });
    this.#lessor.granted(grant.ID, this.#host.clock.monotonicMs());
    this.#watchLeases();
    return { id: grant.ID, ttlSeconds: grant.TTL, revision: this.#machine.store.revision };
  }

  #watchLeases(): void {
    this.#leaseTimer?.cancel();
    const delayMs = this.#lessor.nextEndMs - this.#host.clock.monotonicMs();
    if (this.#closed || delayMs === Number.POSITIVE_INFINITY) return;
    this.#leaseTimer = this.#host.timers.after(Math.max(delayMs, 1), () => { this.#expireLeases(); });
  }

  #expireLeases(): void {
    for (const id of this.#lessor.takeExpired(this.#host.clock.monotonicMs(), Number.POSITIVE_INFINITY)) this.#revoke(id);
    this.#watchLeases();
  }

  #revoke(id: bigint): void {
    this.#apply({ leaseRevoke: { ID: id } });
    this.#lessor.revoked(id);
  }

  async leaseRevoke(id: bigint): Promise<{ readonly revision: number }> {
    this.#revoke(id);
    return { revision: this.#machine.store.revision };
  }

  async leaseKeepAlive(id: bigint): Promise<{ readonly ttlSeconds: number }> {
    const ttlSeconds = this.#lessor.renew(id, this.#host.clock.monotonicMs());
    return { ttlSeconds: ttlSeconds ?? 0 };
  }

  async leaseTimeToLive(id: bigint): Promise<{ readonly ttlSeconds: number; readonly grantedTtlSeconds: number; readonly keys: readonly Uint8Array[] }> {
    const lease = this.#machine.leases.get(id);
    const remainingMs = this.#lessor.remainingMs(id, this.#host.clock.monotonicMs());
    if (lease === undefined || remainingMs === undefined || remainingMs <= 0) return { ttlSeconds: -1, grantedTtlSeconds: 0, keys: [] };
    const keys = this.#machine.leases.keysOf(id).map(keyBytes);
    return { ttlSeconds: Math.floor(remainingMs / 1000), grantedTtlSeconds: lease.ttlSeconds, keys };
  }

  async status(): Promise<MemberStatus> {
    const { store, alarms } = this.#machine;
    assert(alarms.length === 0, 'a local store has no quota');
    return {
      memberId, version: etcdVersion, dbSizeBytes: store.sizeBytes, leader: memberId, raftTerm: 1, raftIndex: this.#applied,
      raftAppliedIndex: this.#applied, revision: store.revision, errors: [],
    };
  }

  async memberList(): Promise<readonly Member[]> {
    return [{ id: memberId, name: 'local', peerUrls: [], clientUrls: [], isLearner: false }];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#leaseTimer?.cancel();
    this.#watches.close();
  }
}
