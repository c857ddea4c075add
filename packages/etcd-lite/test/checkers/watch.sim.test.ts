import { describe, expect, it } from 'vitest';
import { linearize, type Explained } from './check-kv.ts';
import { checkMembers } from './check-members.ts';
import { checkWatch } from './check-watch.ts';
import { compact, compactedAt, created, deleteEvent, events, kv, progress, put, putEvent, remove, watch } from './histories.fixture.ts';
import type { MemberSample, Operation, WatchRecord } from './history.ts';

/** 2: a=1, 3: b=1, 4: a=2, 5: a deleted, 6: a=3. */
const writes = [put([0, 1], 'a', '1', 2), put([2, 3], 'b', '1', 3), put([4, 5], 'a', '2', 4), remove([6, 7], 'a', 5), put([8, 9], 'a', '3', 6)];
const a1 = kv('a', '1', 2);
const b1 = kv('b', '1', 3);
const a2 = kv('a', '2', 4, 2, 2);
const a3 = kv('a', '3', 6);
const all = [putEvent(a1), putEvent(b1), putEvent(a2), deleteEvent('a', 5), putEvent(a3)];

function explained(): Explained {
  const result = linearize(writes);
  if ('violation' in result) throw new Error(result.violation.message);
  return result.explained;
}

const rules = (record: WatchRecord, operations: readonly Operation[] = []): readonly string[] => [...new Set(checkWatch(record, explained(), operations).map((one) => one.rule.replace('watch ', '')))];

describe('a watch', () => {
  it('may tell everything, in any number of parts', () => {
    expect(rules(watch({}, created(6), events(...all)))).toEqual([]);
    expect(rules(watch({}, created(1), ...all.map((one) => events(one)), progress(6)))).toEqual([]);
    expect(rules(watch({ startRevision: 5 }, created(6), events(...all.slice(3))))).toEqual([]);
    expect(rules(watch({ startRevision: 0 }, created(3), events(...all.slice(2))))).toEqual([]);
    // The connection broke before the rest.
    expect(rules(watch({}, created(1), events(all[0] as never)))).toEqual([]);
  });

  it('Filter: tells only what was asked for', () => {
    expect(rules(watch({ key: 'a', end: 'b' }, created(6), events(all[0] as never, all[1] as never)))).toContain('Filter');
    expect(rules(watch({ filters: ['no-delete'] }, created(6), events(...all)))).toContain('Filter');
    expect(rules(watch({ filters: ['no-delete'] }, created(6), events(...all.filter((one) => one.type === 'put'))))).toEqual([]);
    expect(rules(watch({ startRevision: 4 }, created(6), events(...all.slice(1))))).toContain('Filter');
  });

  it('Ordered, Unique, Atomic', () => {
    expect(rules(watch({}, created(6), events(all[0] as never, all[2] as never, all[1] as never)))).toContain('Ordered');
    expect(rules(watch({}, created(6), events(all[0] as never), events(all[1] as never, all[1] as never)))).toContain('Unique');
    const both = [...writes, { ...put([10, 11], 'c', '1', 7), request: { kind: 'txn' as const, compare: [], failure: [], serializable: false, success: [{ type: 'put' as const, key: 'c', value: '1', lease: '' }, { type: 'put' as const, key: 'd', value: '1', lease: '' }] }, outcome: { kind: 'ok' as const, revision: 7, succeeded: true, answers: [{ type: 'put' as const }, { type: 'put' as const }] } }];
    const result = linearize(both);
    if ('violation' in result) throw new Error(result.violation.message);
    const parts = watch({ startRevision: 7 }, created(7), events(putEvent(kv('c', '1', 7))), events(putEvent(kv('d', '1', 7))));
    expect(checkWatch(parts, result.explained).map((one) => one.rule)).toEqual(['watch Atomic']);
    expect(checkWatch(watch({ startRevision: 7 }, created(7), events(putEvent(kv('c', '1', 7)), putEvent(kv('d', '1', 7)))), result.explained)).toEqual([]);
  });

  it('Reliable: leaves nothing out in between, and invents nothing', () => {
    expect(rules(watch({}, created(6), events(all[0] as never, all[1] as never), events(...all.slice(3))))).toEqual(['Reliable']);
    expect(rules(watch({}, created(6), events(...all.slice(0, 3)), events(all[4] as never)))).toEqual(['Reliable']);
    expect(rules(watch({}, created(6), events(putEvent(kv('a', 'other', 2)))))).toEqual(['Reliable']);
    expect(rules(watch({}, created(6), events(...all, putEvent(kv('a', '4', 7, 6, 2)))))).toContain('Reliable');
  });

  it('Resumable: begins where it was asked to', () => {
    expect(rules(watch({ startRevision: 4 }, created(6), events(...all.slice(3))))).toEqual(['Resumable']);
    expect(rules(watch({ startRevision: 0 }, created(3), events(...all.slice(3))))).toEqual(['Resumable']);
  });

  it('Bookmarkable: promises only what it has kept', () => {
    expect(rules(watch({}, created(6), events(...all.slice(0, 2)), progress(4), events(...all.slice(2))))).toEqual(['Bookmarkable']);
    expect(rules(watch({ key: 'b', end: 'c' }, created(6), events(all[1] as never), progress(5), progress(4)))).toEqual(['Bookmarkable']);
    expect(rules(watch({ key: 'b', end: 'c' }, created(6), events(all[1] as never), progress(4), progress(6)))).toEqual([]);
    // It ended without telling what it had promised.
    expect(rules(watch({}, created(6), progress(6)))).toEqual(['Bookmarkable']);
  });

  it('PrevKV: the value before, unless it was compacted', () => {
    const right = [putEvent(a1), putEvent(b1), putEvent(a2, a1), deleteEvent('a', 5, a2), putEvent(a3)];
    expect(rules(watch({ prevKv: true }, created(6), events(...right)))).toEqual([]);
    expect(rules(watch({ prevKv: true }, created(6), events(...all)))).toEqual(['PrevKV']);
    expect(rules(watch({ prevKv: true }, created(6), events(...right.slice(0, 2), putEvent(a2, b1))))).toEqual(['PrevKV']);
    expect(rules(watch({ prevKv: true, startRevision: 4 }, created(6), events(putEvent(a2), deleteEvent('a', 5, a2))), [compact([10, 11], 4)])).toEqual([]);
    expect(rules(watch({ prevKv: true, startRevision: 4 }, created(6), events(putEvent(a2, a1), deleteEvent('a', 5))), [compact([10, 11], 4)])).toEqual(['PrevKV']);
    expect(rules(watch({}, created(6), events(...right)))).toEqual(['PrevKV']);
  });

  it('IsCreate: says whether the key was new', () => {
    expect(rules(watch({}, created(6), events(...all.slice(0, 4), putEvent(kv('a', '3', 6, 2, 3)))))).toEqual(['IsCreate']);
  });

  it('is ended by a compaction only if that took something from it (I5)', () => {
    expect(rules(watch({ startRevision: 2 }, created(6), compactedAt(4)), [compact([10, 11], 4)])).toEqual([]);
    expect(rules(watch({ startRevision: 4 }, created(6), compactedAt(4)), [compact([10, 11], 4)])).toEqual(['Compacted']);
    expect(rules(watch({ startRevision: 2 }, created(6), compactedAt(4)))).toEqual(['Compacted']);
  });
});

