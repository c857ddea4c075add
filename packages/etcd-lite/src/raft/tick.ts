import { campaign } from './candidate.ts';
import { broadcastHeartbeat } from './replicate.ts';
import { becomeFollower, quorum, type RaftState } from './state.ts';

export function tick(raft: RaftState): void {
  if (raft.role === 'leader') tickLeader(raft);
  else tickElection(raft);
}

function tickElection(raft: RaftState): void {
  raft.electionElapsed += 1;
  if (raft.electionElapsed < raft.electionTimeout) return;
  raft.electionElapsed = 0;
  campaign(raft, 'pre-vote');
}

function tickLeader(raft: RaftState): void {
  raft.electionElapsed += 1;
  raft.heartbeatElapsed += 1;
  if (raft.electionElapsed >= raft.config.electionTicks) {
    raft.electionElapsed = 0;
    raft.transferee = 0n;
    if (!hearsQuorum(raft) || (!raft.mayLead && raft.progress.size > 0)) {
      becomeFollower(raft, raft.term, 0n);
      return;
    }
  }
  if (raft.heartbeatElapsed < raft.config.heartbeatTicks) return;
  raft.heartbeatElapsed = 0;
  broadcastHeartbeat(raft);
}

/** Check-quorum: a leader that is cut off steps down, so that its clients look elsewhere. */
function hearsQuorum(raft: RaftState): boolean {
  let heard = 1;
  for (const progress of raft.progress.values()) {
    if (progress.recentActive) heard += 1;
    progress.recentActive = false;
  }
  return heard >= quorum(raft);
}
