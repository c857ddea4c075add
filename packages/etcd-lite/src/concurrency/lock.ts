import { emptyBytes } from '@coxswain/host';
import { EtcdError, grpcCode } from '../client/errors.ts';
import type { LockRequest, LockResponse } from './messages.ts';
import { awaitTurn, leave, prefixOf, takePlace, type QueueCore } from './queue.ts';

export const sessionTtlSeconds = 60;

function sessionExpired(): EtcdError {
  return new EtcdError(grpcCode.unknown, 'mutex: session is expired');
}

/**
 * Resolves when the lock is held. It is as much as a lock with a lease can be: the holder may lose it while it believes
 * otherwise, so what it protects must compare the key's create revision, or refuse revisions older than one it has seen
 * (`header.revision` of the answers grows from holder to holder).
 */
export async function lock<Call extends { readonly signal?: AbortSignal }>(core: QueueCore<Call>, { name, lease }: LockRequest, call: Call): Promise<LockResponse> {
  const session = lease === 0n ? await core.grant(sessionTtlSeconds, call) : lease;
  const { place, first, header } = await takePlace(core, prefixOf(name), session, emptyBytes, call);
  if (first === undefined || first.createRevision === place.createRevision) return { header, key: place.key };
  try {
    return { header: await awaitTurn(core, place, call, sessionExpired), key: place.key };
  } catch (error) {
    await leave(core, place);
    throw error;
  }
}
