import { campaign, onVoteResponse } from './candidate.ts';
import { forwardProposals, onAppend, onHeartbeat, onLost, onReadIndexResponse, onSnapshot, onTimeoutNow } from './follower.ts';
import { advanceCommit, appendProposals, onAppendResponse, onHeartbeatResponse, onSnapshotReport, onUnreachable, setMayLead, transferLeader } from './leader.ts';
import { requestRead } from './reads.ts';
import { becomeFollower, resetTimeout, send, type RaftState } from './state.ts';
import { tick } from './tick.ts';
import type { Effects, Entry, HardState, Input, MemberId, Message, SnapshotMeta } from './types.ts';
import { insistsOnLeader, onVoteRequest } from './vote.ts';

/** Raft, one input at a time. Depends on nothing but its arguments; what is to be done is collected by `takeEffects`. */
export function step(raft: RaftState, input: Input): void {
  switch (input.type) {
    case 'tick': tick(raft, input.nowMs); return;
    case 'message': stepMessage(raft, input.message); return;
    case 'persisted':
      raft.log.stableTo(input.index, input.term);
      if (raft.role === 'leader') advanceCommit(raft);
      return;
    case 'applied': raft.log.appliedTo(input.index); return;
    case 'read': requestRead(raft, raft.config.id, input.context, input.nowMs); return;
    case 'snapshot-report': onSnapshotReport(raft, input.to, input.ok); return;
    case 'unreachable': onUnreachable(raft, input.member); return;
    case 'snapshot-taken': snapshotTaken(raft, input.snapshot, input.compactTo); return;
    case 'lost': onLost(raft, input.member); return;
    case 'may-lead': setMayLead(raft, input.allowed); return;
    case 'transfer-leader': if (raft.role === 'leader') transferLeader(raft, input.to); return;
    case 'campaign': if (raft.role !== 'leader') campaign(raft, 'pre-vote');
  }
}

/** False: there is no leader to take them (or it is handing over); nothing was done. */
export function propose(raft: RaftState, proposals: readonly Uint8Array[]): boolean {
  return raft.role === 'leader' ? appendProposals(raft, proposals) : forwardProposals(raft, proposals);
}

function snapshotTaken(raft: RaftState, snapshot: SnapshotMeta, compactTo: number): void {
  // Meanwhile a newer one may have been received from the leader.
  if (snapshot.index <= raft.availableSnapshot.index) return;
  raft.availableSnapshot = snapshot;
  raft.snapshotConf = raft.log.confAt(snapshot.index);
  raft.log.compact(Math.min(compactTo, snapshot.index));
}

function stepMessage(raft: RaftState, message: Message): void {
  if (message.term > raft.term && !meetNewerTerm(raft, message)) return;
  if (message.term !== 0 && message.term < raft.term) {
    answerOlderTerm(raft, message);
    return;
  }
  dispatch(raft, message);
}

/** False: the message is to be ignored. */
function meetNewerTerm(raft: RaftState, message: Message): boolean {
  switch (message.type) {
    case 'pre-vote': return !insistsOnLeader(raft, message);
    case 'vote':
      if (insistsOnLeader(raft, message)) return false;
      becomeFollower(raft, message.term, 0n);
      return true;
    case 'pre-vote-response':
      // Granted for the term we only asked about; refused from a term that we have to learn of.
      if (message.reject) becomeFollower(raft, message.term, 0n);
      return true;
    case 'append': case 'heartbeat': case 'snapshot': becomeFollower(raft, message.term, message.from); return true;
    case 'vote-response': case 'append-response': case 'heartbeat-response': case 'timeout-now': case 'read-index': case 'read-index-response': case 'propose':
      becomeFollower(raft, message.term, 0n);
      return true;
  }
}

/**
 * Silence could leave a member with a newer term stuck: the leader's messages are ignored by it, and its votes by the others,
 * who hear a leader. Our answer carries our term and makes the old leader step down.
 */
function answerOlderTerm(raft: RaftState, message: Message): void {
  if (message.type === 'append' || message.type === 'heartbeat') {
    send(raft, { type: 'append-response', to: message.from, term: raft.term, index: 0, reject: false, hintIndex: 0, hintTerm: 0 });
  } else if (message.type === 'pre-vote') {
    send(raft, { type: 'pre-vote-response', to: message.from, term: raft.term, reject: true });
  }
}

function dispatch(raft: RaftState, message: Message): void {
  switch (message.type) {
    case 'pre-vote': case 'vote': onVoteRequest(raft, message); return;
    case 'pre-vote-response': case 'vote-response': if (raft.role === 'pre-candidate' || raft.role === 'candidate') onVoteResponse(raft, message); return;
    case 'append': follow(raft, message); onAppend(raft, message); return;
    case 'heartbeat': follow(raft, message); onHeartbeat(raft, message); return;
    case 'snapshot': follow(raft, message); onSnapshot(raft, message); return;
    case 'append-response': if (raft.role === 'leader') onAppendResponse(raft, message); return;
    case 'heartbeat-response': if (raft.role === 'leader') onHeartbeatResponse(raft, message); return;
    case 'timeout-now': if (raft.role === 'follower') onTimeoutNow(raft, message); return;
    case 'read-index':
      hasAsked(raft, message.from);
      if (raft.role === 'leader') requestRead(raft, message.from, message.context);
      return;
    case 'read-index-response': if (raft.role === 'follower') onReadIndexResponse(raft, message); return;
    case 'propose':
      hasAsked(raft, message.from);
      if (raft.role === 'leader') appendProposals(raft, message.proposals);
  }
}

/** Heartbeats for which a member counts as one that has clients. */
const askedHeartbeats = 10;

function hasAsked(raft: RaftState, from: MemberId): void {
  const progress = raft.progress.get(from);
  if (progress !== undefined) progress.asked = askedHeartbeats;
}

/** A message only a leader of our term sends. */
function follow(raft: RaftState, message: Message): void {
  if (raft.role !== 'follower') becomeFollower(raft, raft.term, message.from);
  raft.leader = message.from;
  raft.electionElapsed = 0;
  if (raft.hurried) resetTimeout(raft);
}

const maxApplyBytes = 4 * 1024 * 1024;

/** What is to be done now; each thing is handed out once. May be called after any number of steps. */
export function takeEffects(raft: RaftState): Effects {
  const { messages, afterPersist, readStates } = raft;
  raft.messages = [];
  raft.afterPersist = [];
  raft.readStates = [];
  const snapshot = takeSnapshot(raft);
  const entries = raft.log.takeUnstable();
  const hardState = takeHardState(raft, entries, snapshot);
  return { messages, snapshot, hardState, entries, afterPersist, committed: raft.log.takeCommitted(maxApplyBytes), readStates };
}

function takeSnapshot(raft: RaftState): SnapshotMeta | undefined {
  const snapshot = raft.snapshotToInstall;
  raft.snapshotToInstall = undefined;
  return snapshot;
}

/** The commit index alone is not worth a write; it goes along with others. */
function takeHardState(raft: RaftState, entries: readonly Entry[], snapshot: SnapshotMeta | undefined): HardState | undefined {
  const changed = raft.term !== raft.handedTerm || raft.vote !== raft.handedVote;
  if (!changed && entries.length === 0 && snapshot === undefined) return undefined;
  raft.handedTerm = raft.term;
  raft.handedVote = raft.vote;
  return { term: raft.term, vote: raft.vote, commit: raft.log.committed };
}
