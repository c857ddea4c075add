import type { Explained } from './check-kv.ts';
import { inRange, type Event, type Operation, type Violation, type WatchRecord, type WatchResponse } from './history.ts';
import { sameKv } from './model.ts';

type Told = Event & { readonly atMs: number };

/**
 * etcd's promises to a watch: Filter, Ordered, Unique, Atomic, Reliable, Resumable, Bookmarkable, PrevKV, IsCreate. What there
 * was to tell comes from the explained writes, not from any watch.
 */
export function checkWatch(record: WatchRecord, explained: Explained, operations: readonly Operation[] = []): readonly Violation[] {
  const told = record.responses.flatMap((response) => response.events.map((event): Told => ({ ...event, atMs: response.atMs })));
  const expected = expectedEvents(record, explained);
  const found: Violation[] = [];
  const say = (rule: string, message: string): void => { found.push({ rule: `watch ${rule}`, message: `${record.client} ${JSON.stringify(record.request)}: ${message}` }); };
  checkFilter(record, told, say);
  checkOrder(told, say);
  checkAtomic(record.responses, say);
  checkComplete(told, expected, explained.revision, say);
  checkBookmarks(record, expected, say);
  checkContent(record, told, explained, compactedBy(operations), say);
  checkCancel(record, told, operations, say);
  return found;
}

type Say = (rule: string, message: string) => void;

/** The first revision that a watch may tell of; undefined: it was never made. */
export function firstRevision({ request, responses }: WatchRecord): number | undefined {
  if (request.startRevision > 0) return request.startRevision;
  const created = responses.find((one) => one.kind === 'created');
  return created === undefined ? undefined : created.revision + 1;
}

function wanted(record: WatchRecord, event: Event): boolean {
  const { key, end, filters } = record.request;
  return inRange(event.kv.key, key, end) && !filters.includes(event.type === 'put' ? 'no-put' : 'no-delete');
}

function expectedEvents(record: WatchRecord, explained: Explained): readonly Event[] {
  return explained.events.slice(firstRevision(record) ?? explained.events.length).flat().filter((event) => wanted(record, event));
}

function checkFilter(record: WatchRecord, told: readonly Told[], say: Say): void {
  const first = firstRevision(record) ?? Number.POSITIVE_INFINITY;
  for (const event of told) {
    if (!wanted(record, event)) say('Filter', `was told of ${JSON.stringify(event)}`);
    if (event.kv.mod < first) say('Filter', `begins at ${first} but was told of revision ${event.kv.mod}`);
  }
}

function checkOrder(told: readonly Told[], say: Say): void {
  const seen = new Set<string>();
  for (const [at, event] of told.entries()) {
    const before = told[at - 1];
    if (before !== undefined && event.kv.mod < before.kv.mod) say('Ordered', `revision ${event.kv.mod} after ${before.kv.mod}`);
    const name = `${event.kv.mod} ${event.kv.key}`;
    if (seen.has(name)) say('Unique', `${name} twice`);
    seen.add(name);
  }
}

function checkAtomic(responses: readonly WatchResponse[], say: Say): void {
  let before = 0;
  for (const { events } of responses) {
    const first = events[0]?.kv.mod;
    if (first !== undefined && first === before) say('Atomic', `revision ${first} came in two parts`);
    before = events.at(-1)?.kv.mod ?? before;
  }
}

/** No gap between what was told (Reliable), nor before it (Resumable). */
function checkComplete(told: readonly Told[], expected: readonly Event[], last: number, say: Say): void {
  const names = new Set(told.map((event) => `${event.kv.mod} ${event.kv.key} ${event.type}`));
  const firstTold = Math.min(...told.map((event) => event.kv.mod));
  const lastTold = Math.max(0, ...told.map((event) => event.kv.mod));
  const missing = expected.find((event) => event.kv.mod <= lastTold && !names.has(`${event.kv.mod} ${event.kv.key} ${event.type}`));
  if (missing !== undefined) say(missing.kv.mod < firstTold ? 'Resumable' : 'Reliable', `was not told of ${JSON.stringify(missing)}`);
  if (lastTold > last) say('Reliable', `was told of revision ${lastTold}, which never was`);
}

