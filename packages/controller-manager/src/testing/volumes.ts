import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';

export interface VolumeFields {
  readonly size?: string;
  readonly className?: string;
  readonly modes?: readonly string[];
  readonly phase?: string;
  /** Name and uid of the claim that it is for. */
  readonly claim?: string;
  readonly uid?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<NonNullable<PersistentVolume['spec']>>;
}

export interface ClaimFields {
  readonly size?: string;
  readonly className?: string;
  readonly modes?: readonly string[];
  readonly volume?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Partial<NonNullable<PersistentVolumeClaim['spec']>>;
}

export function volume(name: string, fields: VolumeFields = {}): PersistentVolume {
  const { size = '1Gi', className, modes = ['ReadWriteOnce'], phase = 'Available', claim: owner, uid, annotations, finalizers, labels, spec } = fields;
  return {
    metadata: { name, ...(annotations === undefined ? {} : { annotations: { ...annotations } }), ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }), ...(labels === undefined ? {} : { labels: { ...labels } }) },
    spec: {
      capacity: { storage: size }, accessModes: [...modes], persistentVolumeReclaimPolicy: 'Retain', hostPath: { path: `/data/${name}` }, ...(className === undefined ? {} : { storageClassName: className }),
      ...(owner === undefined ? {} : { claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: 'default', name: owner, ...(uid === undefined ? {} : { uid }) } }), ...spec,
    },
    status: { phase },
  };
}

/** Its uid is its name with `-uid`. */
export function claim(name: string, fields: ClaimFields = {}): PersistentVolumeClaim {
  const { size = '1Gi', className, modes = ['ReadWriteOnce'], volume: volumeName, annotations, spec } = fields;
  return {
    metadata: { namespace: 'default', name, uid: `${name}-uid`, ...(annotations === undefined ? {} : { annotations: { ...annotations } }) },
    spec: { accessModes: [...modes], resources: { requests: { storage: size } }, ...(className === undefined ? {} : { storageClassName: className }), ...(volumeName === undefined ? {} : { volumeName }), ...spec },
    status: { phase: 'Pending' },
  };
}

export function storageClass(name: string, provisioner: string, more: Partial<StorageClass> = {}): StorageClass {
  return { metadata: { name }, provisioner, volumeBindingMode: 'Immediate', reclaimPolicy: 'Delete', ...more };
}
