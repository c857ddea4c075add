import { assert } from '@coxswain/host';
import { quorumOf, type ConfState } from './conf.ts';
import { Lease } from './lease.ts';
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
  /** Ticks since the start. */
  age: number;
  heartbeatElapsed: number;
  /** In [electionTicks, 2*electionTicks), drawn anew with each change of role. */
  electionTimeout: number;
  /** The timeout was shortened, since the leader's connection broke; the next word from it ends that. */
  hurried: boolean;
  votes: Map<MemberId, boolean>;
  /** Leader's only; without itself. */
  progress: Map<MemberId, Progress>;
  reads: ReadRounds;
  /** Leader's: wait until it has committed an entry of its own term. */
  pendingReads: { readonly from: MemberId; readonly context: number }[];
  transferee: MemberId;
  /** False: this member must not lead, for its disk is bad or its state is; it hands over and does not campaign. */
  mayLead: boolean;
  lease: Lease;
  /** The newest state that can be sent to a member which is too far behind. */
  availableSnapshot: SnapshotMeta;
  /** The configuration as of it. */
  snapshotConf: ConfState;
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
  log.commitTo(Math.min(Math.max(hardState.commit, log.committed), log.lastIndex));
  const raft: RaftState = {
    config, log, role: 'follower', term: hardState.term, vote: hardState.vote, leader: 0n, age: 0, electionElapsed: config.initialElapsed ?? 0, heartbeatElapsed: 0, electionTimeout: 0, hurried: false,
    votes: new Map(), progress: new Map(), reads: new ReadRounds(), pendingReads: [], transferee: 0n, lease: new Lease(config), mayLead: true, availableSnapshot: snapshot,
    snapshotConf: log.confAt(snapshot.index),
    snapshotToInstall: undefined, messages: [], afterPersist: [], readStates: [], handedTerm: hardState.term, handedVote: hardState.vote,
  };
  resetTimeout(raft);
  return raft;
}

/**
 * A configuration counts from when its entry is in the log, not from when it is applied (thesis 4.1; etcd does the latter).
 * With one change at a time, begun only when the one before is applied here and an entry of this term is committed, any two
 * majorities that can decide anything overlap, also those of members which lag behind; what is truncated takes its
 * configuration with it. Counting from the application on needs rules beside it (etcd #7625, #5004: no campaign over
 * committed changes that are not applied), and leaves a member alone for ever that has, but does not know to be committed,
 * the removal of the other one of two (#10563): here its own log makes it a majority of one.
 */
export function conf(raft: RaftState): ConfState {
  return raft.log.conf;
}

export function quorum(raft: RaftState): number {
  return quorumOf(conf(raft));
}

export function isVoter(raft: RaftState, id: MemberId): boolean {
  return conf(raft).voters.includes(id);
}

/** The members among `ids` that have a vote make a majority. */
export function isQuorum(raft: RaftState, ids: Iterable<MemberId>): boolean {
  let count = 0;
  for (const id of ids) if (isVoter(raft, id)) count += 1;
  return count >= quorum(raft);
}

/**
 * Whom a leader sends to: all of the newest configuration, and those whom it leaves out until that is committed, so that they
 * learn of it.
 */
export function replicas(raft: RaftState): ReadonlySet<MemberId> {
  const { log, config } = raft;
  const committed = log.confAt(log.committed);
  const ids = new Set([...log.conf.voters, ...log.conf.learners, ...committed.voters, ...committed.learners]);
  ids.delete(config.id);
  return ids;
}

export function resetTimeout(raft: RaftState): void {
  const { electionTicks, random } = raft.config;
  raft.electionTimeout = electionTicks + Math.floor(random() * electionTicks);
  raft.hurried = false;
}

/**
 * Promises (votes, acknowledged entries) go out only after what they promise is on disk. So does the request for votes: a
 * candidate that won, crashed and forgot the term could win the same term again with another log.
 */
const promises: ReadonlySet<Message['type']> = new Set(['append-response', 'vote', 'vote-response']);

export function send(raft: RaftState, message: Outgoing): void {
  const full = { ...message, from: raft.config.id };
  if (promises.has(message.type)) raft.afterPersist.push(full);
  else {
    dropOvertaken(raft.messages, full);
    raft.messages.push(full);
  }
}

/** What only tells of a commit need not leave where entries that tell of it too leave with it. */
function dropOvertaken(messages: Message[], next: Message): void {
  if (next.type !== 'append' || next.entries.length === 0) return;
  const at = messages.findIndex((message) => message.type === 'append' && message.quiet === true && message.to === next.to && message.term === next.term && message.commit <= next.commit);
  if (at >= 0) messages.splice(at, 1);
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
  raft.lease = new Lease(raft.config);
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
  followConf(raft);
}

/** Leader: begins with those who were added, ends with those who are gone. */
export function followConf(raft: RaftState): void {
  const wanted = replicas(raft);
  for (const id of raft.progress.keys()) if (!wanted.has(id)) raft.progress.delete(id);
  for (const id of wanted) if (!raft.progress.has(id)) raft.progress.set(id, new Progress(0, raft.log.lastIndex + 1, raft.config.maxInflight, raft.config.maxInflightBytes));
}

/** With reads by lease: it may have promised the last leader its patience, and has forgotten it. */
export function owesPatience(raft: RaftState): boolean {
  return raft.config.lease !== undefined && raft.age < raft.config.electionTicks;
}
