import { assert } from '@coxswain/host';
import { decodeAuth, encodeAuth } from '../auth/snapshot.ts';
import { keyText, type KeyRange } from '../mvcc/key-text.ts';
import { versionAt } from '../mvcc/key-index.ts';
import type { RevisionRecord } from '../mvcc/history.ts';
import type { KeyValue } from '../client/types.ts';
import { snapshotChunk, type SnapshotChunk } from '../wire/schema.ts';
import { fromMembershipMessage, toMembershipMessage } from './membership.ts';
import { Machine } from './machine.ts';

const everything: KeyRange = { start: '', end: undefined, single: false };
const chunkBytes = 256 * 1024;

/**
 * The whole replicated state as chunks. What they hold is fixed when this is called (values are never changed in place), so
 * the machine may go on while they are written. Layout: head; live keys before the oldest kept revision; then revision by
 * revision what happened.
 */
export function encodeMachine(machine: Machine): Iterable<Uint8Array> {
  const { store } = machine;
  const first = store.history.first ?? store.revision + 1;
  const base: KeyValue[] = [];
  for (const entry of store.entries(everything)) {
    const kv = versionAt(entry, first - 1);
    if (kv !== undefined) base.push(kv);
  }
  const records: RevisionRecord[] = [];
  for (let revision = first; revision <= store.revision; revision += 1) records.push(store.history.at(revision) as RevisionRecord);
  const head: SnapshotChunk = {
    head: { revision: store.revision, compactRevision: store.compactRevision },
    leases: [...machine.leases.all()].map((lease) => ({ ID: lease.id, TTL: lease.ttlSeconds })),
    leaseRemaining: [...machine.leases.all()].filter((lease) => lease.remainingSeconds > 0).map((lease) => ({ ID: lease.id, remainingTTL: lease.remainingSeconds })), alarms: machine.alarms,
    members: [...machine.members.values()], membership: toMembershipMessage(machine.membership), versions: machine.versions, kvs: [], records: [], auth: encodeAuth(machine.auth),
  };
  return chunks(head, base, records);
}

function* chunks(head: SnapshotChunk, base: readonly KeyValue[], records: readonly RevisionRecord[]): Generator<Uint8Array, void, undefined> {
  yield snapshotChunk.encode(head);
  const empty = { leases: [], alarms: [], members: [], kvs: [], records: [] };
  for (const kvs of grouped(base, sizeOf)) yield snapshotChunk.encode({ ...empty, kvs });
  const plain = records.map(({ revision, changes }) => ({ revision, kvs: changes.map((change) => change.kv) }));
  for (const some of grouped(plain, (record) => record.kvs.reduce((sum, kv) => sum + sizeOf(kv), 16))) yield snapshotChunk.encode({ ...empty, records: some });
}

function sizeOf(kv: KeyValue): number {
  return kv.key.length + kv.value.length + 32;
}

function* grouped<T>(items: readonly T[], size: (item: T) => number): Generator<T[], void, undefined> {
  let group: T[] = [];
  let sizeBytes = 0;
  for (const item of items) {
    group.push(item);
    sizeBytes += size(item);
    if (sizeBytes < chunkBytes) continue;
    yield group;
    group = [];
    sizeBytes = 0;
  }
  if (group.length > 0) yield group;
}

/** A machine in the state that `encodeMachine` wrote. */
export async function decodeMachine(source: AsyncIterable<Uint8Array>): Promise<Machine> {
  const machine = new Machine();
  let head: SnapshotChunk['head'];
  for await (const data of source) {
    const chunk = snapshotChunk.decode(data);
    if (head === undefined && chunk.auth !== undefined && chunk.auth.length > 0) decodeAuth(chunk.auth, machine.auth);
    head ??= chunk.head;
    for (const lease of chunk.leases) machine.leases.grant(lease.ID, lease.TTL);
    for (const { ID, remainingTTL } of chunk.leaseRemaining ?? []) machine.leases.checkpoint(ID, remainingTTL);
    if (chunk.alarms.length > 0) machine.restoreAlarms(chunk.alarms);
    for (const member of chunk.members) machine.members.set(member.ID, member);
    if (chunk.membership !== undefined) machine.membership = fromMembershipMessage(chunk.membership);
    if (chunk.versions !== undefined) machine.versions = chunk.versions;
    for (const kv of chunk.kvs) machine.store.restoreKey(kv);
    for (const record of chunk.records) machine.store.restoreRecord(record.revision, record.kvs);
  }
  assert(head !== undefined, 'a snapshot must begin with its head');
  machine.store.restoreRevisions(head.revision, head.compactRevision);
  attachLeases(machine);
  return machine;
}

function attachLeases(machine: Machine): void {
  for (const kv of machine.store.range(everything, 0, 0).kvs) if (kv.lease !== 0n) machine.leases.attach(kv.lease, keyText(kv.key));
}
