import { compareTarget, sortTarget, type InternalRequest, type PutRequest, type RangeRequest, type TxnRequest } from '../wire/messages.ts';
import { keyRange, keyText, type KeyRange } from './key-text.ts';
import type { MvccStore } from './store.ts';
import type { Version } from './version.ts';

/**
 * Versions whose values must be in memory before a request can be carried out: those that are compared or sorted by value, or put
 * again with `ignoreValue`. Values that are only answered are not among them. Empty for nearly every request.
 */
export function neededValues(store: MvccStore, request: Pick<InternalRequest, 'put' | 'txn'>): Version[] {
  const out: Version[] = [];
  if (request.put !== undefined) ofPut(store, request.put, out);
  else if (request.txn !== undefined) ofTxn(store, request.txn, out);
  return out;
}

export function neededForRange(store: MvccStore, request: RangeRequest): Version[] {
  const out: Version[] = [];
  ofRange(store, request, out);
  return out;
}

function ofTxn(store: MvccStore, request: TxnRequest, out: Version[]): void {
  for (const compare of request.compare) {
    if (compare.target === compareTarget.value) collect(store, keyRange(compare.key, compare.rangeEnd), 0, out);
  }
  for (const branch of [request.success, request.failure]) {
    for (const op of branch) {
      if (op.requestPut !== undefined) ofPut(store, op.requestPut, out);
      else if (op.requestRange !== undefined) ofRange(store, op.requestRange, out);
      else if (op.requestTxn !== undefined) ofTxn(store, op.requestTxn, out);
    }
  }
}

function ofPut(store: MvccStore, request: PutRequest, out: Version[]): void {
  if (!request.ignoreValue) return;
  const version = store.live(keyText(request.key));
  if (version !== undefined && !version.hasValue) out.push(version);
}

function ofRange(store: MvccStore, request: RangeRequest, out: Version[]): void {
  if (request.sortTarget === sortTarget.value && !request.countOnly) collect(store, keyRange(request.key, request.rangeEnd), request.revision, out);
}

function collect(store: MvccStore, range: KeyRange, revision: number, out: Version[]): void {
  // A read that will be refused needs nothing.
  if (revision > store.revision || revision > 0 && revision < store.compactRevision) return;
  for (const version of store.range(range, revision, 0).versions) if (!version.hasValue) out.push(version);
}
