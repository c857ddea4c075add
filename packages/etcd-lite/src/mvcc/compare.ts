import { emptyBytes } from '@coxswain/host';
import { compareResult, compareTarget, type CompareMessage, type RequestOp, type TxnRequest } from '../wire/messages.ts';
import { keyRange } from './key-text.ts';
import { compareBytes } from './range.ts';
import type { MvccStore } from './store.ts';
import { valueOf, Version } from './version.ts';

const missing = new Version('', 0, 0, 0, 0n, 0, emptyBytes);

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
  const { versions } = store.range(keyRange(compare.key, compare.rangeEnd), 0, 0);
  if (versions.length > 0) return versions.every((version) => holdsFor(compare, version));
  return compare.target !== compareTarget.value && holdsFor(compare, missing);
}

function holdsFor(compare: CompareMessage, version: Version): boolean {
  const order = orderOf(compare, version);
  switch (compare.result) {
    case compareResult.equal: return order === 0;
    case compareResult.greater: return order > 0;
    case compareResult.less: return order < 0;
    case compareResult.notEqual: return order !== 0;
    default: return true;
  }
}

function orderOf(compare: CompareMessage, version: Version): number {
  switch (compare.target) {
    case compareTarget.version: return version.version - (compare.version ?? 0);
    case compareTarget.create: return version.createRevision - (compare.createRevision ?? 0);
    case compareTarget.mod: return version.modRevision - (compare.modRevision ?? 0);
    case compareTarget.value: return compareBytes(valueOf(version), compare.value ?? emptyBytes);
    case compareTarget.lease: return Number(version.lease - (compare.lease ?? 0n));
    default: return 0;
  }
}
