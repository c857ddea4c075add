import { describe, expect, it } from 'vitest';
import { ScriptedCluster } from './network.fixture.ts';
import { step, type Entry, type Message } from './index.ts';

const [a, b, c, d, e] = [1n, 2n, 3n, 4n, 5n] as [bigint, bigint, bigint, bigint, bigint];
const entry = (index: number, term: number, text = 'x'): Entry => ({ index, term, data: new TextEncoder().encode(text) });

describe('elections', () => {
  it('a follower that hears no leader campaigns, and a majority makes it leader of the next term', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.tick(a, 10);
    cluster.settle();
    expect([cluster.raft(a).role, cluster.raft(a).term, cluster.raft(b).leader, cluster.raft(c).leader]).toEqual(['leader', 1, a, a]);
  });

  it('grants one vote a term, to whoever asks first (5.2)', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    const ask = (from: bigint): Message => ({ type: 'vote', from, to: c, term: 1, index: 0, logTerm: 0, transfer: false });
    cluster.deliver(ask(a));
    cluster.deliver(ask(b));
    expect(cluster.wire.flatMap((one) => (one.type === 'vote-response' ? [[one.to, one.reject]] : []))).toEqual([[a, false], [b, true]]);
  });

  it('refuses a candidate whose log is behind: by term first, then by length (5.4.1)', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.restart(c, [entry(1, 1), entry(2, 2)], { term: 2, vote: 0n, commit: 0 });
    const ask = (term: number, index: number, logTerm: number): boolean => {
      cluster.wire = [];
      cluster.deliver({ type: 'vote', from: a, to: c, term, index, logTerm, transfer: false });
      return cluster.wire.some((one) => one.type === 'vote-response' && !one.reject);
    };
    expect(ask(3, 9, 1)).toBe(false);
    expect(ask(4, 1, 2)).toBe(false);
    expect(ask(5, 2, 2)).toBe(true);
    expect(ask(6, 1, 3)).toBe(true);
  });

  it('neither asks for votes nor grants one before the disk has it', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.stalled.add(a);
    step(cluster.raft(a), { type: 'campaign' });
    cluster.collect(a);
    cluster.settle();
    // It could win, crash, forget the term and win it again with another log.
    expect([cluster.raft(a).role, cluster.raft(b).vote]).toEqual(['candidate', 0n]);
    cluster.unstall(a);
    cluster.settle();
    expect(cluster.raft(a).role).toBe('leader');
    cluster.stalled.add(c);
    cluster.isolate(a);
    step(cluster.raft(c), { type: 'message', message: { type: 'vote', from: b, to: c, term: 9, index: 9, logTerm: 9, transfer: true } });
    cluster.collect(c);
    expect(cluster.wire.filter((one) => one.type === 'vote-response' && one.term === 9)).toEqual([]);
    cluster.unstall(c);
    expect(cluster.wire.filter((one) => one.type === 'vote-response' && one.term === 9)).toHaveLength(1);
  });

  it('pre-vote: a member that was cut off neither raises its term nor disturbs the leader when it returns', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.elect(a);
    cluster.isolate(c);
    cluster.tick(c, 100);
    expect(cluster.raft(c).term).toBe(1);
    cluster.cut.clear();
    cluster.tick(c, 20);
    cluster.tick(a);
    cluster.settle();
    expect([cluster.raft(a).role, cluster.raft(a).term, cluster.raft(c).leader]).toEqual(['leader', 1, a]);
  });

  it('check-quorum: a leader that hears no majority steps down', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.elect(a);
    cluster.isolate(a);
    cluster.tick(a, 25);
    expect(cluster.raft(a).role).toBe('follower');
  });

  it('hands leadership over at once to a member that is up to date', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.elect(a);
    cluster.propose(a, 'x');
    cluster.settle();
    step(cluster.raft(a), { type: 'transfer-leader', to: b });
    cluster.collect(a);
    expect(cluster.propose(a, 'not now')).toBe(false);
    cluster.settle();
    expect([cluster.raft(b).role, cluster.raft(a).leader, cluster.raft(c).leader]).toEqual(['leader', b, b]);
  });
});