/** A progress notice promises that nothing up to its revision is still to come. */
function checkBookmarks(record: WatchRecord, expected: readonly Event[], say: Say): void {
  let marked = 0;
  let count = 0;
  for (const response of record.responses) {
    for (const event of response.events) {
      if (event.kv.mod <= marked) say('Bookmarkable', `revision ${event.kv.mod} came after the promise of ${marked}`);
      count += 1;
    }
    if (response.kind !== 'progress') continue;
    if (response.revision < marked) say('Bookmarkable', `progress went from ${marked} back to ${response.revision}`);
    marked = Math.max(marked, response.revision);
    const due = expected.findIndex((event) => event.kv.mod > marked);
    const dueCount = due < 0 ? expected.length : due;
    if (dueCount > count) say('Bookmarkable', `progress ${marked} although ${dueCount - count} events up to it were not told, the first of revision ${expected[count]?.kv.mod}`);
  }
}

function compactedBy(operations: readonly Operation[]): (atMs: number) => number {
  const compactions = operations.flatMap(({ request, outcome, callMs }) => (request.kind === 'compact' && outcome.kind !== 'failed' && outcome.kind !== 'refused' ? [{ revision: request.revision, callMs }] : []));
  return (atMs) => compactions.reduce((most, one) => (one.callMs < atMs ? Math.max(most, one.revision) : most), 0);
}

function checkContent(record: WatchRecord, told: readonly Told[], explained: Explained, compacted: (atMs: number) => number, say: Say): void {
  for (const event of told) {
    const truth = explained.events[event.kv.mod]?.find((one) => one.kv.key === event.kv.key && one.type === event.type);
    if (truth === undefined) {
      say('Reliable', `was told of ${JSON.stringify(event)}, which was not so`);
      continue;
    }
    if (event.type === 'put') checkPut(event, truth, say);
    checkPrevKv(record.request.prevKv, event, truth, compacted, say);
  }
}

function checkPut(event: Told, truth: Event, say: Say): void {
  if ((event.kv.create === event.kv.mod) !== (truth.kv.create === truth.kv.mod)) say('IsCreate', `${JSON.stringify(event.kv)} instead of ${JSON.stringify(truth.kv)}`);
  else if (!sameKv(event.kv, truth.kv)) say('Reliable', `${JSON.stringify(event.kv)} instead of ${JSON.stringify(truth.kv)}`);
}

/** The value before may be missing only if the revision before it could not be read any more. */
function checkPrevKv(asked: boolean, event: Told, truth: Event, compacted: (atMs: number) => number, say: Say): void {
  if (event.prev === undefined) {
    if (asked && truth.prev !== undefined && compacted(event.atMs) < event.kv.mod) say('PrevKV', `${JSON.stringify(event.kv)} lacks ${JSON.stringify(truth.prev)}`);
    return;
  }
  if (!asked) say('PrevKV', `${JSON.stringify(event)} was not asked for the value before`);
  if (truth.prev === undefined || !sameKv(event.prev, truth.prev)) say('PrevKV', `${JSON.stringify(event.prev)} instead of ${JSON.stringify(truth.prev)}`);
}

/** I5: a watch is ended for compaction only if something it had yet to tell was compacted. */
function checkCancel(record: WatchRecord, told: readonly Told[], operations: readonly Operation[], say: Say): void {
  const end = record.responses.find((one) => one.kind === 'canceled' && one.compactRevision > 0);
  if (end === undefined) return;
  const next = Math.max(firstRevision(record) ?? 0, (told.at(-1)?.kv.mod ?? 0) + 1);
  if (compactedBy(operations)(end.atMs) < end.compactRevision) say('Compacted', `nothing was compacted at ${end.compactRevision}`);
  if (next >= end.compactRevision) say('Compacted', `was ended at ${end.compactRevision} although it had told all before ${next}`);
}
