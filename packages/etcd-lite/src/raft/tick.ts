import { campaign, mayCampaign } from './candidate.ts';
import { broadcastHeartbeat } from './replicate.ts';
import { becomeFollower, isQuorum, type RaftState } from './state.ts';

export function tick(raft: RaftState, nowMs?: number): void {
  raft.age += 1;
  if (raft.role === 'leader') tickLeader(raft, nowMs);
  else tickElection(raft);
}

function tickElection(raft: RaftState): void {
  raft.electionElapsed += 1;
  if (raft.electionElapsed < raft.electionTimeout || !mayCampaign(raft)) return;
  raft.electionElapsed = 0;
  campaign(raft, 'pre-vote');
}

function tickLeader(raft: RaftState, nowMs: number | undefined): void {
  raft.electionElapsed += 1;
  raft.heartbeatElapsed += 1;
  if (raft.electionElapsed >= raft.config.electionTicks) {
    raft.electionElapsed = 0;
    raft.transferee = 0n;
    if (!hearsQuorum(raft) || (!raft.mayLead && raft.log.conf.voters.length > 1)) {
      becomeFollower(raft, raft.term, 0n);
      return;
    }
  }
  if (raft.heartbeatElapsed < raft.config.heartbeatTicks) return;
  raft.heartbeatElapsed = 0;
  if (raft.lease.wantsRound(nowMs)) raft.reads.openLease(nowMs, raft.config.id);
  broadcastHeartbeat(raft);
}

/** Check-quorum: a leader that is cut off steps down, so that its clients look elsewhere. */
function hearsQuorum(raft: RaftState): boolean {
  const heard = [raft.config.id];
  for (const [id, progress] of raft.progress) {
    if (progress.recentActive) heard.push(id);
    progress.recentActive = false;
  }
  return isQuorum(raft, heard);
}
