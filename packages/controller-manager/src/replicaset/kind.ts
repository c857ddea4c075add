import { resources, type ResourceType } from '@coxswain/client';
import type { ReplicaSet } from 'kubernetes-types/apps/v1';
import type { ReplicationController } from 'kubernetes-types/core/v1';

/** ReplicationControllers are ReplicaSets with an older selector; one controller does both through this. */
export interface ReplicaKind {
  readonly controller: string;
  readonly account: string;
  /** Of the objects themselves. */
  readonly type: ResourceType<ReplicaSet>;
  /** Objects of this kind in the shape of a ReplicaSet. */
  view(object: ReplicaSet): ReplicaSet;
}

export const replicaSetKind: ReplicaKind = {
  controller: 'replicaset-controller', account: 'replicaset-controller', type: resources.replicasets, view: (object) => object,
};

export const replicationControllerKind: ReplicaKind = {
  controller: 'replicationcontroller-controller', account: 'replication-controller',
  // The status has the same fields, and the spec all but the selector's form.
  type: resources.replicationcontrollers as unknown as ResourceType<ReplicaSet>,
  view: (object) => {
    const { selector, template } = (object as unknown as ReplicationController).spec ?? {};
    const labels = selector ?? template?.metadata?.labels ?? {};
    return { ...object, spec: { ...object.spec, selector: { matchLabels: labels } } };
  },
};
