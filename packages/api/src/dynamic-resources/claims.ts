import type { Pod } from 'kubernetes-types/core/v1';
import { podClaimStatuses, type AllocatedDevice, type PodClaim, type ResourceClaim } from './types.ts';

/** Held while the claim has an allocation. */
export const claimFinalizer = 'resource.kubernetes.io/delete-protection';

/** Where the claim of a pod is. */
export type ClaimName =
  | { readonly kind: 'named'; readonly name: string; /** It was made for this pod. */ readonly owned: boolean }
  /** The controller found that it is not needed. */
  | { readonly kind: 'unneeded' }
  | { readonly kind: 'missing'; readonly error: string };

export function claimNameOf(pod: Pod, claim: PodClaim): ClaimName {
  if (claim.resourceClaimName !== undefined) return { kind: 'named', name: claim.resourceClaimName, owned: false };
  const who = `pod "${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}"`;
  if (claim.resourceClaimTemplateName === undefined) return { kind: 'missing', error: `${who}, spec.resourceClaim ${JSON.stringify(claim.name)}: none of the supported fields are set` };
  const made = podClaimStatuses(pod).find(({ name }) => name === claim.name);
  if (made === undefined) return { kind: 'missing', error: `${who}: ResourceClaim not created yet` };
  return made.resourceClaimName === undefined ? { kind: 'unneeded' } : { kind: 'named', name: made.resourceClaimName, owned: true };
}

/** undefined: the claim was made for the pod. */
export function whyNotMadeFor(pod: Pod, { metadata }: ResourceClaim): string | undefined {
  const owned = metadata?.namespace === pod.metadata?.namespace && metadata?.ownerReferences?.some(({ controller, uid }) => controller === true && uid === pod.metadata?.uid) === true;
  return owned ? undefined : `ResourceClaim ${metadata?.namespace ?? ''}/${metadata?.name ?? ''} was not created for pod ${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''} (pod is not owner)`;
}

export function isReservedFor(pod: Pod, { status }: ResourceClaim): boolean {
  return status?.reservedFor?.some(({ uid }) => uid === pod.metadata?.uid) === true;
}

export function deviceKey({ driver, pool, device }: Pick<AllocatedDevice, 'driver' | 'pool' | 'device'>): string {
  return `${driver}/${pool}/${device}`;
}

/** Devices that nobody else may have while this claim has them. Access for administration takes nothing from anybody. */
export function devicesHeldBy({ status }: ResourceClaim): readonly string[] {
  return (status?.allocation?.devices?.results ?? []).filter(({ adminAccess }) => adminAccess !== true).map(deviceKey);
}
