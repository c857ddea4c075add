import { utf8, type Crypto } from '@coxswain/host';
import type { MemberId } from '../raft/types.ts';

export interface ClusterMember {
  readonly id: MemberId;
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** Who belongs to the cluster. Fixed by the flags for now; everything asks here, so that changes have one place to come to. */
export interface Cluster {
  readonly clusterId: bigint;
  readonly self: ClusterMember;
  /** In order of id, this member included. */
  readonly members: readonly ClusterMember[];
}

/** Ids follow from the flags alone, so that all members compute the same ones without having met. */
export function makeCluster(crypto: Crypto, name: string, initialCluster: Readonly<Record<string, readonly string[]>>, token: string): Cluster {
  const members = Object.entries(initialCluster).map(([member, peerUrls]) => ({ id: memberIdOf(crypto, peerUrls, token), name: member, peerUrls }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const self = members.find((member) => member.name === name);
  if (self === undefined) throw new Error(`member ${name} is not in the initial cluster (${Object.keys(initialCluster).join(', ')})`);
  if (new Set(members.map((member) => member.id)).size !== members.length) throw new Error('two members of the initial cluster have the same peer URLs');
  return { clusterId: clusterIdOf(crypto, members), self, members };
}

function memberIdOf(crypto: Crypto, peerUrls: readonly string[], token: string): MemberId {
  return firstEightBytes(crypto.hash('sha1', utf8([...peerUrls].sort().join('') + token)));
}

function clusterIdOf(crypto: Crypto, members: readonly ClusterMember[]): bigint {
  const data = new Uint8Array(members.length * 8);
  const view = new DataView(data.buffer);
  for (const [at, member] of members.entries()) view.setBigUint64(at * 8, member.id);
  return firstEightBytes(crypto.hash('sha1', data));
}

function firstEightBytes(hash: Uint8Array): bigint {
  return new DataView(hash.buffer, hash.byteOffset, hash.length).getBigUint64(0);
}

/** Lower-case hex, as etcdctl shows ids. */
export function idText(id: bigint): string {
  return id.toString(16);
}
