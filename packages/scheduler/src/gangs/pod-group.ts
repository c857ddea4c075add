import type { KubeObject, ResourceType } from '@coxswain/client';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';

/** As kubernetes-sigs/scheduler-plugins has it: scheduling.x-k8s.io/v1alpha1. */
export interface PodGroup extends KubeObject {
  readonly metadata?: ObjectMeta;
  readonly spec?: {
    readonly minMember?: number;
    readonly minResources?: Readonly<Record<string, string>>;
    readonly scheduleTimeoutSeconds?: number;
  };
  readonly status?: PodGroupStatus;
}

/**
 * - Pending: there are fewer pods than members are needed.
 * - Scheduling: there are enough, and fewer than needed run or have succeeded.
 * - Running: as many as needed run or have succeeded.
 * - Finished: as many as needed have succeeded.
 * - Failed: some have failed, and with them as many as needed have got that far.
 */
export type PodGroupPhase = 'Pending' | 'Scheduling' | 'Running' | 'Finished' | 'Failed';

export interface PodGroupStatus {
  readonly phase?: PodGroupPhase;
  readonly occupiedBy?: string;
  readonly running?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly scheduleStartTime?: string;
}

export const podGroups: ResourceType<PodGroup> = { group: 'scheduling.x-k8s.io', version: 'v1alpha1', resource: 'podgroups', kind: 'PodGroup', namespaced: true };

/** On a pod: the name of its group, in its namespace. */
export const podGroupLabel = 'scheduling.x-k8s.io/pod-group';
