import { compareQuantity } from '@coxswain/api/quantity';
import { attributesClassOf, claimKey, classNameOf, claimSize, couldHold, hasAccessFor, hasModeFor, isGivenTo, volumeSize } from '@coxswain/api/volumes';
import { selectorMatches } from '@coxswain/client';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { isDeleting, nameOf } from '../common/object.ts';

const modeOrder = ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'];

function modesOf({ spec }: PersistentVolume): readonly string[] {
  return modeOrder.filter((mode) => spec?.accessModes?.includes(mode));
}

function isFreeFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return volume.status?.phase === 'Available' && classNameOf(volume) === classNameOf(claim)
    && (claim.spec?.selector === undefined || selectorMatches(claim.spec.selector, volume.metadata?.labels));
}

/** Negative: `a` fits better. As few access modes as will do come first, even before what was given to the claim; then the smallest. */
function byFit(claim: PersistentVolumeClaim, a: PersistentVolume, b: PersistentVolume): number {
  const [modesA, modesB] = [modesOf(a), modesOf(b)];
  if (modesA.length !== modesB.length) return modesA.length - modesB.length;
  const [textA, textB] = [modesA.join(), modesB.join()];
  if (textA !== textB) return textA < textB ? -1 : 1;
  return Number(isGivenTo(b, claim)) - Number(isGivenTo(a, claim)) || compareQuantity(volumeSize(a), volumeSize(b)) || (nameOf(a) < nameOf(b) ? -1 : 1);
}

/**
 * The volume that the claim gets. Where its class waits for the first pod, only one that was given to it: the scheduler gives the others.
 * Throws for what no volume can be found for.
 */
export function findMatch(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[], waitsForPod: boolean): PersistentVolume | undefined {
  if (attributesClassOf(claim) !== '') throw new Error(`error finding PV for claim "${claimKey(claim)}": unsupported volumeAttributesClassName is set on claim ${claimKey(claim)} when the feature-gate VolumeAttributesClass is disabled`);
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    if (!hasAccessFor(volume, claim) || !(isGivenTo(volume, claim) || (!waitsForPod && isFreeFor(volume, claim))) || !couldHold(volume, claim)) continue;
    if (best === undefined || byFit(claim, volume, best) < 0) best = volume;
  }
  return best;
}

/** Why a claim cannot have the volume that it names; undefined: it can. */
export function whyUnfit(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (isDeleting(volume)) return `the volume is marked for deletion ${JSON.stringify(nameOf(volume))}`;
  if (compareQuantity(volumeSize(volume), claimSize(claim)) < 0) return 'requested PV is too small';
  if (classNameOf(volume) !== classNameOf(claim)) return 'storageClassName does not match';
  if (attributesClassOf(volume) !== '' || attributesClassOf(claim) !== '') return 'volumeAttributesClassName is not supported when the feature-gate VolumeAttributesClass is disabled';
  if (!hasModeFor(volume, claim)) return 'incompatible volumeMode';
  return hasAccessFor(volume, claim) ? undefined : 'incompatible accessMode';
}