describe('members', () => {
  const sample = (member: string, more: Partial<MemberSample>): MemberSample => ({ member, life: 1, atMs: 0, role: 'follower', term: 2, committed: 5, applied: 5, revision: 3, ...more });
  const found = (...samples: readonly MemberSample[]): readonly string[] => checkMembers(samples).map((one) => one.rule);

  it('may lead one after another, and begin anew with less', () => {
    expect(found(sample('m1', { role: 'leader' }), sample('m2', { role: 'leader', term: 3 }), sample('m1', { life: 2, applied: 1, committed: 1, revision: 1, term: 1 }))).toEqual([]);
  });

  it('I3: never go back within a life', () => {
    expect(found(sample('m1', {}), sample('m1', { applied: 6, revision: 2 }))).toEqual(['I3 dense revisions']);
  });

  it('I6: never lead one term together', () => {
    expect(found(sample('m1', { role: 'leader' }), sample('m2', { role: 'leader' }))).toEqual(['I6 one leader a term']);
  });

  it('I7: hold the same at the same index', () => {
    expect(found(sample('m1', { hash: 1 }), sample('m2', { hash: 1 }))).toEqual([]);
    expect(found(sample('m1', { hash: 1 }), sample('m2', { hash: 2 }))).toEqual(['I7 equal states']);
    expect(found(sample('m1', {}), sample('m2', { revision: 4 }))).toEqual(['I7 equal states']);
    expect(found(sample('m1', { hash: 1, auth: 'a' }), sample('m2', { hash: 1, auth: 'b' }))).toEqual(['I7 equal states']);
    expect(found(sample('m1', { hash: 1, auth: 'a' }), sample('m2', { hash: 1, auth: 'a' }))).toEqual([]);
  });
});
