import type { DataDir } from './inspect.ts';

export interface RecoveryPlan {
  readonly chosen: DataDir;
  /** Up to here some survivor knew entries to be committed. */
  readonly knownCommitted: number;
  /** Entries of the chosen history after that. Any of them may have been acknowledged to a client. */
  readonly beyond: number;
  readonly upToIndex: number;
  readonly voters: number;
  readonly survivors: number;
  /** Enough survived that every acknowledged write is among them. */
  readonly complete: boolean;
}

/**
 * Which history to go on from: the one that would win an election among the survivors, which holds every entry that any of them
 * may have helped to commit. What lies beyond the last index known to be committed is kept unless it shall not be: an
 * acknowledged write may be in it, and one that was never acknowledged has an unknown outcome, which may be either.
 * Throws, in one line, if the directories do not belong together.
 */
export function chooseHistory(survivors: readonly DataDir[], keepBeyond: boolean): RecoveryPlan {
  const first = survivors[0];
  if (first === undefined) throw new Error('no data directory of a survivor was named');
  const stranger = survivors.find((one) => one.clusterId !== first.clusterId);
  if (stranger !== undefined) throw new Error(`${stranger.dataDir} is of cluster ${stranger.clusterId.toString(16)}, ${first.dataDir} of cluster ${first.clusterId.toString(16)}: only members of one cluster can be recovered together`);
  const twin = survivors.find((one, at) => survivors.findIndex((other) => other.memberId === one.memberId) !== at);
  if (twin !== undefined) throw new Error(`${twin.dataDir} is a second directory of member ${twin.memberId.toString(16)}: name each member once`);
  const chosen = survivors.reduce((best, one) => (one.last.term > best.last.term || (one.last.term === best.last.term && one.last.index > best.last.index) ? one : best));
  const knownCommitted = Math.min(Math.max(...survivors.map(({ commit }) => commit)), chosen.last.index);
  const voters = chosen.membership.members.filter((member) => !member.isLearner && !member.staging);
  const voting = survivors.filter((one) => voters.some((voter) => voter.id === one.memberId)).length;
  return {
    chosen, knownCommitted, beyond: chosen.last.index - knownCommitted, upToIndex: keepBeyond ? chosen.last.index : knownCommitted,
    voters: voters.length, survivors: voting, complete: voting > voters.length / 2,
  };
}
