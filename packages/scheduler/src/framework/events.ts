import type { KubeObject } from '@coxswain/client';

/** Kinds whose changes can make a rejected pod schedulable. `AssignedPod` has a node, `UnscheduledPod` is the waiting pod itself. */
export type EventResource =
  | 'AssignedPod' | 'UnscheduledPod' | 'Node' | 'Service' | 'Namespace' | StorageResource | DeviceResource | '*';

export type DeviceResource = 'ResourceClaim' | 'DeviceClass' | 'ResourceSlice';

export type StorageResource =
  | 'PersistentVolumeClaim' | 'PersistentVolume' | 'StorageClass' | 'CSINode' | 'CSIDriver' | 'CSIStorageCapacity' | 'VolumeAttachment';

export type EventAction =
  | 'Add' | 'Delete' | 'Update'
  | 'UpdateNodeAllocatable' | 'UpdateNodeLabel' | 'UpdateNodeTaint' | 'UpdateNodeCondition' | 'UpdateNodeUnschedulable'
  | 'UpdatePodLabel' | 'UpdatePodScaleDown' | 'UpdatePodToleration' | 'UpdatePodSchedulingGatesEliminated' | 'UpdatePodGeneratedResourceClaim';

/** Something that happened in the cluster. One change of an object may be several actions. */
export interface ClusterEvent {
  readonly resource: EventResource;
  readonly actions: readonly EventAction[];
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

/** Matches every registration: at the periodic flush. */
export const everything: ClusterEvent = { resource: '*', actions: [], before: undefined, after: undefined };
