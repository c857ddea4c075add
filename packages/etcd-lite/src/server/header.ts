import type { ResponseHeader } from '../wire/messages.ts';
import type { Member } from './member.ts';

export function responseHeader(member: Member, revision = member.applier.machine.store.revision): ResponseHeader {
  return { clusterId: member.cluster.clusterId, memberId: member.cluster.self.id, revision, raftTerm: member.raft.term };
}
