import { assert } from '@coxswain/host';
import { entryKind } from './conf.ts';
import { bestSuccessor, confCommitted } from './membership.ts';
import { answerRead, releasePendingReads } from './reads.ts';
import { broadcastAppend, broadcastCommit, maybeCommit, sendAppend } from './replicate.ts';
import { becomeFollower, isQuorum, isVoter, send, type RaftState } from './state.ts';
import type { AppendResponse, HeartbeatResponse, MemberId } from './types.ts';

/**
 * Appends to the own log and sends on. False: not now, leadership is being handed over or too much is in the log already that
 * the others do not have.
 */
export function appendProposals(raft: RaftState, proposals: readonly Uint8Array[]): boolean {
  assert(raft.role === 'leader', 'only a leader appends');
  if (raft.transferee !== 0n || raft.log.uncommittedBytes > (raft.config.maxUncommittedBytes ?? Number.POSITIVE_INFINITY)) return false;
  assert(proposals.every((data) => entryKind(data) !== 'conf-change'), 'a change of the configuration is proposed otherwise');
  raft.log.append(proposals.map((data, at) => ({ index: raft.log.lastIndex + 1 + at, term: raft.term, data })));
  broadcastAppend(raft);
  return true;
}

/** After an acknowledgement, of a follower or of the own disk. */
export function advanceCommit(raft: RaftState): boolean {
  if (!maybeCommit(raft)) return false;
  releasePendingReads(raft);
  broadcastCommit(raft);
  if (confCommitted(raft)) leave(raft);
  return true;
}

/** Its own removal is committed: others go on without waiting for an election timeout. */
function leave(raft: RaftState): void {
  const successor = bestSuccessor(raft);
  if (successor !== undefined) sendTimeoutNow(raft, successor);
  becomeFollower(raft, raft.term, 0n);
}

export function onAppendResponse(raft: RaftState, message: AppendResponse): void {
  const progress = raft.progress.get(message.from);
  if (progress === undefined) return;
  progress.recentActive = true;
  if (message.reject) {
    const hint = message.hintTerm > 0 ? raft.log.findConflictByTerm(message.hintIndex, message.hintTerm).index : message.hintIndex;
    if (!progress.refused(message.index, hint)) return;
    if (progress.state === 'replicate') progress.becomeProbe();
    sendAppend(raft, message.from, true);
    return;
  }
  onAccepted(raft, message);
}

function onAccepted(raft: RaftState, message: AppendResponse): void {
  const progress = raft.progress.get(message.from);
  assert(progress !== undefined, 'unknown member', { from: message.from });
  assert(message.index <= raft.log.lastIndex, 'acknowledged what was never sent', { index: message.index, last: raft.log.lastIndex });
  const wasPaused = progress.paused;
  const advanced = progress.acknowledged(message.index);
  if (advanced || (progress.state === 'probe' && progress.match === message.index)) {
    if (progress.state === 'probe') progress.becomeReplicate();
    else if (progress.state === 'snapshot' && progress.match >= progress.pendingSnapshot) progress.becomeReplicate();
    if (!advanceCommit(raft) && wasPaused) sendAppend(raft, message.from, true);
    // It may just have been removed, or this leader.
    while (raft.progress.has(message.from) && sendAppend(raft, message.from, false)) continue;
  }
  if (message.from === raft.transferee && progress.match === raft.log.lastIndex) sendTimeoutNow(raft, message.from);
}

export function onHeartbeatResponse(raft: RaftState, message: HeartbeatResponse): void {
  const progress = raft.progress.get(message.from);
  if (progress === undefined) return;
  progress.recentActive = true;
  progress.freeOne();
  // In probe also when nothing is missing: a refused or lost append left the follower unknown.
  if (progress.match < raft.log.lastIndex || progress.state === 'probe') sendAppend(raft, message.from, true);
  if (message.context === 0) return;
  for (const round of raft.reads.acknowledge(message.from, message.context, (members) => isQuorum(raft, members))) {
    if (round.leaseMs === undefined) answerRead(raft, round.from, round.context, round.index);
    else raft.lease.renew(round.leaseMs);
  }
}

export function onSnapshotReport(raft: RaftState, to: MemberId, ok: boolean): void {
  const progress = raft.progress.get(to);
  if (progress?.state !== 'snapshot') return;
  if (!ok) progress.pendingSnapshot = 0;
  progress.becomeProbe();
  // Wait for its answer, or for a heartbeat's if that was lost.
  progress.probeSent = true;
}

/** A message to it could not be sent: what was on its way is lost. */
export function onUnreachable(raft: RaftState, member: MemberId): void {
  const progress = raft.progress.get(member);
  if (progress?.state === 'replicate') progress.becomeProbe();
}

export function transferLeader(raft: RaftState, to: MemberId): void {
  const progress = raft.progress.get(to);
  if (progress === undefined || raft.transferee === to || !isVoter(raft, to)) return;
  raft.transferee = to;
  raft.electionElapsed = 0;
  if (progress.match === raft.log.lastIndex) sendTimeoutNow(raft, to);
  else sendAppend(raft, to, false);
}

/** A leader that may lead no longer hands over to whoever has most; if that does not take, it steps down with the next check of the quorum. */
export function setMayLead(raft: RaftState, allowed: boolean): void {
  raft.mayLead = allowed;
  if (allowed) return;
  if (raft.role === 'pre-candidate' || raft.role === 'candidate') becomeFollower(raft, raft.term, 0n);
  if (raft.role !== 'leader') return;
  const best = bestSuccessor(raft);
  if (best !== undefined) transferLeader(raft, best);
}

function sendTimeoutNow(raft: RaftState, to: MemberId): void {
  raft.lease.break();
  send(raft, { type: 'timeout-now', to, term: raft.term });
}
