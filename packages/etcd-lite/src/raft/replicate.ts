import { assert } from '@coxswain/host';
import { entryOverheadBytes } from './log.ts';
import type { Progress } from './progress.ts';
import { isVoter, quorum, send, type RaftState } from './state.ts';
import type { Entry, MemberId } from './types.ts';

/** Leader: sends `to` what it lacks, as far as its window allows. True if something was sent. `quiet`: an empty one needs no answer. */
export function sendAppend(raft: RaftState, to: MemberId, allowEmpty: boolean, quiet = false): boolean {
  const progress = raft.progress.get(to);
  assert(progress !== undefined, 'unknown member', { to });
  if (progress.paused) return false;
  const { log } = raft;
  const previousTerm = log.term(progress.next - 1);
  if (previousTerm === undefined) return sendSnapshot(raft, to, progress);
  const entries: readonly Entry[] = progress.next <= log.lastIndex ? log.slice(progress.next, log.lastIndex, raft.config.maxMessageBytes) : [];
  if (entries.length === 0 && !allowEmpty) return false;
  const noAnswer = quiet && entries.length === 0 && progress.state === 'replicate';
  send(raft, { type: 'append', to, term: raft.term, index: progress.next - 1, logTerm: previousTerm, entries, commit: log.committed, ...(noAnswer ? { quiet: true } : {}) });
  progress.sent(progress.next - 1 + entries.length, entries.length, entries.reduce((sum, entry) => sum + entry.data.length + entryOverheadBytes, 0));
  return true;
}

/** The entries it needs are gone. Nothing is sent to a member that has not been heard of lately: the state is large. */
function sendSnapshot(raft: RaftState, to: MemberId, progress: Progress): boolean {
  if (!progress.recentActive) return false;
  const snapshot = raft.availableSnapshot;
  assert(snapshot.index >= raft.log.firstIndex - 1, 'the log must reach back to the snapshot', { snapshot: snapshot.index, first: raft.log.firstIndex });
  if (snapshot.index <= progress.match) return false;
  progress.becomeSnapshot(snapshot.index);
  send(raft, { type: 'snapshot', to, term: raft.term, snapshot, conf: raft.snapshotConf });
  return true;
}

export function broadcastAppend(raft: RaftState): void {
  for (const to of raft.progress.keys()) while (sendAppend(raft, to, false)) continue;
}

/**
 * Tells of a new commit index, without entries if there are none. Where more is on its way already, whoever has asked for nothing
 * lately hears of it with what comes next: the next entries, the next commit, or a heartbeat.
 */
export function broadcastCommit(raft: RaftState): void {
  const last = raft.log.committed === raft.log.lastIndex;
  for (const [to, progress] of raft.progress) if (last || progress.asked > 0 || progress.next <= raft.log.lastIndex) sendAppend(raft, to, true, true);
}

export function broadcastHeartbeat(raft: RaftState): void {
  for (const [to, progress] of raft.progress) {
    progress.asked = Math.max(0, progress.asked - 1);
    // Never beyond what the follower is known to have: its log may still hold other entries there.
    send(raft, { type: 'heartbeat', to, term: raft.term, commit: Math.min(progress.match, raft.log.committed), context: raft.reads.newest });
  }
}

/**
 * Leader: commits what a quorum has on disk, if it is of this term (Raft 5.4.2). True if the commit index moved. A leader that
 * is being removed does not count itself (thesis 4.2.2).
 */
export function maybeCommit(raft: RaftState): boolean {
  const matches = raft.log.conf.voters.map((id) => (id === raft.config.id ? raft.log.stable : raft.progress.get(id)?.match ?? 0)).sort((a, b) => b - a);
  const index = matches[quorum(raft) - 1] ?? 0;
  if (index <= raft.log.committed || raft.log.term(index) !== raft.term) return false;
  raft.log.commitTo(index);
  return true;
}

/** Nobody else has to be asked. */
export function decidesAlone(raft: RaftState): boolean {
  return quorum(raft) === 1 && isVoter(raft, raft.config.id);
}

export function committedInTerm(raft: RaftState): boolean {
  return raft.log.term(raft.log.committed) === raft.term;
}
