import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { compareQuantity } from '../quantity/index.ts';
import { boundByControllerAnnotation } from './claims.ts';

type MayHaveAttributesClass = { volumeAttributesClassName?: string } | undefined;

/** Name of its VolumeAttributesClass, a feature that is off. */
export function attributesClassOf({ spec }: PersistentVolume | PersistentVolumeClaim): string {
  return (spec as MayHaveAttributesClass)?.volumeAttributesClassName ?? '';
}

export function claimSize({ spec }: PersistentVolumeClaim): string {
  return spec?.resources?.requests?.['storage'] ?? '0';
}

export function volumeSize({ spec }: PersistentVolume): string {
  return spec?.capacity?.['storage'] ?? '0';
}

/** Does the volume's reference name the claim? One without a uid was written by hand, and is for any claim of the name. */
export function isGivenTo({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const owner = spec?.claimRef;
  return owner !== undefined && owner.name === metadata?.name && owner.namespace === metadata?.namespace
    && ((owner.uid ?? '') === '' || owner.uid === metadata?.uid);
}

export function hasModeFor({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (spec?.volumeMode ?? 'Filesystem') === (claim.spec?.volumeMode ?? 'Filesystem');
}

export function hasAccessFor({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.accessModes ?? []).every((mode) => spec?.accessModes?.includes(mode) === true);
}

/** What even a volume that was given to the claim has to be. */
export function couldHold(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (volume.spec?.claimRef === undefined || isGivenTo(volume, claim))
    && compareQuantity(volumeSize(volume), claimSize(claim)) >= 0 && hasModeFor(volume, claim)
    && attributesClassOf(volume) === '' && volume.metadata?.deletionTimestamp === undefined;
}

export function annotated<T extends PersistentVolume | PersistentVolumeClaim>(object: T, key: string, value: string): T {
  return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata?.annotations, [key]: value } } };
}

/** The volume as it is when it is the claim's; itself if it is that already. */
export function given(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const mark = isGivenTo(volume, claim) ? volume : annotated(volume, boundByControllerAnnotation, volume.metadata?.annotations?.[boundByControllerAnnotation] ?? 'yes');
  const { namespace, name, uid, resourceVersion } = claim.metadata ?? {};
  if (mark.spec?.claimRef?.uid === uid && isGivenTo(volume, claim)) return mark;
  const claimRef = {
    kind: 'PersistentVolumeClaim', apiVersion: 'v1', ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }),
    ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return { ...mark, spec: { ...mark.spec, claimRef } };
}
