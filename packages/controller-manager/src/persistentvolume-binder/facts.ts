import { classNameOf } from '@coxswain/api/volumes';
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { createdMs, nameOf } from '../common/object.ts';

export const provisionedByAnnotation = 'pv.kubernetes.io/provisioned-by';
export const migratedToAnnotation = 'pv.kubernetes.io/migrated-to';
export const provisionerAnnotation = 'volume.kubernetes.io/storage-provisioner';
export const oldProvisionerAnnotation = 'volume.beta.kubernetes.io/storage-provisioner';
/** Holds a volume of our own making until what is behind it has been deleted. */
export const deletionFinalizer = 'kubernetes.io/pv-controller';
/** The same, of a provisioner outside. */
export const externalDeletionFinalizer = 'external-provisioner.volume.kubernetes.io/finalizer';

const defaultAnnotations = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

/** What is told of an object. */
export interface Tell {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export function normal(reason: string, message: string): Tell { return { type: 'Normal', reason, message }; }
export function warning(reason: string, message: string): Tell { return { type: 'Warning', reason, message }; }

/** `namespace/name` of the claim that a volume is reserved for. */
export function ownerKey({ spec }: PersistentVolume): string | undefined {
  return spec?.claimRef === undefined ? undefined : `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`;
}

export function annotationOf({ metadata }: PersistentVolume | PersistentVolumeClaim, key: string): string | undefined {
  return metadata?.annotations?.[key];
}

/** An empty name is an answer too: no class, whatever the default. */
export function asksForClass(claim: PersistentVolumeClaim): boolean {
  return claim.spec?.storageClassName !== undefined || classNameOf(claim) !== '';
}

/** The newest of them; by name where they are of one age. */
export function defaultClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const marked = classes.filter(({ metadata }) => defaultAnnotations.some((key) => metadata?.annotations?.[key] === 'true'));
  return marked.toSorted((a, b) => createdMs(b) - createdMs(a) || (nameOf(a) < nameOf(b) ? -1 : 1))[0];
}
