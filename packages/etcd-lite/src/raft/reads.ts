import { broadcastHeartbeat, committedInTerm, decidesAlone } from './replicate.ts';
import { send, type RaftState } from './state.ts';
import type { MemberId } from './types.ts';

/** A read of `from` (this member or one that forwarded it). Without a leader it is dropped; who asked asks again. */
export function requestRead(raft: RaftState, from: MemberId, context: number, nowMs?: number): void {
  if (raft.role === 'leader') {
    // Before its first own commit a leader doesn't know what is committed.
    if (committedInTerm(raft) && raft.transferee === 0n && raft.lease.holds(nowMs)) answerRead(raft, from, context, raft.log.committed);
    else if (committedInTerm(raft)) openRead(raft, from, context);
    else raft.pendingReads.push({ from, context });
  } else if (raft.leader !== 0n && from === raft.config.id) {
    send(raft, { type: 'read-index', to: raft.leader, term: 0, context });
  }
}

function openRead(raft: RaftState, from: MemberId, context: number): void {
  if (decidesAlone(raft)) {
    answerRead(raft, from, context, raft.log.committed);
    return;
  }
  raft.reads.open(from, context, raft.log.committed, raft.config.id);
  broadcastHeartbeat(raft);
}

export function answerRead(raft: RaftState, from: MemberId, context: number, index: number): void {
  if (from === raft.config.id) raft.readStates.push({ context, index });
  else send(raft, { type: 'read-index-response', to: from, term: raft.term, context, index });
}

/** Called when the leader has committed: reads that waited for its first own commit may start. */
export function releasePendingReads(raft: RaftState): void {
  if (raft.pendingReads.length === 0 || !committedInTerm(raft)) return;
  for (const { from, context } of raft.pendingReads.splice(0)) openRead(raft, from, context);
}
