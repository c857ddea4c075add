import type { Member, ServerStatus } from '@coxswain/etcd-lite/client';
import { describe, expect, it } from 'vitest';
import { diagnose, exitCode } from './diagnose.ts';
import type { Examined, Facts } from './types.ts';

const mebibyte = 1024 * 1024;
const member = (id: bigint, changes: Partial<Member> = {}): Member => ({ id, name: `m${id}`, peerUrls: [`http://m${id}:2380`], clientUrls: [`http://m${id}:2379`], isLearner: false, ...changes });
const status = (id: bigint, changes: Partial<ServerStatus> = {}): ServerStatus => ({
  memberId: id, version: '3.6.0', revision: 100, leader: 1n, raftTerm: 4, raftIndex: 200, raftAppliedIndex: 200, dbSize: mebibyte, dbSizeInUse: mebibyte, dbSizeQuota: 2048 * mebibyte, isLearner: false, errors: [], ...changes,
});
const endpoint = (id: bigint, changes: Partial<Examined> = {}): Examined => ({
  endpoint: `http://m${id}:2379`, status: status(id), hash: { hash: 7, compactRevision: 50, hashRevision: 100 }, readsMs: [1, 2, 3], ...changes,
});
const down = (id: bigint): Examined => endpoint(id, { status: { error: 'connection refused' }, hash: undefined, readsMs: [] });
const healthy: Facts = { members: [member(1n), member(2n), member(3n)], alarms: [], endpoints: [endpoint(1n), endpoint(2n), endpoint(3n)] };

/** What is not in order, a line each. */
const complaints = (facts: Facts): string[] => diagnose(facts).filter(({ level }) => level !== 'ok').map(({ level, what }) => `${level}: ${what}`);

describe('diagnose', () => {
  it('has nothing to say about a healthy cluster', () => {
    expect(complaints(healthy)).toEqual([]);
    expect(exitCode(diagnose(healthy))).toBe(0);
  });

  it('tells the loss of one member from the loss of the quorum', () => {
    expect(complaints({ ...healthy, endpoints: [endpoint(1n), endpoint(2n), down(3n)] })).toEqual([
      'fail: http://m3:2379 does not answer: connection refused', 'warn: 2 of 3 voting members answer: the loss of one more stops all writes']);
    expect(complaints({ ...healthy, endpoints: [endpoint(1n), down(2n), down(3n)] })).toContain('fail: 1 of 3 voting members answer, 2 are needed');
    expect(complaints({ members: [], alarms: [], endpoints: [down(1n)] })).toContain('fail: no member could say who belongs to the cluster');
  });

  it('names the member whose data differ, if a majority agrees', () => {
    const other = endpoint(3n, { hash: { hash: 8, compactRevision: 50, hashRevision: 100 } });
    expect(complaints({ ...healthy, endpoints: [endpoint(1n), endpoint(2n), other] })).toEqual(['fail: http://m3:2379 has other data than the majority at revision 100 (hash 8)']);
    const third = endpoint(2n, { hash: { hash: 9, compactRevision: 50, hashRevision: 100 } });
    expect(complaints({ ...healthy, endpoints: [endpoint(1n), third, other] })).toHaveLength(3);
  });

  it('asks no linearizable read of a learner, and does not look for the third of two', () => {
    const facts = { ...healthy, members: [member(1n), member(2n), member(3n, { isLearner: true })], endpoints: [endpoint(1n), endpoint(2n), endpoint(3n, { readsMs: [] })] };
    const findings = diagnose(facts);
    expect(findings.filter(({ level }) => level === 'fail')).toEqual([]);
    expect(findings.find(({ what }) => what.startsWith('2 of 2 voting members'))?.advice).toContain('nobody is missing');
  });

  it('does not compare members that have forgotten different amounts', () => {
    const other = endpoint(3n, { hash: { hash: 8, compactRevision: 20, hashRevision: 100 } });
    expect(complaints({ ...healthy, endpoints: [endpoint(1n), endpoint(2n), other] })).toEqual([]);
  });

  it.each<readonly [string, Facts, string]>([
    ['no leader', { ...healthy, endpoints: [endpoint(1n, { status: status(1n, { leader: 0n }) }), endpoint(2n), endpoint(3n)] }, 'fail: http://m1:2379: no leader is known'],
    ['two leaders', { ...healthy, endpoints: [endpoint(1n, { status: status(1n, { leader: 2n }) }), endpoint(2n), endpoint(3n)] }, 'warn: members name different leaders: an election is under way or a member is cut off'],
    ['lag', { ...healthy, endpoints: [endpoint(1n), endpoint(2n), endpoint(3n, { status: status(3n, { raftAppliedIndex: 200, raftIndex: 200 }) }), endpoint(1n, { endpoint: 'http://far', status: status(1n, { raftAppliedIndex: 9000 }) })] }, 'warn: http://m3:2379 is 8800 entries behind'],
    ['never started', { ...healthy, members: [member(1n), member(2n), member(3n, { name: '' })] }, 'warn: member 3 (http://m3:2380) was added and has never started, yet it counts for the quorum'],
    ['learner', { ...healthy, members: [member(1n), member(2n), member(3n), member(4n, { isLearner: true })] }, 'warn: member m4 (4) is a learner and does not vote'],
    ['even', { ...healthy, members: [member(1n), member(2n)], endpoints: [endpoint(1n), endpoint(2n)] }, 'warn: 2 voting members survive no more losses than 1 would'],
    ['alarm', { ...healthy, alarms: [{ memberId: 2n, alarm: 'NOSPACE' }] }, 'fail: m2 (2) has raised NOSPACE: writes are refused'],
    ['quota', { ...healthy, endpoints: [endpoint(1n, { status: status(1n, { dbSizeInUse: 1900 * mebibyte, dbSize: 1900 * mebibyte }) }), endpoint(2n), endpoint(3n)] }, 'warn: http://m1:2379 holds 1900 MiB of the 2048 MiB that its quota allows'],
    ['fragmented', { ...healthy, endpoints: [endpoint(1n, { status: status(1n, { dbSize: 500 * mebibyte }) }), endpoint(2n), endpoint(3n)] }, 'warn: http://m1:2379 keeps 500 MiB on disk for 1 MiB of data'],
    ['slow', { ...healthy, endpoints: [endpoint(1n, { readsMs: [1, 400] }), endpoint(2n), endpoint(3n)] }, 'warn: http://m1:2379 took up to 400 ms for a linearizable read'],
    ['versions', { ...healthy, endpoints: [endpoint(1n, { status: status(1n, { version: '3.5.0' }) }), endpoint(2n), endpoint(3n)] }, 'warn: members have different versions: 3.5.0, 3.6.0'],
  ])('sees %s', (_name, facts, expected) => {
    expect(complaints(facts)).toContain(expected);
  });
});
