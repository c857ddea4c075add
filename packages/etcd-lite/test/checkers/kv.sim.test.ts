import { describe, expect, it } from 'vitest';
import { linearize, type Explained } from './check-kv.ts';
import { cas, compact, get, kv, leaseOp, put, refused, remove } from './histories.fixture.ts';
import type { Operation } from './history.ts';
import { checkIsolation, checkReads } from './check-reads.ts';

function ruleOf(operations: readonly Operation[]): string | undefined {
  const result = linearize(operations);
  return 'violation' in result ? result.violation.rule : undefined;
}

function explain(operations: readonly Operation[]): Explained {
  const result = linearize(operations);
  if ('violation' in result) throw new Error(result.violation.message);
  return result.explained;
}

describe('the linearizable order', () => {
  it('accepts operations at the same time in the order of their revisions', () => {
    expect(ruleOf([put([0, 10], 'a', '1', 3), put([1, 9], 'a', '2', 2), get([2, 8], 'a', undefined, 1), get([11, 12], 'a', kv('a', '1', 3, 2, 2), 3)])).toBeUndefined();
  });

  it('refuses a stale read', () => {
    expect(ruleOf([put([0, 1], 'a', '1', 2), put([2, 3], 'a', '2', 3), get([4, 5], 'a', kv('a', '1', 2), 2)])).toBe('I1 linearizable');
  });

  it('refuses two reads one after another that see time run backwards', () => {
    expect(ruleOf([put([0, 10], 'a', '1', 2), get([1, 2], 'a', kv('a', '1', 2), 2), get([3, 4], 'a', undefined, 1)])).toBe('I1 linearizable');
  });

  it('refuses a write that was seen before it was called', () => {
    expect(ruleOf([get([0, 1], 'a', kv('a', '1', 2), 2), put([2, 3], 'a', '1', 2)])).toBe('I1 linearizable');
  });

  it('refuses a lost acknowledged write: its revision given away', () => {
    expect(ruleOf([put([0, 1], 'a', '1', 2), put([2, 3], 'a', '2', 2)])).toBe('I1 linearizable');
  });

  it('refuses a lost acknowledged write: nothing else took its place', () => {
    expect(ruleOf([put([0, 1], 'a', '1', 2), get([2, 3], 'a', undefined, 1)])).toBe('I1 linearizable');
  });

  it('refuses a revision that nobody made', () => {
    expect(ruleOf([put([0, 1], 'a', '1', 2), put([2, 3], 'a', '2', 4)])).toBe('I3 dense revisions');
  });

  it('lets an unknown write happen at any time after its call, once, or never', () => {
    const lost = put([0, Number.POSITIVE_INFINITY], 'a', 'x', undefined);
    expect(ruleOf([lost, put([1, 2], 'a', '1', 2)])).toBeUndefined();
    expect(ruleOf([lost, put([1, 2], 'a', '1', 2), put([8, 9], 'a', '2', 4), get([10, 11], 'a', kv('a', '2', 4, 2, 3), 4)])).toBeUndefined();
    expect(ruleOf([lost, put([1, 2], 'b', '1', 2), put([8, 9], 'b', '2', 5)])).toBe('I3 dense revisions');
  });

  it('does not let an unknown write happen before its call', () => {
    expect(ruleOf([get([0, 1], 'a', kv('a', 'x', 2), 2), put([2, Number.POSITIVE_INFINITY], 'a', 'x', undefined)])).toBe('I3 dense revisions');
  });

  it('tries another unknown write when the first one cannot be it', () => {
    const unknown = ['x', 'y', 'z'].map((value) => put([0, Number.POSITIVE_INFINITY], 'a', value, undefined));
    expect(ruleOf([...unknown, get([5, 6], 'a', kv('a', 'z', 3, 2, 2), 3)])).toBeUndefined();
    expect(ruleOf([...unknown, get([5, 6], 'a', kv('a', 'w', 3, 2, 2), 3)])).toBe('I1 linearizable');
  });

  it('takes what a watch has seen as evidence', () => {
    const history = [put([0, Number.POSITIVE_INFINITY], 'a', 'x', undefined), put([0, Number.POSITIVE_INFINITY], 'a', 'y', undefined), put([3, 4], 'b', '1', 3)];
    const result = linearize(history, [{ revision: 2, atMs: 2, key: 'a', kv: kv('a', 'y', 2) }]);
    expect('explained' in result && result.explained.states[2]?.get('a')?.value).toBe('y');
    expect('violation' in linearize(history, [{ revision: 2, atMs: 2, key: 'a', kv: kv('a', 'q', 2) }])).toBe(true);
    // Seen before anybody can have made it.
    expect('violation' in linearize(history, [{ revision: 2, atMs: -1, key: 'a', kv: kv('a', 'y', 2) }])).toBe(true);
  });

  it('takes what is read later, old answers and former values too, as evidence of who made a revision', () => {
    const lost = ['x', 'y', 'z'].map((value) => put([0, Number.POSITIVE_INFINITY], 'a', value, undefined));
    const history = [...lost, put([3, 4], 'a', '1', 5)];
    const stale = get([3, 4], 'a', kv('a', 'z', 2), 2, { stale: true });
    expect(explain([...history, stale]).states.slice(2, 5).map((state) => state.get('a')?.value)).toEqual(['z', 'x', 'y']);
    const result = linearize([...history, stale], [{ revision: 5, atMs: 5, key: 'a', kv: kv('a', '1', 5, 2, 4), prev: kv('a', 'x', 4, 2, 3) }]);
    expect('explained' in result && result.explained.states.slice(2, 5).map((state) => state.get('a')?.value)).toEqual(['z', 'y', 'x']);
  });

  it('finds the only order of a dozen unknown writes that only the end tells apart', () => {
    const names = 'abcdefghijkl'.split('');
    const found = names.map((name, at) => kv(name, 'v', 13 - at));
    const list: Operation = {
      client: 'c', callMs: 8, returnMs: 9, request: { kind: 'txn', compare: [], success: [{ type: 'range', key: 'a', end: 'z', revision: 0, limit: 0 }], failure: [], serializable: false },
      outcome: { kind: 'ok', revision: 13, succeeded: true, answers: [{ type: 'range', kvs: found, count: found.length }] },
    };
    expect(explain([...names.map((name) => put([0, Number.POSITIVE_INFINITY], name, 'v', undefined)), list]).states[2]?.has('l')).toBe(true);
  });

  it('follows comparisons', () => {
    const first = put([0, 1], 'a', '1', 2);
    expect(ruleOf([first, cas([2, 3], 'a', 2, '2', { revision: 3 }), cas([4, 5], 'a', 2, '3', { revision: 3, found: [kv('a', '2', 3, 2, 2)] })])).toBeUndefined();
    // Two that both believe to have been first.
    expect(ruleOf([first, cas([2, 3], 'a', 2, '2', { revision: 3 }), cas([2, 3], 'a', 2, '3', { revision: 4 })])).toBe('I1 linearizable');
  });

  it('knows deletes, versions and creations', () => {
    const history = [put([0, 1], 'a', '1', 2), remove([2, 3], 'a', 3), remove([4, 5], 'a', 3, 0), put([6, 7], 'a', '2', 4)];
    expect(ruleOf([...history, get([8, 9], 'a', kv('a', '2', 4), 4)])).toBeUndefined();
    expect(ruleOf([...history, get([8, 9], 'a', kv('a', '2', 4, 2, 2), 4)])).toBe('I1 linearizable');
  });

  it('lets a lease end by itself, not before its time (I15)', () => {
    const history = (seenMs: number): Operation[] => [
      leaseOp([0, 1], 'lease-grant', '7', 5000), put([2, 3], 'a', '1', 2, '7'), leaseOp([1000, 1001], 'lease-keep', '7', 5000), get([seenMs, seenMs + 1], 'a', undefined, 3),
    ];
    expect(ruleOf(history(6000))).toBeUndefined();
    expect(ruleOf(history(5500))).toBe('I3 dense revisions');
  });

  it('is done with ten thousand operations and a hundred unknown ones before it has tried too much', () => {
    const operations: Operation[] = [];
    for (let at = 0; at < 10_000; at += 1) operations.push(at % 100 === 50 ? put([at, Number.POSITIVE_INFINITY], `k${at % 7}`, `v${at}`, undefined) : put([at, at + 20], `k${at % 7}`, `v${at}`, at + 2));
    expect(ruleOf(operations)).toBeUndefined();
  });
});