describe('replication', () => {
  it('commits when a majority has it on disk, without the leader\'s own if need be', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.elect(a);
    cluster.stalled.add(a);
    cluster.propose(a, 'x');
    cluster.settle();
    expect(cluster.raft(a).log.committed).toBe(2);
    // It answers only when its own disk has the entry too.
    expect(cluster.texts(a)).toEqual([]);
    cluster.unstall(a);
    cluster.settle();
    expect([cluster.texts(a), cluster.texts(b), cluster.texts(c)]).toEqual([['x'], ['x'], ['x']]);
  });

  it('does not commit what only one disk has', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.elect(a);
    cluster.stalled.add(b).add(c);
    cluster.propose(a, 'x');
    cluster.settle();
    expect(cluster.raft(a).log.committed).toBe(1);
    cluster.unstall(c);
    cluster.settle();
    expect(cluster.raft(a).log.committed).toBe(2);
  });

  it('repairs diverged logs (figure 7)', () => {
    const terms: Readonly<Record<string, readonly number[]>> = {
      a: [1, 1, 1, 4, 4, 5, 5, 6, 6], b: [1, 1, 1, 4], c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], e: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    };
    for (const follower of ['a', 'b', 'c', 'd', 'e']) {
      const cluster = new ScriptedCluster([a, b, c]);
      const log = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6].map((term, at) => entry(at + 1, term, `t${term}`));
      cluster.restart(a, log, { term: 7, vote: 0n, commit: 3 });
      cluster.restart(b, log, { term: 7, vote: 0n, commit: 3 });
      cluster.restart(c, (terms[follower] as readonly number[]).map((term, at) => entry(at + 1, term, `t${term}`)), { term: 7, vote: 0n, commit: 3 });
      cluster.elect(a);
      cluster.tick(a);
      cluster.settle();
      const expected = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8];
      expect(cluster.raft(c).log.slice(1, cluster.raft(c).log.lastIndex, 1e9).map((one) => one.term), `log ${follower}`).toEqual(expected);
    }
  });

  it('commits entries of former terms only with one of its own (figure 8)', () => {
    const cluster = new ScriptedCluster([a, b, c, d, e]);
    // As in (c): a has entry 2 of term 2 on a majority, but is leader of term 4.
    cluster.restart(a, [entry(1, 1), entry(2, 2)], { term: 3, vote: 0n, commit: 1 });
    cluster.restart(b, [entry(1, 1), entry(2, 2)], { term: 3, vote: 0n, commit: 1 });
    cluster.restart(c, [entry(1, 1)], { term: 3, vote: 0n, commit: 1 });
    cluster.restart(d, [entry(1, 1)], { term: 3, vote: 0n, commit: 1 });
    cluster.restart(e, [entry(1, 1), entry(2, 3)], { term: 3, vote: e, commit: 1 });
    cluster.isolate(e);
    step(cluster.raft(a), { type: 'campaign' });
    cluster.collect(a);
    // Entry 2 reaches c, the no-op 3 reaches nobody.
    while (cluster.wire.length > 0) {
      const message = cluster.wire.shift() as Message;
      if (message.type === 'append') cluster.deliver({ ...message, entries: message.entries.filter((one) => one.index <= 2) });
      else cluster.deliver(message);
      expect(cluster.raft(a).log.committed).toBe(1);
      if (cluster.raft(a).progress.get(c)?.match === 2) break;
    }
    expect(cluster.raft(a).progress.get(c)?.match).toBe(2);
    cluster.wire = [];
    cluster.tick(a);
    cluster.settle();
    cluster.tick(a);
    cluster.settle();
    expect(cluster.raft(a).log.committed).toBe(3);
  });

  it('sends the state to a member whose entries are gone, and goes on from there', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.elect(a);
    cluster.isolate(c);
    for (const text of ['1', '2', '3', '4']) {
      cluster.propose(a, text);
      cluster.settle();
    }
    step(cluster.raft(a), { type: 'snapshot-taken', snapshot: { index: 5, term: 1 }, compactTo: 5 });
    cluster.cut.clear();
    cluster.tick(a, 2);
    cluster.settle();
    cluster.tick(a, 2);
    cluster.settle();
    expect(cluster.delivered.flatMap((one) => (one.type === 'snapshot' ? [one.snapshot] : []))).toEqual([{ index: 5, term: 1 }]);
    expect(cluster.raft(c).log.committed).toBe(5);
    cluster.propose(a, '5');
    cluster.settle();
    expect(cluster.texts(c)).toEqual(['5']);
  });

  it('a leader whose appends are refused by a newer term steps down', () => {
    // Timeouts of 15 ticks: after 12 the others no longer insist on their leader but don't campaign themselves.
    const cluster = new ScriptedCluster([a, b, c], () => 0.5);
    cluster.elect(a);
    cluster.isolate(a);
    cluster.tick(b, 12);
    cluster.tick(c, 12);
    cluster.elect(b);
    expect([cluster.raft(a).role, cluster.raft(b).role]).toEqual(['leader', 'leader']);
    cluster.cut.clear();
    cluster.propose(a, 'lost');
    cluster.settle();
    expect([cluster.raft(a).role, cluster.raft(b).role]).toEqual(['follower', 'leader']);
    cluster.tick(b);
    cluster.settle();
    expect(cluster.texts(a)).toEqual([]);
  });
});

