import { claimFinalizer, type AllocationResult, type ResourceClaim } from '@coxswain/api/dynamic-resources';
import { dynamicResources, isConflict, objectKey, type Client } from '@coxswain/client';
import type { Pod } from 'kubernetes-types/core/v1';

const { resourceclaims } = dynamicResources;
/** After as many conflicts somebody else is at it all the time. */
const maxTries = 5;

const nameOf = ({ metadata }: ResourceClaim): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

async function inContext<T>(text: string, write: () => Promise<T>): Promise<T> {
  return await write().catch((error: unknown) => {
    if (isConflict(error)) throw error;
    throw new Error(`${text}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

async function writeOnce(client: Client, before: ResourceClaim, pod: Pod, allocation: AllocationResult | undefined): Promise<ResourceClaim> {
  let claim = before;
  if (claim.metadata?.deletionTimestamp !== undefined) throw new Error(`claim ${nameOf(claim)} got deleted in the meantime`);
  if (allocation !== undefined) {
    if (claim.status?.allocation !== undefined) throw new Error(`claim ${nameOf(claim)} got allocated elsewhere in the meantime`);
    const finalizers = claim.metadata?.finalizers ?? [];
    // Whoever was interrupted after this finds it, and goes on.
    if (!finalizers.includes(claimFinalizer)) {
      const marked = { ...claim, metadata: { ...claim.metadata, finalizers: [...finalizers, claimFinalizer] } };
      claim = await inContext(`add finalizer to claim ${nameOf(claim)}`, () => client.update(resourceclaims, marked));
    }
  }
  const user = { resource: 'pods', name: pod.metadata?.name ?? '', uid: pod.metadata?.uid ?? '' };
  const status = { ...claim.status, ...(allocation === undefined ? {} : { allocation }), reservedFor: [...claim.status?.reservedFor ?? [], user] };
  return await inContext(`add ${allocation === undefined ? '' : 'allocation and '}reservation to claim ${nameOf(claim)}`, () => client.updateStatus(resourceclaims, { ...claim, status }));
}

/** Writes the allocation, if there is one, and that the pod uses it. Changes of others that do not matter are waited out. */
export async function bindClaim(client: Client, claim: ResourceClaim, pod: Pod, allocation: AllocationResult | undefined): Promise<ResourceClaim> {
  let current = claim;
  for (let tries = 1; ; tries += 1) {
    try {
      return await writeOnce(client, current, pod, allocation);
    } catch (error) {
      if (!isConflict(error) || tries >= maxTries) throw error;
      current = await inContext(`get updated claim ${nameOf(claim)} after conflict`, () => client.get(resourceclaims, objectKey(claim)));
    }
  }
}
