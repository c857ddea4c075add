import { tokenCleaner } from './bootstrap/token-cleaner.ts';
import { approver, cleaner, signing } from './certificates/controllers.ts';
import { clusterRoleAggregationController } from './clusterrole-aggregation/clusterrole-aggregation.ts';
import { cronJobController } from './cronjob/cronjob.ts';
import { daemonSetController } from './daemonset/daemonset.ts';
import { deploymentController } from './deployment/deployment.ts';
import { disruptionController } from './disruption/disruption.ts';
import { endpointsController } from './endpoints/endpoints.ts';
import { endpointSliceController } from './endpointslice/endpointslice.ts';
import { endpointSliceMirroringController } from './endpointslice-mirroring/endpointslice-mirroring.ts';
import { ephemeralVolumeController } from './ephemeral-volume/ephemeral-volume.ts';
import { garbageCollector } from './gc/gc.ts';
import { ipamController } from './ipam/ipam.ts';
import { jobController } from './job/job.ts';
import { ttlAfterFinishedController } from './job/ttl.ts';
import { namespaceController } from './namespace/namespace.ts';
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle.ts';
import { volumeBinderController } from './persistentvolume-binder/binder.ts';
import { podGcController } from './pod-gc/pod-gc.ts';
import { claimProtectionController, volumeProtectionController } from './protection/protection.ts';
import { replicaSetController, replicationController } from './replicaset/replicaset.ts';
import { resourceClaimController } from './resourceclaim/resourceclaim.ts';
import { resourceQuotaController } from './resourcequota/resourcequota.ts';
import { rootCaController } from './root-ca/root-ca.ts';
import { serviceAccountController } from './serviceaccount/serviceaccount.ts';
import { statefulSetController } from './statefulset/statefulset.ts';
import { taintEvictionController } from './taint-eviction/taint-eviction.ts';
import type { Controller } from './types.ts';
import { policyStatusController } from './validatingadmissionpolicy-status/controller.ts';

export const allControllers: readonly Controller[] = [
  serviceAccountController, rootCaController, namespaceController, deploymentController, replicaSetController, replicationController,
  endpointsController, endpointSliceController, endpointSliceMirroringController, approver, signing, cleaner, ipamController, garbageCollector,
  nodeLifecycleController, taintEvictionController, podGcController, daemonSetController, statefulSetController, jobController, cronJobController, ttlAfterFinishedController,
  disruptionController, resourceQuotaController, claimProtectionController, volumeProtectionController, clusterRoleAggregationController, tokenCleaner, policyStatusController,
  volumeBinderController, ephemeralVolumeController, resourceClaimController,
];
