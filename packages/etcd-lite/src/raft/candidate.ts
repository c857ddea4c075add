import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate, conf, isVoter, owesPatience, quorum, send, type RaftState } from './state.ts';
import { broadcastAppend } from './replicate.ts';
import type { MemberId, VoteResponse } from './types.ts';

/**
 * A voter, or one that was until an entry which may never be committed: where only the member that is being removed has the
 * entry of its removal, nobody else can win (thesis 4.2.2).
 */
export function mayCampaign(raft: RaftState): boolean {
  return isVoter(raft, raft.config.id) || raft.log.confAt(raft.log.committed).voters.includes(raft.config.id);
}

/** Begins an election. `transfer`: the leader has told us to, so others must not insist on it. */
export function campaign(raft: RaftState, kind: 'pre-vote' | 'vote', transfer = false): void {
  if (!raft.mayLead || !mayCampaign(raft) || (owesPatience(raft) && !transfer)) return;
  if (kind === 'pre-vote') becomePreCandidate(raft);
  else becomeCandidate(raft);
  const term = kind === 'pre-vote' ? raft.term + 1 : raft.term;
  for (const to of conf(raft).voters) if (to !== raft.config.id) send(raft, { type: kind, to, term, index: raft.log.lastIndex, logTerm: raft.log.lastTerm, transfer });
  // The own vote counts when it is on disk, like any other: it comes back as a message. A pre-vote promises nothing.
  if (kind === 'vote') send(raft, { type: 'vote-response', to: raft.config.id, term, reject: false });
  else count(raft, raft.config.id, false);
}

export function onVoteResponse(raft: RaftState, message: VoteResponse): void {
  const expected = raft.role === 'pre-candidate' ? 'pre-vote-response' : 'vote-response';
  if (message.type === expected) count(raft, message.from, message.reject);
}

function count(raft: RaftState, from: MemberId, reject: boolean): void {
  if (!raft.votes.has(from)) raft.votes.set(from, !reject);
  const voted = [...raft.votes].filter(([id]) => isVoter(raft, id));
  const granted = voted.filter(([, yes]) => yes).length;
  if (granted >= quorum(raft)) won(raft);
  else if (voted.length - granted >= quorum(raft)) becomeFollower(raft, raft.term, 0n);
}

function won(raft: RaftState): void {
  if (raft.role === 'pre-candidate') {
    campaign(raft, 'vote');
    return;
  }
  becomeLeader(raft);
  // Entries of former terms are committed only together with one of its own (Raft 5.4.2, 8).
  raft.log.append([{ index: raft.log.lastIndex + 1, term: raft.term, data: new Uint8Array(0) }]);
  broadcastAppend(raft);
}
