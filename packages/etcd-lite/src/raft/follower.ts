import { campaign } from './candidate.ts';
import { send, type RaftState } from './state.ts';
import type { Append, Heartbeat, MemberId, Propose, ReadIndexResponse, Snapshot, TimeoutNow } from './types.ts';

export function onAppend(raft: RaftState, message: Append): void {
  const { log } = raft;
  const to = message.from;
  if (message.index < log.committed) {
    if (message.quiet !== true) send(raft, { type: 'append-response', to, term: raft.term, index: log.committed, reject: false, hintIndex: 0, hintTerm: 0 });
    return;
  }
  if (!log.matches(message.index, message.logTerm)) {
    const hint = log.findConflictByTerm(Math.min(message.index, log.lastIndex), message.logTerm);
    send(raft, { type: 'append-response', to, term: raft.term, index: message.index, reject: true, hintIndex: hint.index, hintTerm: hint.term });
    return;
  }
  const last = log.merge(message.index, message.entries);
  log.commitTo(Math.min(message.commit, last));
  if (message.quiet !== true) send(raft, { type: 'append-response', to, term: raft.term, index: last, reject: false, hintIndex: 0, hintTerm: 0 });
}

export function onHeartbeat(raft: RaftState, message: Heartbeat): void {
  raft.log.commitTo(Math.min(message.commit, raft.log.lastIndex));
  send(raft, { type: 'heartbeat-response', to: message.from, term: raft.term, context: message.context });
}

/** The state has arrived and is on disk. */
export function onSnapshot(raft: RaftState, message: Snapshot): void {
  const { log } = raft;
  const { snapshot } = message;
  if (snapshot.index > log.committed) {
    if (log.matches(snapshot.index, snapshot.term)) {
      // It has all of it already, it only didn't know that it is committed.
      log.commitTo(snapshot.index);
    } else {
      log.restore(snapshot, message.conf);
      raft.availableSnapshot = snapshot;
      raft.snapshotConf = message.conf;
      raft.snapshotToInstall = snapshot;
    }
  }
  send(raft, { type: 'append-response', to: message.from, term: raft.term, index: log.committed, reject: false, hintIndex: 0, hintTerm: 0 });
}

export function onTimeoutNow(raft: RaftState, message: TimeoutNow): void {
  if (message.from === raft.leader) campaign(raft, 'vote', true);
}

export function onReadIndexResponse(raft: RaftState, message: ReadIndexResponse): void {
  raft.readStates.push({ context: message.context, index: message.index });
}

/** Forwarded proposals are never forwarded again: they could go round for ever, and be done after their sender gave up. */
export function forwardProposals(raft: RaftState, proposals: Propose['proposals']): boolean {
  if (raft.leader === 0n) return false;
  send(raft, { type: 'propose', to: raft.leader, term: 0, proposals });
  return true;
}

/** Ticks in which a leader whose connection broke may still be heard over another one. */
const reconnectTicks = 2;
const spreadTicks = 3;

/**
 * A process that ended is known at once by its broken connections; waiting for the whole election timeout would only cost
 * time without writes. Nothing is promised by it: it is as if that timeout were nearly over, so those who still hear the
 * leader refuse this member as ever. Not where leases count on everybody's patience.
 */
export function onLost(raft: RaftState, member: MemberId): void {
  const { electionTicks, random, lease } = raft.config;
  if (raft.role !== 'follower' || raft.leader !== member || lease !== undefined) return;
  raft.electionElapsed = Math.max(raft.electionElapsed, electionTicks - reconnectTicks);
  raft.electionTimeout = electionTicks + Math.floor(random() * spreadTicks);
  raft.hurried = true;
}
