import { claimFinalizer, claimNameOf, isReservedFor, podClaims, type ConsumerReference, type PodClaim, type ResourceClaim, type ResourceClaimTemplate } from '@coxswain/api/dynamic-resources';
import { resources } from '@coxswain/client';
import type { Pod } from 'kubernetes-types/core/v1';
import { isDeleting, nameOf, namespaceOf, uidOf } from '../common/object.ts';
import { newControllerRef } from '../common/owner.ts';
import { isPodTerminal } from '../common/pods.ts';

/** Which of its owner's claims a claim is. */
export const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name';
const maxConsumers = 256;
/** With a hyphen and five random characters behind it a name is at most 63 long. */
const longestBase = 57;

/** It will not use its claims (any more). */
export function isPodDone(pod: Pod): boolean {
  return isPodTerminal(pod) || (isDeleting(pod) && (pod.spec?.nodeName ?? '') === '');
}

export function generateNameOf(pod: string, claim: string): string {
  const name = `${pod}-${claim}-`;
  if (name.length <= longestBase) return name;
  const share = (text: string): string => text.slice(0, Math.floor((text.length * longestBase) / name.length));
  return `${share(pod)}-${share(claim)}`;
}

export function claimFromTemplate(pod: Pod, { name }: PodClaim, { spec }: ResourceClaimTemplate): ResourceClaim {
  const labels = spec?.metadata?.labels;
  return {
    metadata: {
      namespace: namespaceOf(pod), generateName: generateNameOf(nameOf(pod), name), ownerReferences: [newControllerRef(resources.pods, pod)],
      annotations: { ...spec?.metadata?.annotations, [podClaimAnnotation]: name }, ...(labels === undefined ? {} : { labels }),
    },
    ...(spec?.spec === undefined ? {} : { spec: spec.spec }),
  };
}

export function wantsAdminAccess({ spec }: ResourceClaimTemplate): boolean {
  return spec?.spec?.devices?.requests?.some(({ adminAccess }) => adminAccess === true) === true;
}

/** By the claims that they name or were given. */
export function claimKeysOf(pod: Pod): string[] {
  return podClaims(pod).flatMap((claim) => {
    const at = claimNameOf(pod, claim);
    return at.kind === 'named' ? [`${namespaceOf(pod)}/${at.name}`] : [];
  });
}

export function ownerUidOf({ metadata }: ResourceClaim): string | undefined {
  return metadata?.ownerReferences?.find(({ controller, apiVersion, kind }) => controller === true && apiVersion === 'v1' && kind === 'Pod')?.uid;
}

/** A pod that was given its node by somebody who reserves nothing. */
export function needsReservation(pod: Pod, claim: ResourceClaim): boolean {
  return (pod.spec?.nodeName ?? '') !== '' && claim.status?.allocation !== undefined && !isReservedFor(pod, claim) && (claim.status.reservedFor?.length ?? 0) < maxConsumers;
}

export function reservedBy(pod: Pod, claim: ResourceClaim): ResourceClaim {
  return { ...claim, status: { ...claim.status, reservedFor: [...claim.status?.reservedFor ?? [], { resource: 'pods', name: nameOf(pod), uid: uidOf(pod) }] } };
}

export function withoutFinalizer(claim: ResourceClaim): ResourceClaim {
  return { ...claim, metadata: { ...claim.metadata, finalizers: (claim.metadata?.finalizers ?? []).filter((one) => one !== claimFinalizer) } };
}

/** What becomes of a claim whose consumers are `kept`; undefined: its status stays. */
export function statusWith(claim: ResourceClaim, kept: readonly ConsumerReference[]): ResourceClaim['status'] | undefined {
  const { allocation, reservedFor = [], ...rest } = claim.status ?? {};
  const isHeld = claim.metadata?.finalizers?.includes(claimFinalizer) === true;
  const isFreed = isHeld && kept.length === 0 && allocation !== undefined && (reservedFor.length > 0 || isDeleting(claim));
  if (!isFreed && kept.length === reservedFor.length) return undefined;
  return { ...rest, ...(allocation === undefined || isFreed ? {} : { allocation }), ...(kept.length === 0 ? {} : { reservedFor: [...kept] }) };
}

/** Whether the finalizer goes now that the claim is as it is; `wrote`: consumers were taken away just now. */
export function isReleased(claim: ResourceClaim, wrote: boolean): boolean {
  const isHeld = claim.metadata?.finalizers?.includes(claimFinalizer) === true;
  return isHeld && claim.status?.allocation === undefined && (claim.status?.reservedFor ?? []).length === 0 && (wrote || isDeleting(claim));
}
