/**
 * The store as its users see it: etcd's v3 API as values. There are two implementations: `createEtcdClient` (gRPC to a
 * cluster, ours or a real etcd) and `createLocalStore` (the same MVCC, lease and watch core in this process).
 *
 * Every failure is an EtcdError. Reads are linearizable unless `serializable` is set.
 */
export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** 0n: none. */
  readonly lease: bigint;
}

export interface RangeOptions {
  readonly key: Uint8Array;
  /** Exclusive. Absent: only `key`. One zero byte: everything from `key` on. */
  readonly rangeEnd?: Uint8Array;
  /** Absent or 0: the newest. */
  readonly revision?: number;
  /** Absent or 0: all. */
  readonly limit?: number;
  /** Answered by the asked member from its own state, which may be behind. */
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  /** Only keys that were changed at this revision or later; `count` counts all. */
  readonly minModRevision?: number;
}

export interface RangeResult {
  /** The store's revision when it answered (not the asked one). */
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  /** Keys in the range at the asked revision, whatever the limit. */
  readonly count: number;
}

export interface PutOptions {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease?: bigint;
  readonly prevKv?: boolean;
  readonly ignoreValue?: boolean;
  readonly ignoreLease?: boolean;
}

export interface DeleteRangeOptions {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
  readonly prevKv?: boolean;
}

export type CompareOperator = 'equal' | 'greater' | 'less' | 'not-equal';

/** A missing key has version, create and mod revision and lease 0; a comparison of its value is always false. */
export type Compare = { readonly key: Uint8Array; readonly rangeEnd?: Uint8Array; readonly result: CompareOperator } & (
  | { readonly target: 'version' | 'create' | 'mod'; readonly value: number }
  | { readonly target: 'lease'; readonly value: bigint }
  | { readonly target: 'value'; readonly value: Uint8Array }
);

export type TxnOp =
  | ({ readonly type: 'range' } & Omit<RangeOptions, 'serializable'>)
  | ({ readonly type: 'put' } & PutOptions)
  | ({ readonly type: 'delete-range' } & DeleteRangeOptions)
  | ({ readonly type: 'txn' } & TxnOptions);

export interface TxnOptions {
  readonly compare: readonly Compare[];
  readonly success: readonly TxnOp[];
  readonly failure: readonly TxnOp[];
}

export type TxnOpResult =
  | { readonly type: 'range'; readonly kvs: readonly KeyValue[]; readonly more: boolean; readonly count: number }
  | { readonly type: 'put'; readonly prevKv?: KeyValue }
  | { readonly type: 'delete-range'; readonly deleted: number; readonly prevKvs: readonly KeyValue[] }
  | { readonly type: 'txn'; readonly succeeded: boolean; readonly responses: readonly TxnOpResult[] };

export interface TxnResult {
  /** Of the write if the branch wrote, otherwise the newest. */
  readonly revision: number;
  readonly succeeded: boolean;
  /** In the order of the chosen branch. */
  readonly responses: readonly TxnOpResult[];
}

export interface WatchOptions {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
  /** First revision to be told of. Absent or 0: what comes after the watch was created. */
  readonly startRevision?: number;
  readonly prevKv?: boolean;
  readonly progressNotify?: boolean;
  readonly filters?: readonly ('no-put' | 'no-delete')[];
  readonly signal: AbortSignal;
}

export interface WatchEvent {
  readonly type: 'PUT' | 'DELETE';
  /** For DELETE only `key` and `modRevision` are set. */
  readonly kv: KeyValue;
  /** Only if asked for, and not if it has been compacted. */
  readonly prevKv?: KeyValue;
}

export interface WatchBatch {
  readonly revision: number;
  /** True for the first batch (which has no events): the watch stands. */
  readonly created?: boolean;
  /** All events of one revision are in one batch; batches come in order of revision, without gap or repeat. */
  readonly events: readonly WatchEvent[];
  /** The watch has ended on the server's side; nothing follows. */
  readonly canceled?: boolean;
  /** With `canceled`: revisions below it are gone; start anew from a read. */
  readonly compactRevision?: number;
  /** No events, and none up to and including `revision` is still to come. */
  readonly progressNotify?: boolean;
}

export interface LeaseGrantOptions {
  readonly ttlSeconds: number;
  /** Absent or 0n: the store chooses. */
  readonly id?: bigint;
}

export interface MemberStatus {
  readonly memberId: bigint;
  readonly version: string;
  readonly dbSizeBytes: number;
  /** 0n: none. */
  readonly leader: bigint;
  readonly raftTerm: number;
  readonly raftIndex: number;
  readonly raftAppliedIndex: number;
  readonly revision: number;
  readonly errors: readonly string[];
}

export interface Member {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

export interface EtcdClient {
  range(options: RangeOptions): Promise<RangeResult>;
  put(options: PutOptions): Promise<{ readonly revision: number; readonly prevKv?: KeyValue }>;
  deleteRange(options: DeleteRangeOptions): Promise<{ readonly revision: number; readonly deleted: number; readonly prevKvs: readonly KeyValue[] }>;
  txn(options: TxnOptions): Promise<TxnResult>;
  /** Forgets history below `revision`; the state at it stays readable. */
  compact(revision: number): Promise<{ readonly revision: number }>;
  /**
   * One watch. It ends without error when `signal` aborts, after a batch with `canceled`, and it throws an EtcdError when the
   * connection is lost: the caller starts again from the revision after the last batch it has seen.
   */
  watch(options: WatchOptions): AsyncIterable<WatchBatch>;
  /** Asks that every running watch of this client be sent a batch with `progressNotify` soon. */
  requestProgress(): Promise<void>;
  leaseGrant(options: LeaseGrantOptions): Promise<{ readonly id: bigint; readonly ttlSeconds: number; readonly revision: number }>;
  /** Deletes the keys attached to it. */
  leaseRevoke(id: bigint): Promise<{ readonly revision: number }>;
  /** Renews once. `ttlSeconds` 0: the lease is gone. */
  leaseKeepAlive(id: bigint): Promise<{ readonly ttlSeconds: number }>;
  /** `ttlSeconds` -1: no such lease. */
  leaseTimeToLive(id: bigint): Promise<{ readonly ttlSeconds: number; readonly grantedTtlSeconds: number; readonly keys: readonly Uint8Array[] }>;
  /** Of the member that answers. */
  status(): Promise<MemberStatus>;
  memberList(): Promise<readonly Member[]>;
  /** Ends all watches. Calls after it reject. */
  close(): Promise<void>;
}
