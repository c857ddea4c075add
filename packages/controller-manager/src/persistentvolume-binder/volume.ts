import { boundByControllerAnnotation, hasModeFor } from '@coxswain/api/volumes';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { nameOf, uidOf } from '../common/object.ts';
import { annotationOf, provisionedByAnnotation, warning, type Tell } from './facts.ts';

export type VolumeStep =
  | { readonly kind: 'phase'; readonly phase: 'Available' | 'Bound' }
  /** Its claim is gone, or is content with another volume that was made for it. */
  | { readonly kind: 'reclaim' }
  | { readonly kind: 'unbind' }
  /** The claim has the next word. */
  | { readonly kind: 'ask-claim' }
  | { readonly kind: 'mismatch'; readonly volume: Tell; readonly claim: Tell };

/** `claim`: the one that the volume's reference names, by name and uid. */
export function decideVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeStep {
  if ((volume.spec?.claimRef?.uid ?? '') === '') return { kind: 'phase', phase: 'Available' };
  if (claim === undefined) return { kind: 'reclaim' };
  const chosen = claim.spec?.volumeName ?? '';
  if (chosen === '') return hasModeFor(volume, claim) ? { kind: 'ask-claim' } : mismatch(volume, claim);
  if (chosen === nameOf(volume)) return { kind: 'phase', phase: 'Bound' };
  const madeForIt = annotationOf(volume, provisionedByAnnotation) !== undefined && volume.spec?.persistentVolumeReclaimPolicy === 'Delete';
  return { kind: madeForIt ? 'reclaim' : 'unbind' };
}

function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): VolumeStep {
  return {
    kind: 'mismatch',
    volume: warning('VolumeMismatch', `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${JSON.stringify(nameOf(claim))} due to incompatible volumeMode.`),
    claim: warning('VolumeMismatch', `Cannot bind PersistentVolume ${JSON.stringify(nameOf(volume))} to requested PersistentVolumeClaim due to incompatible volumeMode.`),
  };
}

/** As it was before it was bound; a reference that a user wrote stays, without the uid. */
export function unbound(volume: PersistentVolume): PersistentVolume {
  if (annotationOf(volume, boundByControllerAnnotation) === undefined) {
    const { uid: _uid, ...claimRef } = volume.spec?.claimRef ?? {};
    return { ...volume, spec: { ...volume.spec, claimRef } };
  }
  const { [boundByControllerAnnotation]: _mark, ...annotations } = volume.metadata?.annotations ?? {};
  const { claimRef: _claimRef, ...spec } = volume.spec ?? {};
  const { annotations: _before, ...metadata } = volume.metadata ?? {};
  return { ...volume, metadata: Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations }, spec };
}

/** May what is behind it be deleted? Its claim is gone, or bound to another volume. `claim`: of that name, whatever its uid. */
export function isReleased(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): boolean {
  const uid = volume.spec?.claimRef?.uid ?? '';
  if (uid === '') return false;
  if (claim === undefined || uidOf(claim) !== uid) return true;
  const chosen = claim.spec?.volumeName ?? '';
  return chosen !== '' && chosen !== nameOf(volume);
}
