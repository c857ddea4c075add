import { assert, emptyBytes } from '@coxswain/host';
import { EtcdError, etcdError } from '../client/errors.ts';
import type {
  DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse, RangeRequest, RequestOp, ResponseHeader, ResponseOp, TxnRequest, TxnResponse,
} from '../wire/messages.ts';
import { decideBranches } from './compare.ts';
import type { RevisionRecord } from './history.ts';
import { keyRange, keyText } from './key-text.ts';
import { executeRange } from './range.ts';
import type { MvccStore, WriteTxn } from './store.ts';
import { sharedMemory } from './value-blocks.ts';
import { keyValueOf, valueCrc, valueOf } from './version.ts';

/** etcd's compaction revision of a store that never was. */
const neverCompacted = -1;

/** Which keys hang on which lease; kept beside the store because a revoked lease deletes its keys. */
export interface LeaseKeys {
  has(lease: bigint): boolean;
  attach(lease: bigint, key: string): void;
  detach(lease: bigint, key: string): void;
}

export interface Executed<T> {
  readonly response: T;
  /** What changed; undefined: nothing. */
  readonly record: RevisionRecord | undefined;
}

/** Runs one request's writes as one revision. Whatever can be refused is refused before the first change. */
export function executeTxn(store: MvccStore, leases: LeaseKeys, request: TxnRequest): Executed<TxnResponse> {
  const branches = decideBranches(store, request);
  const cursor = { at: 0 };
  checkTxn(store, leases, request, branches, cursor);
  assert(cursor.at === branches.length, 'every decision must be used', { used: cursor.at, made: branches.length });
  const values = request.success.map(({ requestPut }) => requestPut?.value ?? emptyBytes);
  return write(store, leases, (context) => applyTxn(context, request, branches, { at: 0 }), sharedMemory(values));
}

export function executePut(store: MvccStore, leases: LeaseKeys, request: PutRequest): Executed<PutResponse> {
  if (request.lease !== 0n && !leases.has(request.lease)) throw etcdError('leaseNotFound');
  checkPut(store, leases, request);
  return write(store, leases, (context) => applyPut(context, request));
}

export function executeDeleteRange(store: MvccStore, leases: LeaseKeys, request: DeleteRangeRequest): Executed<DeleteRangeResponse> {
  return write(store, leases, (context) => applyDeleteRange(context, request));
}

/** Deletes keys whose lease is gone, in the order given. */
export function executeDeleteKeys(store: MvccStore, leases: LeaseKeys, keys: readonly string[]): RevisionRecord | undefined {
  return write(store, leases, ({ txn }) => {
    for (const key of keys) {
      const version = store.live(key);
      assert(version !== undefined, 'a key on a lease must exist', { key });
      leases.detach(version.lease, key);
      txn.delete(version);
    }
  }).record;
}

interface Cursor { at: number }

function checkTxn(store: MvccStore, leases: LeaseKeys, request: TxnRequest, branches: readonly boolean[], cursor: Cursor): void {
  for (const op of takeBranch(request, branches, cursor)) {
    if (op.requestRange !== undefined) checkRangeRevision(store, op.requestRange.revision);
    else if (op.requestPut !== undefined) checkPut(store, leases, op.requestPut);
    else if (op.requestTxn !== undefined) checkTxn(store, leases, op.requestTxn, branches, cursor);
  }
}

/** Within a transaction etcd refuses negative revisions that it reads as the newest elsewhere. */
function checkRangeRevision(store: MvccStore, revision: number): void {
  store.checkRevision(revision);
  const first = store.compactRevision === 0 ? neverCompacted : store.compactRevision;
  if (revision < 0 && revision < first) throw etcdError('compacted');
}

function takeBranch(request: TxnRequest, branches: readonly boolean[], cursor: Cursor): readonly RequestOp[] {
  const succeeded = branches[cursor.at] as boolean;
  cursor.at += 1;
  return succeeded ? request.success : request.failure;
}

