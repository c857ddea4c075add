import { resources } from '@coxswain/client';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import { deepEqual, nameOf, uidOf } from '../common/object.ts';
import { controllerOf, newControllerRef } from '../common/owner.ts';

/** A claim of an earlier pod of that name, which the garbage collector is about to take: nobody may start with it. */
export function isStale(claim: PersistentVolumeClaim, name: string, pod: Pod | undefined): boolean {
  return (claim.metadata?.ownerReferences ?? []).some((owner) => owner.kind === 'Pod' && owner.name === name && owner.uid !== pod?.metadata?.uid);
}

/** Of somebody else, who decides about it. */
function isForeign(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  const controller = controllerOf(claim);
  return controller !== undefined && controller.uid !== uidOf(set) && controller.uid !== uidOf(pod);
}

/**
 * The owners that a claim should have, so that the garbage collector does what the retention policy says: the set where it is to
 * go with the set, the pod where it is to go with a pod that goes because of scaling. Undefined: nothing to change.
 */
export function claimOwners(set: StatefulSet, pod: Pod, claim: PersistentVolumeClaim, condemned: boolean): OwnerReference[] | undefined {
  if (isForeign(claim, set, pod)) return undefined;
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  const goesWithPod = condemned && whenScaled === 'Delete';
  const goesWithSet = !goesWithPod && whenDeleted === 'Delete';
  const before = claim.metadata?.ownerReferences ?? [];
  const isOurs = (owner: OwnerReference): boolean => owner.uid === uidOf(set) || (owner.kind === 'Pod' && owner.name === nameOf(pod));
  const kept = before.filter((owner) => !isOurs(owner));
  const wanted = [
    ...kept,
    ...(goesWithSet ? [newControllerRef(resources.statefulsets, set)] : []), ...(goesWithPod ? [newControllerRef(resources.pods, pod)] : []),
  ];
  return deepEqual(before, wanted) ? undefined : wanted;
}
