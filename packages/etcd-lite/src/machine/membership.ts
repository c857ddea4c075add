import type { ConfState, MemberId } from '../raft/index.ts';
import type { MembershipMessage } from '../wire/messages.ts';

export interface MemberRecord {
  readonly id: MemberId;
  /** Empty until the member has started, if it was added to a running cluster. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly isLearner: boolean;
  /**
   * Added as a voter, but without a vote until it has caught up; the leader sees to that. A member that has nothing would
   * otherwise count at once, and a cluster of one that gets a second could not even commit that until it is there.
   */
  readonly staging: boolean;
}

export interface MembershipState {
  /** In order of id. */
  readonly members: readonly MemberRecord[];
  /** Ids are not used again. */
  readonly removed: ReadonlySet<MemberId>;
}

export const noMembership: MembershipState = { members: [], removed: new Set() };

/** What the algorithm is told of it. */
export function confOf({ members }: MembershipState): ConfState {
  const votes = (member: MemberRecord): boolean => !member.isLearner && !member.staging;
  return { voters: members.filter(votes).map(({ id }) => id), learners: members.filter((member) => !votes(member)).map(({ id }) => id) };
}

export function sorted(members: readonly MemberRecord[]): readonly MemberRecord[] {
  return members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

export function toMembershipMessage({ members, removed }: MembershipState): MembershipMessage {
  return {
    members: members.map(({ id, name, peerUrls, isLearner, staging }) => ({ ID: id, name, peerURLs: peerUrls, isLearner, staging })),
    removed: [...removed].map((ID) => ({ ID })),
  };
}

export function fromMembershipMessage(message: MembershipMessage): MembershipState {
  return {
    members: message.members.map(({ ID, name, peerURLs, isLearner, staging }) => ({ id: ID, name, peerUrls: peerURLs, isLearner, staging })),
    removed: new Set(message.removed.map(({ ID }) => ID)),
  };
}
