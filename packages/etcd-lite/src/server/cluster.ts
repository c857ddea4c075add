import { utf8, type Crypto } from '@coxswain/host';
import type { Machine } from '../machine/machine.ts';
import { confOf, sorted, type MemberRecord, type MembershipState } from '../machine/membership.ts';
import type { MemberId } from '../raft/types.ts';
import type { MemberMessage } from '../wire/messages.ts';

export interface ClusterMember {
  readonly id: MemberId;
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** Who belongs to the cluster, as far as this member has applied. */
export interface Cluster {
  readonly clusterId: bigint;
  readonly self: ClusterMember;
  /** In order of id; this member included unless it was removed or hasn't been told yet that it was added. */
  readonly members: readonly MemberRecord[];
  /** In the order of `members`, with what they have published. */
  listed(): readonly MemberMessage[];
  readonly isLearner: boolean;
  wasRemoved(id: MemberId): boolean;
}

/** The replicated list of members, with this one's own identity. `machine` is another object after a snapshot was installed. */
export class LiveCluster implements Cluster {
  readonly clusterId: bigint;
  readonly #self: ClusterMember;
  readonly #machine: () => Machine;

  constructor(clusterId: bigint, self: ClusterMember, machine: () => Machine) {
    this.clusterId = clusterId;
    this.#self = self;
    this.#machine = machine;
  }

  get self(): ClusterMember {
    const peerUrls = this.members.find((member) => member.id === this.#self.id)?.peerUrls ?? this.#self.peerUrls;
    return { ...this.#self, peerUrls };
  }

  get members(): readonly MemberRecord[] {
    return this.#machine().membership.members;
  }

  get isLearner(): boolean {
    return this.members.some((member) => member.id === this.#self.id && member.isLearner);
  }

  wasRemoved(id: MemberId): boolean {
    return this.#machine().membership.removed.has(id);
  }

  listed(): readonly MemberMessage[] {
    return listedMembers(this.#machine());
  }
}

function listedMembers(machine: Machine): readonly MemberMessage[] {
  return machine.membership.members.map(({ id, name, peerUrls, isLearner }) => {
    const published = machine.members.get(id);
    return { ID: id, name: published?.name ?? name, peerURLs: peerUrls, clientURLs: published?.clientURLs ?? [], isLearner };
  });
}

/** A cluster that begins: ids follow from the flags alone, so that all members compute the same ones without having met. */
export interface NewCluster {
  readonly clusterId: bigint;
  readonly self: MemberRecord;
  readonly membership: MembershipState;
}

export function makeCluster(crypto: Crypto, name: string, initialCluster: Readonly<Record<string, readonly string[]>>, token: string): NewCluster {
  const members = sorted(Object.entries(initialCluster).map(([member, peerUrls]) => ({ id: memberIdOf(crypto, peerUrls, token), name: member, peerUrls, isLearner: false, staging: false })));
  const self = members.find((member) => member.name === name);
  if (self === undefined) throw new Error(`member ${name} is not in the initial cluster (${Object.keys(initialCluster).join(', ')})`);
  const membership = { members, removed: new Set<bigint>() };
  if (new Set(members.map((member) => member.id)).size !== members.length) throw new Error('two members of the initial cluster have the same peer URLs');
  return { clusterId: clusterIdOf(crypto, confOf(membership).voters), self, membership };
}

function memberIdOf(crypto: Crypto, peerUrls: readonly string[], salt: string): MemberId {
  return firstEightBytes(crypto.hash('sha1', utf8([...peerUrls].sort().join('') + salt)));
}

/** Differs from every id that these URLs had before. */
export function addedMemberId(crypto: Crypto, peerUrls: readonly string[], epochSeconds: number): MemberId {
  return memberIdOf(crypto, peerUrls, String(epochSeconds));
}

function clusterIdOf(crypto: Crypto, ids: readonly MemberId[]): bigint {
  const data = new Uint8Array(ids.length * 8);
  const view = new DataView(data.buffer);
  for (const [at, id] of ids.entries()) view.setBigUint64(at * 8, id);
  return firstEightBytes(crypto.hash('sha1', data));
}

function firstEightBytes(hash: Uint8Array): bigint {
  return new DataView(hash.buffer, hash.byteOffset, hash.length).getBigUint64(0);
}

/** Lower-case hex, as etcdctl shows ids. */
export function idText(id: bigint): string {
  return id.toString(16);
}

/** The inverse; undefined if it is none. */
export function parseId(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}
