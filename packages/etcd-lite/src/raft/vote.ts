import { owesPatience, send, type RaftState } from './state.ts';
import type { VoteRequest } from './types.ts';

/** Any role, once the term has been dealt with: grants if it has not promised otherwise and the candidate's log is as good. */
export function onVoteRequest(raft: RaftState, message: VoteRequest): void {
  const preVote = message.type === 'pre-vote';
  const free = raft.vote === message.from || (raft.vote === 0n && raft.leader === 0n) || (preVote && message.term > raft.term);
  const granted = free && raft.log.isUpToDate(message.index, message.logTerm);
  if (granted && !preVote) {
    raft.electionElapsed = 0;
    raft.vote = message.from;
  }
  const term = granted ? message.term : raft.term;
  if (preVote) send(raft, { type: 'pre-vote-response', to: message.from, term, reject: !granted });
  else send(raft, { type: 'vote-response', to: message.from, term, reject: !granted });
}

/** While a leader is heard, nobody who merely cannot hear it may depose it (check-quorum's other half). */
export function insistsOnLeader(raft: RaftState, message: VoteRequest): boolean {
  return !message.transfer && (owesPatience(raft) || (raft.leader !== 0n && raft.electionElapsed < raft.config.electionTicks));
}
