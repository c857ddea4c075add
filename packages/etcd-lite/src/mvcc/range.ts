import { sortOrder, sortTarget, type RangeRequest, type RangeResponse } from '../wire/messages.ts';
import { keyRange } from './key-text.ts';
import type { MvccStore } from './store.ts';
import { keyOnlyOf, keyValueOf, valueOf, type Version } from './version.ts';

/** A validated request's answer, without header. Throws compacted and futureRevision. Its values may be absent. */
export function executeRange(store: MvccStore, request: RangeRequest): RangeResponse {
  const range = keyRange(request.key, request.rangeEnd);
  const order = effectiveOrder(request);
  const filtered = request.minModRevision !== 0 || request.maxModRevision !== 0 || request.minCreateRevision !== 0 || request.maxCreateRevision !== 0;
  const limit = Math.max(request.limit, 0);
  // As in etcd: without an order of the request's own the first keys are taken, and those sorted by its target.
  const first = (order === sortOrder.none || request.sortOrder === sortOrder.none) && !filtered && limit > 0;
  const read = store.range(range, request.revision, first ? limit + 1 : 0, request.countOnly);
  let versions: readonly Version[] = filtered ? read.versions.filter((version) => passes(request, version)) : read.versions;
  if (order !== sortOrder.none) versions = sorted(versions, request.sortTarget, order === sortOrder.descend);
  const more = limit > 0 && versions.length > limit;
  if (more) versions = versions.slice(0, limit);
  return { kvs: versions.map(request.keysOnly ? keyOnlyOf : keyValueOf), more, count: read.count };
}

/** Keys come in ascending order anyway; another target without an order means ascending. */
function effectiveOrder(request: RangeRequest): number {
  if (request.sortTarget === sortTarget.key) return request.sortOrder === sortOrder.descend ? sortOrder.descend : sortOrder.none;
  return request.sortOrder === sortOrder.none ? sortOrder.ascend : request.sortOrder;
}

function passes(request: RangeRequest, version: Version): boolean {
  return (request.minModRevision === 0 || version.modRevision >= request.minModRevision)
    && (request.maxModRevision === 0 || version.modRevision <= request.maxModRevision)
    && (request.minCreateRevision === 0 || version.createRevision >= request.minCreateRevision)
    && (request.maxCreateRevision === 0 || version.createRevision <= request.maxCreateRevision);
}

function sorted(versions: readonly Version[], target: number, descending: boolean): Version[] {
  const compare = comparators[target] ?? byKey;
  return versions.toSorted(descending ? (a, b) => compare(b, a) : compare);
}

const byKey = (a: Version, b: Version): number => compareText(a.text, b.text);

const comparators: Readonly<Record<number, (a: Version, b: Version) => number>> = {
  [sortTarget.key]: byKey,
  [sortTarget.version]: (a, b) => a.version - b.version,
  [sortTarget.create]: (a, b) => a.createRevision - b.createRevision,
  [sortTarget.mod]: (a, b) => a.modRevision - b.modRevision,
  [sortTarget.value]: (a, b) => compareBytes(valueOf(a), valueOf(b)),
};

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Lexicographic, as bytes.Compare: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const difference = (a[at] as number) - (b[at] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
