import { emptyBytes } from '@coxswain/host';
import type { LeaseTable } from '../lease/lease-table.ts';
import { keyBytes } from '../mvcc/key-text.ts';
import type { DeleteRangeRequest, InternalRequest, PutRequest, RequestOp, TxnRequest } from '../wire/messages.ts';
import type { AuthInfo, AuthState } from './auth-state.ts';

export interface Guarded {
  readonly auth: AuthState;
  readonly leases: LeaseTable;
}

/**
 * Is an entry of the log allowed, by the state just before it? Throws why not. That it was allowed when it was proposed does
 * not count: by now the permission may have been revoked.
 */
export function checkRequest(state: Guarded, request: InternalRequest): void {
  if (!state.auth.enabled) return;
  const who: AuthInfo = { user: request.user ?? '', revision: request.authRevision ?? 0 };
  if (request.put !== undefined) checkPut(state, who, request.put);
  else if (request.txn !== undefined) checkTxn(state, who, request.txn);
  else if (request.deleteRange !== undefined) checkDeleteRange(state, who, request.deleteRange);
  else if (request.leaseRevoke !== undefined) checkLeaseKeys(state, who, request.leaseRevoke.ID, 'write');
  // Root's since 3.6.9: it takes history from everybody.
  else if (request.compaction !== undefined || (request.auth !== undefined && request.auth.authenticate === undefined)) state.auth.checkAdmin(who);
}

export function checkPut(state: Guarded, who: AuthInfo, { key, lease, prevKv }: PutRequest): void {
  state.auth.check(who, 'write', key, emptyBytes);
  // A key must not hang on a lease that its writer could not revoke.
  if (lease !== 0n) checkLeaseKeys(state, who, lease, 'write');
  if (prevKv) state.auth.check(who, 'read', key, emptyBytes);
}

export function checkDeleteRange({ auth }: Guarded, who: AuthInfo, { key, rangeEnd, prevKv }: DeleteRangeRequest): void {
  auth.check(who, 'write', key, rangeEnd);
  if (prevKv) auth.check(who, 'read', key, rangeEnd);
}

/** All that is compared, and both branches with those inside them. */
export function checkTxn(state: Guarded, who: AuthInfo, { compare, success, failure }: TxnRequest): void {
  for (const { key, rangeEnd } of compare) state.auth.check(who, 'read', key, rangeEnd);
  for (const operation of [...success, ...failure]) checkOperation(state, who, operation);
}

function checkOperation(state: Guarded, who: AuthInfo, { requestRange, requestPut, requestDeleteRange, requestTxn }: RequestOp): void {
  if (requestRange !== undefined) state.auth.check(who, 'read', requestRange.key, requestRange.rangeEnd);
  if (requestPut !== undefined) checkPut(state, who, requestPut);
  if (requestDeleteRange !== undefined) checkDeleteRange(state, who, requestDeleteRange);
  if (requestTxn !== undefined) checkTxn(state, who, requestTxn);
}

/** All keys that hang on the lease; no lease, nothing to check. */
export function checkLeaseKeys({ auth, leases }: Guarded, who: AuthInfo, id: bigint, access: 'read' | 'write'): void {
  if (auth.isAdmin(who)) return;
  for (const key of leases.get(id)?.keys ?? []) auth.check(who, access, keyBytes(key), emptyBytes);
}
