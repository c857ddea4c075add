import type { ConfState } from './conf.ts';

/** 0n: none. */
export type MemberId = bigint;

export interface Entry {
  readonly index: number;
  readonly term: number;
  /** Empty: the no-op with which a leader begins its term. A change of the configuration: see `conf.ts`. */
  readonly data: Uint8Array;
}

/** What must be on disk before a message that depends on it goes out. */
export interface HardState {
  readonly term: number;
  readonly vote: MemberId;
  /** A hint: may be behind after a restart. */
  readonly commit: number;
}

/** The log up to and including `index` is in a snapshot of the state. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
}

interface Envelope {
  readonly from: MemberId;
  readonly to: MemberId;
  /** The sender's; 0 on what is merely forwarded. */
  readonly term: number;
}

export type VoteRequest = Envelope & { readonly type: 'pre-vote' | 'vote'; readonly index: number; readonly logTerm: number; readonly transfer: boolean };
export type VoteResponse = Envelope & { readonly type: 'pre-vote-response' | 'vote-response'; readonly reject: boolean };
/** `index` and `logTerm` are of the entry before `entries`. `quiet`: only `commit` is news, nobody waits for an answer unless it is a refusal. */
export type Append = Envelope & { readonly type: 'append'; readonly index: number; readonly logTerm: number; readonly entries: readonly Entry[]; readonly commit: number; readonly quiet?: true };
/** Accepted: `index` is the last entry that is on the sender's disk. Rejected: `index` is the refused one, the hint where to try. */
export type AppendResponse = Envelope & { readonly type: 'append-response'; readonly index: number; readonly reject: boolean; readonly hintIndex: number; readonly hintTerm: number };
/** `context`: the newest round of ReadIndex, 0 if none is open. */
export type Heartbeat = Envelope & { readonly type: 'heartbeat'; readonly commit: number; readonly context: number };
export type HeartbeatResponse = Envelope & { readonly type: 'heartbeat-response'; readonly context: number };
/** The state itself travels beside it; the message is stepped when the state is on the receiver's disk. */
export type Snapshot = Envelope & { readonly type: 'snapshot'; readonly snapshot: SnapshotMeta; readonly conf: ConfState };
export type TimeoutNow = Envelope & { readonly type: 'timeout-now' };
export type ReadIndex = Envelope & { readonly type: 'read-index'; readonly context: number };
export type ReadIndexResponse = Envelope & { readonly type: 'read-index-response'; readonly context: number; readonly index: number };
export type Propose = Envelope & { readonly type: 'propose'; readonly proposals: readonly Uint8Array[] };

export type Message =
  | VoteRequest | VoteResponse | Append | AppendResponse | Heartbeat | HeartbeatResponse | Snapshot | TimeoutNow | ReadIndex | ReadIndexResponse | Propose;
export type MessageType = Message['type'];
/** A message without the sender, which `send` adds. */
export type Outgoing<T extends Message = Message> = T extends Message ? Omit<T, 'from'> : never;

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** Everything that can happen to a member. */
export type Input =
  /** `nowMs`: the monotonic clock; needed for reads by lease only. */
  | { readonly type: 'tick'; readonly nowMs?: number }
  | { readonly type: 'message'; readonly message: Message }
  /** Entries up to (index, term) are on this member's disk, with the hard state handed out before them. */
  | { readonly type: 'persisted'; readonly index: number; readonly term: number }
  | { readonly type: 'applied'; readonly index: number }
  /** A linearizable read is wanted; the answer is a ReadState with this context. */
  | { readonly type: 'read'; readonly context: number; readonly nowMs?: number }
  | { readonly type: 'snapshot-report'; readonly to: MemberId; readonly ok: boolean }
  | { readonly type: 'unreachable'; readonly member: MemberId }
  /** The state at `snapshot` is on disk and can be sent; entries up to `compactTo` are not needed any more. */
  | { readonly type: 'snapshot-taken'; readonly snapshot: SnapshotMeta; readonly compactTo: number }
  /** The connection over which this member's messages came is broken: its process may have ended. */
  | { readonly type: 'lost'; readonly member: MemberId }
  | { readonly type: 'may-lead'; readonly allowed: boolean }
  | { readonly type: 'transfer-leader'; readonly to: MemberId }
  | { readonly type: 'campaign' };

/** State at `index` (once applied) answers all reads asked with this context or a smaller one by this member. */
export interface ReadState {
  readonly context: number;
  readonly index: number;
}

/** What the driver must do. The order of fields is the order in which it may be done. */
export interface Effects {
  /** May be sent at once, whatever the disk does. */
  readonly messages: readonly Message[];
  /** To be written in this order, as one batch: state to install, hard state, entries. */
  readonly snapshot: SnapshotMeta | undefined;
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  /** To be sent (or stepped, if to this member) only when the batch and all before it are on disk. */
  readonly afterPersist: readonly Message[];
  /** Committed, on this disk, not handed out before. */
  readonly committed: readonly Entry[];
  readonly readStates: readonly ReadState[];
}

export interface RaftConfig {
  readonly id: MemberId;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Ticks without a leader that count as past already when the member starts. */
  readonly initialElapsed?: number;
  /** Uniform in [0, 1): spreads elections. */
  readonly random: () => number;
  readonly maxMessageBytes: number;
  /** Appends on their way to one member. */
  readonly maxInflight: number;
  /** And their bytes; at least one append may always be out. */
  readonly maxInflightBytes?: number;
  /** The leader takes no proposals while more than this is in its log uncommitted. */
  readonly maxUncommittedBytes?: number;
  /** Absent: every read is confirmed by a round to a quorum. */
  readonly lease?: LeaseConfig;
}

/** Reads without a round, while the last one is recent enough. Only as good as the members' clocks. */
export interface LeaseConfig {
  /** Of one tick, as the followers count an election timeout. */
  readonly tickMs: number;
  /** By how much one member's clock may run faster than another's, as a fraction. */
  readonly maxClockDrift: number;
}