function checkPut(store: MvccStore, leases: LeaseKeys, request: PutRequest): void {
  if ((request.ignoreValue || request.ignoreLease) && store.live(keyText(request.key)) === undefined) throw etcdError('keyNotFound');
  if (request.lease !== 0n && !leases.has(request.lease)) throw etcdError('leaseNotFound');
}

interface WriteContext {
  readonly store: MvccStore;
  readonly leases: LeaseKeys;
  readonly txn: WriteTxn;
}

function write<T>(store: MvccStore, leases: LeaseKeys, run: (context: WriteContext) => T, shared?: ArrayBufferLike): Executed<T> {
  const txn = store.begin(shared);
  let failure: unknown;
  try {
    const response = run({ store, leases, txn });
    return { response, record: txn.commit() };
  } catch (error) {
    failure = error;
  }
  // Half a transaction must never stand; every refusal belongs into the checks before it.
  assert(!(failure instanceof EtcdError) || !txn.changed(), 'a write failed after it had begun', { error: String(failure) });
  txn.commit();
  throw failure;
}

function applyTxn(context: WriteContext, request: TxnRequest, branches: readonly boolean[], cursor: Cursor): TxnResponse {
  const succeeded = branches[cursor.at] as boolean;
  const responses = takeBranch(request, branches, cursor).map((op) => applyOp(context, op, branches, cursor));
  return { header: header(context), succeeded, responses };
}

function applyOp(context: WriteContext, op: RequestOp, branches: readonly boolean[], cursor: Cursor): ResponseOp {
  if (op.requestRange !== undefined) return { responseRange: applyRange(context, op.requestRange) };
  if (op.requestPut !== undefined) return { responsePut: applyPut(context, op.requestPut) };
  if (op.requestDeleteRange !== undefined) return { responseDeleteRange: applyDeleteRange(context, op.requestDeleteRange) };
  if (op.requestTxn !== undefined) return { responseTxn: { ...applyTxn(context, op.requestTxn, branches, cursor), header: emptyHeader } };
  return {};
}

function applyRange(context: WriteContext, request: RangeRequest): ResponseOp['responseRange'] {
  return { ...executeRange(context.store, request), header: header(context) };
}

/** As etcd fills it in the answer of a nested transaction. */
const emptyHeader: ResponseHeader = { clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 };

/** Within a write the header's revision is the write's own as soon as it has changed something. */
function header(context: WriteContext): ResponseHeader {
  return { clusterId: 0n, memberId: 0n, revision: context.txn.changed() ? context.txn.revision : context.txn.revision - 1, raftTerm: 0 };
}

function applyPut(context: WriteContext, request: PutRequest): PutResponse {
  const { store, leases, txn } = context;
  const key = keyText(request.key);
  const before = store.live(key);
  const lease = request.ignoreLease && before !== undefined ? before.lease : request.lease;
  if (request.ignoreValue && before !== undefined) txn.put(key, valueOf(before), lease, before.crc);
  else txn.put(key, request.value, lease, valueCrc(request.value));
  if (before !== undefined && before.lease !== 0n && before.lease !== lease) leases.detach(before.lease, key);
  if (lease !== 0n) leases.attach(lease, key);
  return request.prevKv && before !== undefined ? { header: header(context), prevKv: keyValueOf(before) } : { header: header(context) };
}

function applyDeleteRange(context: WriteContext, request: DeleteRangeRequest): DeleteRangeResponse {
  const { store, leases, txn } = context;
  const { versions } = store.range(keyRange(request.key, request.rangeEnd), 0, 0);
  for (const version of versions) {
    txn.delete(version);
    if (version.lease !== 0n) leases.detach(version.lease, version.text);
  }
  return { header: header(context), deleted: versions.length, prevKvs: request.prevKv ? versions.map(keyValueOf) : [] };
}
