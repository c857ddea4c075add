import { compareQuantity } from '@coxswain/api';
import { resources } from '@coxswain/client';
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import type { Lookup } from '../live-lookup.ts';
import { typedOrNone } from '../typed.ts';
import type { AdmissionPlugin } from '../types.ts';
import { isResource, refuse } from './attributes.ts';

function sizeOf(claim: PersistentVolumeClaim | undefined): string {
  return claim?.spec?.resources?.requests?.['storage'] ?? '0';
}

function classOf(claim: PersistentVolumeClaim | undefined): string {
  return claim?.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim?.spec?.storageClassName ?? '';
}

/** A claim grows only where its class says that volumes can. */
export function claimResize(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    operations: ['UPDATE'],
    resources: new Set(['persistentvolumeclaims']),
    async validate(a) {
      if (!isResource(a, '', 'persistentvolumeclaims')) return;
      const [after, before] = [typedOrNone<PersistentVolumeClaim>(a.object), typedOrNone<PersistentVolumeClaim>(a.oldObject)];
      if (before === undefined || compareQuantity(sizeOf(after), sizeOf(before)) <= 0) return;
      if (before.status?.phase !== 'Bound') throw refuse(a, 'Only bound persistent volume claims can be expanded');
      const name = classOf(before);
      const found = name === '' || classOf(after) !== name ? undefined : await lookup<StorageClass>(resources.storageclasses, '', name);
      if (found?.allowVolumeExpansion !== true) throw refuse(a, 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize');
    },
  };
}
