import { assert } from '@coxswain/host';
import { decodeAuth, encodeAuth } from '../auth/snapshot.ts';
import type { KeyValue } from '../client/types.ts';
import { keyText, type KeyRange } from '../mvcc/key-text.ts';
import { valueCrc, Version } from '../mvcc/version.ts';
import { VersionCollector } from '../storage/load.ts';
import { snapshotChunk, type SnapshotChunk } from '../wire/schema.ts';
import type { ConfState } from '../raft/index.ts';
import { confOf, fromMembershipMessage, toMembershipMessage } from './membership.ts';
import { Machine } from './machine.ts';

const everything: KeyRange = { start: '', end: undefined, single: false };

/** What of the replicated state is not keys and values; those are in segments. */
export function encodeState(machine: Machine): Uint8Array {
  const { store } = machine;
  return snapshotChunk.encode({
    head: { revision: store.revision, compactRevision: store.compactRevision },
    leases: [...machine.leases.all()].map((lease) => ({ ID: lease.id, TTL: lease.ttlSeconds })),
    leaseRemaining: [...machine.leases.all()].filter((lease) => lease.remainingSeconds > 0).map((lease) => ({ ID: lease.id, remainingTTL: lease.remainingSeconds })), alarms: machine.alarms,
    members: [...machine.members.values()], membership: toMembershipMessage(machine.membership), versions: machine.versions, kvs: [], records: [], auth: encodeAuth(machine.auth),
  });
}

/** Into a machine whose store is loaded already. */
export function restoreState(machine: Machine, state: Uint8Array): void {
  restoreHead(machine, snapshotChunk.decode(state));
  attachLeases(machine);
}

function restoreHead(machine: Machine, chunk: SnapshotChunk): void {
  if (chunk.auth !== undefined && chunk.auth.length > 0) decodeAuth(chunk.auth, machine.auth);
  for (const lease of chunk.leases) machine.leases.grant(lease.ID, lease.TTL);
  for (const { ID, remainingTTL } of chunk.leaseRemaining ?? []) machine.leases.checkpoint(ID, remainingTTL);
  if (chunk.alarms.length > 0) machine.restoreAlarms(chunk.alarms);
  for (const member of chunk.members) machine.members.set(member.ID, member);
  if (chunk.membership !== undefined) machine.membership = fromMembershipMessage(chunk.membership);
  if (chunk.versions !== undefined) machine.versions = chunk.versions;
}

/** Who is a member in a state; undefined: it is from before members could change. */
export function confOfState(state: Uint8Array): ConfState | undefined {
  const { membership } = snapshotChunk.decode(state);
  return membership === undefined ? undefined : confOf(fromMembershipMessage(membership));
}

function attachLeases(machine: Machine): void {
  for (const version of machine.store.heads(everything)) {
    if (version.version > 0 && version.lease !== 0n) machine.leases.attach(version.lease, version.text);
  }
}

/**
 * A machine in the state that a snapshot of the former format holds, which had all values in it: a head, the live keys before the
 * oldest kept revision, then revision by revision what happened. Its values stay in memory until the first checkpoint.
 */
export async function decodeFormerSnapshot(source: AsyncIterable<Uint8Array>): Promise<Machine> {
  const machine = new Machine();
  let collector: VersionCollector | undefined;
  for await (const data of source) {
    const chunk = snapshotChunk.decode(data);
    if (collector === undefined) {
      assert(chunk.head !== undefined, 'a snapshot must begin with its head');
      restoreHead(machine, chunk);
      collector = new VersionCollector(chunk.head.revision, chunk.head.compactRevision);
    }
    for (const kv of chunk.kvs) collector.add(versionOf(kv), 0);
    for (const { kvs } of chunk.records) for (const [sub, kv] of kvs.entries()) collector.add(versionOf(kv), sub);
  }
  assert(collector !== undefined, 'a snapshot must begin with its head');
  collector.fill(machine.store);
  attachLeases(machine);
  return machine;
}

function versionOf(kv: KeyValue): Version {
  const value = kv.value.slice();
  return new Version(keyText(kv.key), kv.createRevision, kv.modRevision, kv.version, kv.lease, valueCrc(value), value);
}
