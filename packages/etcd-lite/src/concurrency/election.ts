import { concatBytes, emptyBytes } from '@coxswain/host';
import { EtcdError, grpcCode } from '../client/errors.ts';
import { keyRange } from '../mvcc/key-text.ts';
import { eventType, type HeaderResponse, type ResponseHeader } from '../wire/messages.ts';
import { Changes, waitingSignal } from './changes.ts';
import { sessionTtlSeconds } from './lock.ts';
import type { CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ProclaimRequest, ResignRequest } from './messages.ts';
import { awaitTurn, endOfPrefix, firstOf, isCreatedAt, leave, prefixOf, putKey, takePlace, type QueueCore } from './queue.ts';

type Caller = { readonly signal?: AbortSignal };

const notLeader = (): EtcdError => new EtcdError(grpcCode.unknown, 'election: not leader');

function leaderOf(leader: LeaderKey | undefined): LeaderKey {
  if (leader === undefined) throw new EtcdError(grpcCode.unknown, '"leader" field must be provided');
  return leader;
}

/** Resolves when this candidate leads; see `lock` for what that is worth. */
export async function campaign<Call extends Caller>(core: QueueCore<Call>, { name, lease, value }: CampaignRequest, call: Call): Promise<CampaignResponse> {
  const session = lease === 0n ? await core.grant(sessionTtlSeconds, call) : lease;
  const { place, existing, header } = await takePlace(core, prefixOf(name), session, value, call);
  const leader: LeaderKey = { name, key: place.key, rev: place.createRevision, lease: session };
  try {
    if (existing !== undefined && !isSame(existing.value, value)) await proclaim(core, { leader, value }, call);
    await awaitTurn(core, place, call, notLeader);
  } catch (error) {
    await leave(core, place);
    throw error;
  }
  return { header, leader };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Changes what the leader says, if it still is one. */
export async function proclaim<Call extends Caller>(core: QueueCore<Call>, { leader, value }: ProclaimRequest, call: Call): Promise<HeaderResponse> {
  const { key, rev, lease } = leaderOf(leader);
  const { succeeded, header } = await core.txn({ compare: [isCreatedAt(key, rev)], success: [putKey(key, value, lease)], failure: [] }, call);
  if (!succeeded) throw notLeader();
  return { header };
}

export async function resign<Call extends Caller>(core: QueueCore<Call>, { leader }: ResignRequest, call: Call): Promise<HeaderResponse> {
  const { key, rev } = leaderOf(leader);
  const { header } = await core.txn({ compare: [isCreatedAt(key, rev)], success: [{ requestDeleteRange: { key, rangeEnd: emptyBytes, prevKv: false } }], failure: [] }, call);
  return { header };
}

export async function leaderNow<Call extends Caller>(core: QueueCore<Call>, { name }: LeaderRequest, call: Call): Promise<LeaderResponse> {
  const { header, kvs: [kv] } = await core.range(firstOf(prefixOf(name)), call);
  if (kv === undefined) throw new EtcdError(grpcCode.unknown, 'election: no leader');
  return { header, kv };
}

/** Each leader and each of its proclamations from now on; not every leader if they change faster than one looks. */
export async function* observe<Call extends Caller>(core: QueueCore<Call>, { name }: LeaderRequest, call: Call): AsyncGenerator<LeaderResponse, void, undefined> {
  const prefix = prefixOf(name);
  const { signal, forget } = waitingSignal(call.signal, core.stopped);
  try {
    for (;;) {
      const { header, kvs: [kv] } = await core.range(firstOf(prefix), call);
      const now = header as ResponseHeader;
      const leading = kv === undefined ? await firstPut(core, prefix, now, signal) : { header: now, kv };
      if (leading === undefined) continue;
      yield leading;
      yield* proclamations(core, leading, signal);
    }
  } finally {
    forget();
  }
}

/** Undefined: what has happened has been compacted. */
async function firstPut<Call extends Caller>({ hub }: QueueCore<Call>, prefix: Uint8Array, header: ResponseHeader, signal: AbortSignal): Promise<{ readonly header: ResponseHeader; readonly kv: LeaderResponse['kv'] } | undefined> {
  const changes = new Changes(hub, [keyRange(prefix, endOfPrefix(prefix))], header.revision + 1);
  try {
    for (let batch = await changes.next(signal); batch !== undefined; batch = await changes.next(signal)) {
      const put = batch.events.find(({ type }) => type === eventType.put);
      if (put !== undefined) return { header: { ...header, revision: put.kv.modRevision }, kv: put.kv };
    }
    return undefined;
  } finally {
    changes.close();
  }
}

/** Until the leader's key is deleted. */
async function* proclamations<Call extends Caller>({ hub }: QueueCore<Call>, { header, kv }: { readonly header: ResponseHeader; readonly kv: LeaderResponse['kv'] }, signal: AbortSignal): AsyncGenerator<LeaderResponse, void, undefined> {
  const changes = new Changes(hub, [keyRange(concatBytes([kv.key]), emptyBytes)], header.revision + 1);
  try {
    for (let batch = await changes.next(signal); batch !== undefined; batch = await changes.next(signal)) {
      for (const event of batch.events) {
        if (event.type === eventType.delete) return;
        yield { header: { ...header, revision: batch.revision }, kv: event.kv };
      }
    }
  } finally {
    changes.close();
  }
}