describe('what stands beside the order', () => {
  const base = [put([0, 1], 'a', '1', 2), put([2, 3], 'a', '2', 3), put([4, 5], 'a', '3', 4)];
  const rules = (...more: Operation[]): string[] => checkReads([...base, ...more], explain([...base, ...more])).map((one) => one.rule);

  it('lets a serializable read be old, but of a state that was', () => {
    expect(rules(get([9, 10], 'a', kv('a', '1', 2), 2, { stale: true }))).toEqual([]);
    expect(rules(get([9, 10], 'a', kv('a', '1', 2), 3, { stale: true }))).toEqual(['serializable']);
    expect(rules(get([9, 10], 'a', kv('a', '1', 2), 3, { stale: true, at: 2 }))).toEqual([]);
    expect(rules(get([9, 10], 'a', kv('a', '2', 3, 2, 2), 4, { stale: true, at: 2 }))).toEqual(['serializable']);
  });

  it('wants old revisions refused exactly when they were compacted (I5)', () => {
    expect(rules(compact([6, 7], 3), refused([8, 9], 2, 'compacted'))).toEqual([]);
    expect(rules(compact([6, Number.POSITIVE_INFINITY], 3, 'unknown'), refused([8, 9], 2, 'compacted'))).toEqual([]);
    expect(rules(refused([8, 9], 2, 'compacted'))).toEqual(['I5 compacted']);
    expect(rules(compact([6, 7], 3), refused([8, 9], 3, 'compacted'))).toEqual(['I5 compacted']);
    expect(rules(compact([6, 7], 3), get([8, 9], 'a', kv('a', '1', 2), 4, { at: 2 }))).toEqual(['I5 compacted']);
    expect(rules(compact([6, 7], 3), get([8, 9], 'a', kv('a', '2', 3, 2, 2), 4, { at: 3 }))).toEqual([]);
  });

  it('wants only the future refused as the future', () => {
    expect(rules(refused([8, 9], 5, 'future-revision'))).toEqual([]);
    expect(rules(refused([8, 9], 4, 'future-revision'))).toEqual(['I1 linearizable']);
  });

  it('wants a lease to be there until its time (I15)', () => {
    const grant = leaseOp([0, 1], 'lease-grant', '7', 5000);
    expect(rules(grant, leaseOp([4000, 4001], 'lease-keep', '7', 5000, true))).toEqual(['I15 lease']);
    expect(rules(grant, leaseOp([6000, 6001], 'lease-keep', '7', 5000, true))).toEqual([]);
  });

  it('wants a member that is alone to answer nothing that needs others (I11)', () => {
    const alone = [{ member: 'm1', from: 100, to: 200 }];
    const read = (callMs: number, stale = false): Operation => get([callMs, callMs + 1], 'a', undefined, 1, { member: 'm1', stale });
    expect(checkIsolation([read(110)], alone).map((one) => one.rule)).toEqual(['I11 minority']);
    expect(checkIsolation([read(110)], alone, 20)).toEqual([]);
    expect(checkIsolation([{ ...put([110, 111], 'a', '1', 2), member: 'm1' }], alone, 20).map((one) => one.rule)).toEqual(['I11 minority']);
    expect(checkIsolation([read(110, true), read(50), read(199.5), read(300)], alone)).toEqual([]);
  });
});
