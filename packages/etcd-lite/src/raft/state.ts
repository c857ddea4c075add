import { assert } from '@coxswain/host';
import type { RaftLog } from './log.ts';
import { Progress } from './progress.ts';
import { ReadRounds } from './read-rounds.ts';
import type { HardState, MemberId, Message, Outgoing, RaftConfig, ReadState, Role, SnapshotMeta } from './types.ts';

/**
 * One member's whole algorithmic state. Only the functions of this folder change it, through `step`; it holds no timer,
 * socket or file, and what it wants done is collected by `takeEffects`.
 */
export interface RaftState {
  readonly config: RaftConfig;
  readonly log: RaftLog;
  role: Role;
  term: number;
  vote: MemberId;
  leader: MemberId;
  /** Ticks since the leader was heard (follower), since the campaign began, or since the quorum was checked (leader). */
  electionElapsed: number;
  heartbeatElapsed: number;
  /** In [electionTicks, 2*electionTicks), drawn anew with each change of role. */
  electionTimeout: number;
  votes: Map<MemberId, boolean>;
  /** Leader's only; without itself. */
  progress: Map<MemberId, Progress>;
  reads: ReadRounds;
  /** Leader's: wait until it has committed an entry of its own term. */
  pendingReads: { readonly from: MemberId; readonly context: number }[];
  transferee: MemberId;
  /** False: this member must not lead, for its disk is bad or its state is; it hands over and does not campaign. */
  mayLead: boolean;
  /** The newest state that can be sent to a member which is too far behind. */
  availableSnapshot: SnapshotMeta;
  /** A state to install has been accepted and not been handed out. */
  snapshotToInstall: SnapshotMeta | undefined;
  messages: Message[];
  afterPersist: Message[];
  readStates: ReadState[];
  /** Term and vote that were handed out last. */
  handedTerm: number;
  handedVote: MemberId;
}

export function createRaft(config: RaftConfig, log: RaftLog, hardState: HardState, snapshot: SnapshotMeta): RaftState {
  assert(config.members.includes(config.id), 'a member must be one of the members', { id: config.id });
  log.commitTo(Math.min(Math.max(hardState.commit, log.committed), log.lastIndex));
  const raft: RaftState = {
    config, log, role: 'follower', term: hardState.term, vote: hardState.vote, leader: 0n, electionElapsed: config.initialElapsed ?? 0, heartbeatElapsed: 0, electionTimeout: 0,
    votes: new Map(), progress: new Map(), reads: new ReadRounds(), pendingReads: [], transferee: 0n, mayLead: true, availableSnapshot: snapshot,
    snapshotToInstall: undefined, messages: [], afterPersist: [], readStates: [], handedTerm: hardState.term, handedVote: hardState.vote,
  };
  resetTimeout(raft);
  return raft;
}

export function quorum(raft: RaftState): number {
  return Math.floor(raft.config.members.length / 2) + 1;
}

export function others(raft: RaftState): readonly MemberId[] {
  return raft.config.members.filter((id) => id !== raft.config.id);
}

export function resetTimeout(raft: RaftState): void {
  const { electionTicks, random } = raft.config;
  raft.electionTimeout = electionTicks + Math.floor(random() * electionTicks);
}

/**
 * Promises (votes, acknowledged entries) go out only after what they promise is on disk. So does the request for votes: a
 * candidate that won, crashed and forgot the term could win the same term again with another log.
 */
const promises: ReadonlySet<Message['type']> = new Set(['append-response', 'vote', 'vote-response']);

export function send(raft: RaftState, message: Outgoing): void {
  const full = { ...message, from: raft.config.id };
  if (promises.has(message.type)) raft.afterPersist.push(full);
  else raft.messages.push(full);
}

function reset(raft: RaftState, term: number): void {
  if (raft.term !== term) {
    assert(term > raft.term, 'terms must grow', { from: raft.term, to: term });
    raft.term = term;
    raft.vote = 0n;
    // Promises made in the old term and not yet handed out would be kept in the new one.
    raft.afterPersist = [];
  }
  raft.leader = 0n;
  raft.electionElapsed = 0;
  raft.heartbeatElapsed = 0;
  raft.transferee = 0n;
  raft.votes = new Map();
  raft.progress = new Map();
  raft.reads = new ReadRounds();
  raft.pendingReads = [];
  resetTimeout(raft);
}

export function becomeFollower(raft: RaftState, term: number, leader: MemberId): void {
  reset(raft, term);
  raft.role = 'follower';
  raft.leader = leader;
}

/** Asks first whether it could win: neither the term nor the vote changes. */
export function becomePreCandidate(raft: RaftState): void {
  assert(raft.role !== 'leader', 'a leader does not campaign');
  raft.role = 'pre-candidate';
  raft.leader = 0n;
  raft.votes = new Map();
  raft.electionElapsed = 0;
  resetTimeout(raft);
}

export function becomeCandidate(raft: RaftState): void {
  assert(raft.role !== 'leader', 'a leader does not campaign');
  reset(raft, raft.term + 1);
  raft.role = 'candidate';
  raft.vote = raft.config.id;
}

export function becomeLeader(raft: RaftState): void {
  assert(raft.role === 'candidate', 'only a candidate becomes leader', { role: raft.role });
  reset(raft, raft.term);
  raft.role = 'leader';
  raft.leader = raft.config.id;
  for (const id of others(raft)) raft.progress.set(id, new Progress(0, raft.log.lastIndex + 1, raft.config.maxInflight));
}
