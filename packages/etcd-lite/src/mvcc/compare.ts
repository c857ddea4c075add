import { emptyBytes } from '@coxswain/host';
import { compareResult, compareTarget, type CompareMessage, type KeyValue, type RequestOp, type TxnRequest } from '../wire/messages.ts';
import { keyRange } from './key-text.ts';
import { compareBytes } from './range.ts';
import type { MvccStore } from './store.ts';

const missing: KeyValue = { key: emptyBytes, value: emptyBytes, createRevision: 0, modRevision: 0, version: 0, lease: 0n };

/**
 * Which branch each transaction takes, outer before nested, in order. All are decided on the state before the first write,
 * as in etcd, so that a nested compare does not see what its parent wrote.
 */
export function decideBranches(store: MvccStore, request: TxnRequest): boolean[] {
  const succeeded = request.compare.every((compare) => holds(store, compare));
  const branch: readonly RequestOp[] = succeeded ? request.success : request.failure;
  return [succeeded, ...branch.flatMap((op) => (op.requestTxn === undefined ? [] : decideBranches(store, op.requestTxn)))];
}

/** With a range it must hold for every key in it. */
function holds(store: MvccStore, compare: CompareMessage): boolean {
  const { kvs } = store.range(keyRange(compare.key, compare.rangeEnd), 0, 0);
  if (kvs.length > 0) return kvs.every((kv) => holdsFor(compare, kv));
  return compare.target !== compareTarget.value && holdsFor(compare, missing);
}

function holdsFor(compare: CompareMessage, kv: KeyValue): boolean {
  const order = orderOf(compare, kv);
  switch (compare.result) {
    case compareResult.equal: return order === 0;
    case compareResult.greater: return order > 0;
    case compareResult.less: return order < 0;
    case compareResult.notEqual: return order !== 0;
    default: return true;
  }
}

function orderOf(compare: CompareMessage, kv: KeyValue): number {
  switch (compare.target) {
    case compareTarget.version: return kv.version - (compare.version ?? 0);
    case compareTarget.create: return kv.createRevision - (compare.createRevision ?? 0);
    case compareTarget.mod: return kv.modRevision - (compare.modRevision ?? 0);
    case compareTarget.value: return compareBytes(kv.value, compare.value ?? emptyBytes);
    case compareTarget.lease: return Number(kv.lease - (compare.lease ?? 0n));
    default: return 0;
  }
}
