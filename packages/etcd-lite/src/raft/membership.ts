import { assert } from '@coxswain/host';
import { confChangeData, votersChanged, type ConfState } from './conf.ts';
import { broadcastAppend, committedInTerm } from './replicate.ts';
import { followConf, type RaftState } from './state.ts';
import type { MemberId } from './types.ts';

/** `pending`: the one before is not applied here yet, or nothing of this term is committed (raft-dev, 2015): ask again later. */
export type ConfChangeOutcome = 'proposed' | 'not-leader' | 'pending' | 'transferring';

/**
 * Appends a new configuration, in force from now on. One voter at a time may come or go; learners may come and go as they
 * like. What would lose the quorum is for the caller to refuse: it knows who answers.
 */
export function proposeConf(raft: RaftState, conf: ConfState, payload: Uint8Array): ConfChangeOutcome {
  if (raft.role !== 'leader') return 'not-leader';
  if (raft.transferee !== 0n) return 'transferring';
  const { log } = raft;
  if (log.confIndex > log.applied || !committedInTerm(raft)) return 'pending';
  assert(votersChanged(log.conf, conf) <= 1, 'one voter at a time', { before: log.conf.voters.length, after: conf.voters.length });
  assert(conf.voters.length > 0, 'a cluster needs a voter');
  assert(conf.learners.every((id) => !conf.voters.includes(id)), 'a learner is no voter');
  log.append([{ index: log.lastIndex + 1, term: raft.term, data: confChangeData(conf, payload) }]);
  followConf(raft);
  broadcastAppend(raft);
  return 'proposed';
}

/** Leader, after it has committed something: those who were removed need not be sent to any more. True: it is one of them. */
export function confCommitted(raft: RaftState): boolean {
  followConf(raft);
  return !raft.log.confAt(raft.log.committed).voters.includes(raft.config.id) && !raft.log.conf.voters.includes(raft.config.id);
}

/** Who could take over soonest: a voter that is heard, if there is one, and lacks least. */
export function bestSuccessor(raft: RaftState): MemberId | undefined {
  const able = [...raft.progress].filter(([id]) => raft.log.conf.voters.includes(id));
  return able.sort((a, b) => Number(b[1].recentActive) - Number(a[1].recentActive) || b[1].match - a[1].match)[0]?.[0];
}

/** A learner that would not slow down commits as a voter (etcd's nine tenths), and is being written to without pause. */
export function isInSync(raft: RaftState, id: MemberId): boolean {
  const progress = raft.progress.get(id);
  return progress !== undefined && progress.state === 'replicate' && progress.match >= raft.log.committed * 0.9;
}
