import { append } from '@coxswain/host';
import { etcdError } from '../client/errors.ts';
import type { CompareMessage, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest } from '../wire/messages.ts';
import { contains, keyRange, keyText, type KeyRange } from './key-text.ts';

/** What a request must satisfy before it is proposed; nothing here depends on the store's content. */
export function validateRange(request: RangeRequest): void {
  if (request.key.length === 0) throw etcdError('emptyKey');
  if (!inEnum(request.sortOrder, 2) || !inEnum(request.sortTarget, 4)) throw etcdError('invalidSortOption');
}

function inEnum(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

export function validatePut(request: PutRequest): void {
  if (request.key.length === 0) throw etcdError('emptyKey');
  if (request.ignoreValue && request.value.length > 0) throw etcdError('valueProvided');
  if (request.ignoreLease && request.lease !== 0n) throw etcdError('leaseProvided');
}

export function validateDeleteRange(request: DeleteRangeRequest): void {
  if (request.key.length === 0) throw etcdError('emptyKey');
}

export function validateTxn(request: TxnRequest, maxTxnOps: number): void {
  checkOps(request, maxTxnOps);
  // One operation cannot touch a key twice, unless it is a transaction.
  if (touchesMany(request.success)) touchedKeys(request.success);
  if (touchesMany(request.failure)) touchedKeys(request.failure);
}

function checkOps(request: TxnRequest, maxTxnOps: number): void {
  const most = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (most > maxTxnOps) throw etcdError('tooManyOps');
  for (const compare of request.compare) checkCompare(compare);
  for (const op of request.success) checkOp(op, maxTxnOps - most);
  for (const op of request.failure) checkOp(op, maxTxnOps - most);
}

function checkCompare(compare: CompareMessage): void {
  if (compare.key.length === 0) throw etcdError('emptyKey');
}

function checkOp(op: RequestOp, opsLeft: number): void {
  if (op.requestRange !== undefined) validateRange(op.requestRange);
  else if (op.requestPut !== undefined) validatePut(op.requestPut);
  else if (op.requestDeleteRange !== undefined) validateDeleteRange(op.requestDeleteRange);
  else if (op.requestTxn !== undefined) checkOps(op.requestTxn, opsLeft);
  else throw etcdError('keyNotFound');
}

function touchesMany(ops: readonly RequestOp[]): boolean {
  return ops.length > 1 || ops[0]?.requestTxn !== undefined;
}

const noPuts = new Set<string>();

interface Touched {
  readonly puts: Set<string>;
  readonly deletes: KeyRange[];
}

/** No key may be changed twice in one transaction: puts must differ and no deleted range may hold one of them. */
function touchedKeys(ops: readonly RequestOp[]): Touched {
  const all: Touched = { puts: new Set(), deletes: [] };
  for (const op of ops) {
    if (op.requestPut !== undefined) addPut(all, keyText(op.requestPut.key));
    else if (op.requestDeleteRange !== undefined) merge(all, { puts: noPuts, deletes: [keyRange(op.requestDeleteRange.key, op.requestDeleteRange.rangeEnd)] });
    else if (op.requestTxn !== undefined) merge(all, touchedByTxn(op.requestTxn));
  }
  return all;
}

function touchedByTxn({ success, failure }: TxnRequest): Touched {
  // Only one of the branches will run, so they may touch the same keys.
  const [done, instead] = [touchedKeys(success), touchedKeys(failure)];
  return { puts: done.puts.union(instead.puts), deletes: [...done.deletes, ...instead.deletes] };
}

function addPut(all: Touched, put: string): void {
  if (all.puts.has(put) || all.deletes.some((range) => contains(range, put))) throw etcdError('duplicateKey');
  all.puts.add(put);
}

function merge(all: Touched, more: Touched): void {
  for (const put of more.puts) {
    if (all.puts.has(put) || all.deletes.some((range) => contains(range, put))) throw etcdError('duplicateKey');
  }
  for (const range of more.deletes) {
    for (const put of all.puts) if (contains(range, put)) throw etcdError('duplicateKey');
  }
  for (const put of more.puts) all.puts.add(put);
  append(all.deletes, more.deletes);
}

/** True if neither branch can write: such a transaction is a read and needs no Raft entry. */
export function isReadOnly(request: TxnRequest): boolean {
  return [request.success, request.failure].every((ops) => ops.every((op) =>
    op.requestPut === undefined && op.requestDeleteRange === undefined && (op.requestTxn === undefined || isReadOnly(op.requestTxn))));
}

/** True if all its reads may be answered from the asked member's own state. */
export function isSerializable(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].every((op) =>
    (op.requestRange === undefined || op.requestRange.serializable) && (op.requestTxn === undefined || isSerializable(op.requestTxn)));
}
