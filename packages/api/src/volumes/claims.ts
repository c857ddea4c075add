import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from 'kubernetes-types/core/v1';

export const boundAnnotation = 'pv.kubernetes.io/bind-completed';
export const boundByControllerAnnotation = 'pv.kubernetes.io/bound-by-controller';
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** A volume of a pod that is a claim. */
export interface ClaimedVolume {
  readonly claimName: string;
  /** The claim is made for the pod and goes with it. */
  readonly ephemeral: boolean;
}

const nothing: readonly ClaimedVolume[] = [];

export function claimOfVolume(pod: Pod, volume: Volume): ClaimedVolume | undefined {
  if (volume.persistentVolumeClaim !== undefined) return { claimName: volume.persistentVolumeClaim.claimName, ephemeral: false };
  return volume.ephemeral === undefined ? undefined : { claimName: `${pod.metadata?.name ?? ''}-${volume.name}`, ephemeral: true };
}

/** Most pods have none, and pay for no list. */
export function claimedVolumes(pod: Pod): readonly ClaimedVolume[] {
  let out: ClaimedVolume[] | undefined;
  for (const volume of pod.spec?.volumes ?? []) {
    const claimed = claimOfVolume(pod, volume);
    if (claimed !== undefined) (out ??= []).push(claimed);
  }
  return out ?? nothing;
}

export function claimKey({ metadata }: PersistentVolumeClaim): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/** undefined: the claim is the pod's. */
export function whyNotForPod(pod: Pod, claim: PersistentVolumeClaim): string | undefined {
  const owned = claim.metadata?.ownerReferences?.some((owner) => owner.controller === true && owner.uid === pod.metadata?.uid) === true;
  return owned ? undefined : `PVC ${claimKey(claim)} was not created for pod ${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''} (pod is not owner)`;
}

/** The old annotation wins over the field. */
export function classNameOf({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string {
  return metadata?.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '';
}

/** Both sides know of each other, as the volume controller says with its annotation. */
export function isFullyBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return (spec?.volumeName ?? '') !== '' && metadata?.annotations?.[boundAnnotation] !== undefined;
}

/** Does a claim of the pod have this name, in its namespace? */
export function claims(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
  return pod.metadata?.namespace === metadata?.namespace && claimedVolumes(pod).some(({ claimName }) => claimName === metadata?.name);
}

export const notFound = {
  claim: (name: string): string => `persistentvolumeclaim ${JSON.stringify(name)} not found`,
  volume: (name: string): string => `persistentvolume ${JSON.stringify(name)} not found`,
  storageClass: (name: string): string => `storageclass.storage.k8s.io ${JSON.stringify(name)} not found`,
} as const;
