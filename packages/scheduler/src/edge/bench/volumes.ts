import type { CSINode } from 'kubernetes-types/storage/v1';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, Pod } from 'kubernetes-types/core/v1';

const driver = 'ebs.csi.aws.com';
const inTree = 'kubernetes.io/aws-ebs';
/** Of a node, as scheduler_perf says. */
const volumesANode = 39;

/** What scheduler_perf's templates of these names say. */
const volumeTemplates = {
  'pv-aws': (name: string) => ({ awsElasticBlockStore: { volumeID: name } }),
  'pv-csi': (name: string) => ({ csi: { driver, volumeHandle: name } }),
  /** Its claim is for one pod only. */
  'pv-csi-once': (name: string) => ({ csi: { driver, volumeHandle: name } }),
} as const satisfies Readonly<Record<string, (name: string) => Partial<PersistentVolumeSpec>>>;

export type VolumeTemplateName = keyof typeof volumeTemplates;

export interface BoundVolume { readonly volume: PersistentVolume; readonly claim: PersistentVolumeClaim }

/** A volume of the pod's own and the claim bound to it, which the pod then uses. */
export function giveVolume(pod: Pod, template: VolumeTemplateName): BoundVolume {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const [volumeName, claimName] = [`pv-${namespace}-${name}`, `pvc-${name}`];
  const size = { storage: '1Gi' };
  const accessModes = [template === 'pv-csi-once' ? 'ReadWriteOncePod' : 'ReadOnlyMany'];
  if (pod.spec !== undefined) pod.spec.volumes = [...pod.spec.volumes ?? [], { name: 'vol', persistentVolumeClaim: { claimName } }];
  return {
    volume: {
      apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: volumeName },
      spec: { ...volumeTemplates[template](volumeName), accessModes, capacity: size, persistentVolumeReclaimPolicy: 'Retain', claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claimName } },
    },
    claim: {
      apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: claimName, namespace, annotations: { 'pv.kubernetes.io/bind-completed': 'true' } },
      spec: { accessModes, resources: { requests: size }, volumeName, storageClassName: '' },
    },
  };
}

/** `migrated`: the in-tree plugin's volumes are the driver's. */
export function makeCsiNode(nodeName: string, migrated: boolean, count = volumesANode): CSINode {
  return {
    apiVersion: 'storage.k8s.io/v1', kind: 'CSINode',
    metadata: { name: nodeName, ...(migrated ? { annotations: { 'storage.alpha.kubernetes.io/migrated-plugins': inTree } } : {}) },
    spec: { drivers: [{ name: driver, nodeID: nodeName, allocatable: { count } }] },
  };
}
