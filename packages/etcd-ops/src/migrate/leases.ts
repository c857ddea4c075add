import { EtcdError, grpcCode, type EtcdClient } from '@coxswain/etcd-lite/client';
import { keysIn } from './pages.ts';
import type { ByteRange } from './range.ts';

/** Leases that hold keys of the range, granted on the target under the same ids. Ended ones are left out: their keys go soon. */
export async function copyLeases(source: EtcdClient, target: EtcdClient, range: ByteRange, revision: number): Promise<ReadonlySet<bigint>> {
  const found = new Set<bigint>();
  for await (const page of keysIn(source, range, revision, true)) for (const { lease } of page) if (lease !== 0n) found.add(lease);
  const granted = new Set<bigint>();
  for (const id of found) if (await copyLease(source, target, id)) granted.add(id);
  return granted;
}

/** False: the source has it no longer. */
export async function copyLease(source: EtcdClient, target: EtcdClient, id: bigint): Promise<boolean> {
  const { ttlSeconds } = await source.leaseTimeToLive(id);
  if (ttlSeconds <= 0) return false;
  try {
    await target.leaseGrant({ id, ttlSeconds });
  } catch (error) {
    // It is there from an attempt that was broken off.
    if (!(error instanceof EtcdError) || error.code !== grpcCode.failedPrecondition) throw error;
    await target.leaseKeepAlive(id);
  }
  return true;
}