describe('linearizable reads', () => {
  it('are answered after a majority has confirmed the leader, at the commit index of the question', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.elect(a);
    step(cluster.raft(a), { type: 'read', context: 7 });
    cluster.collect(a);
    expect(cluster.reads.get(a)).toEqual([]);
    cluster.settle();
    expect(cluster.reads.get(a)).toEqual([{ context: 7, index: 1 }]);
  });

  it('are forwarded by a follower and answered to it', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.elect(a);
    step(cluster.raft(c), { type: 'read', context: 9 });
    cluster.collect(c);
    cluster.settle();
    expect(cluster.reads.get(c)).toEqual([{ context: 9, index: 1 }]);
  });

  it('get no answer from a leader that was deposed without knowing it', () => {
    // Timeouts of 15 ticks: after 12 the others no longer insist on their leader but don't campaign themselves.
    const cluster = new ScriptedCluster([a, b, c], () => 0.5);
    cluster.elect(a);
    cluster.isolate(a);
    cluster.tick(b, 12);
    cluster.tick(c, 12);
    cluster.elect(b);
    expect([cluster.raft(a).role, cluster.raft(b).role]).toEqual(['leader', 'leader']);
    cluster.propose(b, 'new');
    cluster.settle();
    step(cluster.raft(a), { type: 'read', context: 1 });
    cluster.collect(a);
    cluster.cut.clear();
    cluster.settle();
    expect(cluster.reads.get(a)).toEqual([]);
  });

  it('wait until a new leader has committed in its own term (6.4)', () => {
    const cluster = new ScriptedCluster([a, b, c]);
    cluster.stalled.add(b).add(c);
    step(cluster.raft(a), { type: 'campaign' });
    cluster.collect(a);
    cluster.settle();
    cluster.unstall(b);
    cluster.stalled.add(b);
    cluster.settle();
    expect(cluster.raft(a).role).toBe('leader');
    step(cluster.raft(a), { type: 'read', context: 3 });
    cluster.collect(a);
    cluster.tick(a);
    cluster.settle();
    expect(cluster.reads.get(a)).toEqual([]);
    cluster.unstall(b);
    cluster.settle();
    expect(cluster.reads.get(a)).toEqual([{ context: 3, index: 1 }]);
  });
});
