import { createdAt, nameOf, number, object, objects, text, type CellsOf } from './cells.ts';
import { autoscalerCells } from './autoscaling.ts';
import * as core from './core.ts';
import { since } from './human-duration.ts';
import * as other from './other.ts';
import { podCells } from './pods.ts';
import * as workloads from './workloads.ts';

export interface Printer {
  /** `Name`, or `Name:type`, with `+` behind for columns that only `-o wide` shows. */
  readonly columns: readonly string[];
  readonly cells: CellsOf;
}

function counting(key: string): CellsOf {
  return (item, nowMs) => [nameOf(item), objects(item, key).length, since(createdAt(item), nowMs)];
}

const autoscaler: Printer = { columns: ['Name', 'Reference', 'Targets', 'MinPods', 'MaxPods', 'Replicas', 'Age'], cells: autoscalerCells };
const event: Printer = {
  columns: ['Last Seen', 'Type', 'Reason', 'Object', 'Subobject+', 'Source+', 'Message', 'First Seen+', 'Count+', 'Name+'], cells: core.eventCells,
};
const replicas = ['Name', 'Desired:integer', 'Current:integer', 'Ready:integer', 'Age', 'Containers+', 'Images+', 'Selector+'];
const binding: Printer = { columns: ['Name', 'Role', 'Age', 'Users+', 'Groups+', 'ServiceAccounts+'], cells: other.bindingCells };
const named: Printer = { columns: ['Name', 'Age'], cells: (item, nowMs) => [nameOf(item), since(createdAt(item), nowMs)] };
const webhooks: Printer = { columns: ['Name', 'Webhooks:integer', 'Age'], cells: other.webhooksCells };

/** Kinds without one show their name and when they were made. By group and kind. */
export const printers: Readonly<Record<string, Printer>> = {
  '/Pod': { columns: ['Name', 'Ready', 'Status', 'Restarts', 'Age', 'IP+', 'Node+', 'Nominated Node+', 'Readiness Gates+'], cells: podCells },
  '/Service': { columns: ['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', 'Selector+'], cells: core.serviceCells },
  '/Endpoints': { columns: ['Name', 'Endpoints', 'Age'], cells: core.endpointsCells },
  'discovery.k8s.io/EndpointSlice': { columns: ['Name', 'AddressType', 'Ports', 'Endpoints', 'Age'], cells: core.endpointSliceCells },
  '/Node': { columns: ['Name', 'Status', 'Roles', 'Age', 'Version', 'Internal-IP+', 'External-IP+', 'OS-Image+', 'Kernel-Version+', 'Container-Runtime+'], cells: core.nodeCells },
  '/Event': event,
  'events.k8s.io/Event': event,
  '/Namespace': { columns: ['Name', 'Status', 'Age'], cells: (item, nowMs) => [nameOf(item), text(object(item, 'status'), 'phase'), since(createdAt(item), nowMs)] },
  '/Secret': { columns: ['Name', 'Type', 'Data', 'Age'], cells: (item, nowMs) => [nameOf(item), text(item, 'type'), Object.keys(object(item, 'data')).length, since(createdAt(item), nowMs)] },
  '/ConfigMap': {
    columns: ['Name', 'Data', 'Age'],
    cells: (item, nowMs) => [nameOf(item), Object.keys(object(item, 'data')).length + Object.keys(object(item, 'binaryData')).length, since(createdAt(item), nowMs)],
  },
  '/ServiceAccount': { columns: ['Name', 'Secrets', 'Age'], cells: counting('secrets') },
  '/PersistentVolume': {
    columns: ['Name', 'Capacity', 'Access Modes', 'Reclaim Policy', 'Status', 'Claim', 'StorageClass', 'VolumeAttributesClass', 'Reason', 'Age', 'VolumeMode+'],
    cells: core.persistentVolumeCells,
  },
  '/PersistentVolumeClaim': {
    columns: ['Name', 'Status', 'Volume', 'Capacity', 'Access Modes', 'StorageClass', 'VolumeAttributesClass', 'Age', 'VolumeMode+'], cells: core.persistentVolumeClaimCells,
  },
  '/ResourceQuota': { columns: ['Name', 'Age', 'Request', 'Limit'], cells: core.resourceQuotaCells },
  '/PodTemplate': { columns: ['Name', 'Containers', 'Images', 'Pod Labels'], cells: core.podTemplateCells },
  '/ComponentStatus': { columns: ['Name', 'Status', 'Message', 'Error'], cells: core.componentStatusCells },
  '/ReplicationController': { columns: replicas, cells: workloads.replicationControllerCells },
  'apps/Deployment': { columns: ['Name', 'Ready', 'Up-to-date', 'Available', 'Age', 'Containers+', 'Images+', 'Selector+'], cells: workloads.deploymentCells },
  'apps/ReplicaSet': { columns: replicas, cells: workloads.replicaSetCells },
  'apps/StatefulSet': { columns: ['Name', 'Ready', 'Age', 'Containers+', 'Images+'], cells: workloads.statefulSetCells },
  'apps/DaemonSet': {
    columns: ['Name', 'Desired:integer', 'Current:integer', 'Ready:integer', 'Up-to-date:integer', 'Available:integer', 'Node Selector', 'Age', 'Containers+', 'Images+', 'Selector+'],
    cells: workloads.daemonSetCells,
  },
  'apps/ControllerRevision': { columns: ['Name', 'Controller', 'Revision', 'Age'], cells: workloads.controllerRevisionCells },
  'batch/Job': { columns: ['Name', 'Status', 'Completions', 'Duration', 'Age', 'Containers+', 'Images+', 'Selector+'], cells: workloads.jobCells },
  'batch/CronJob': {
    columns: ['Name', 'Schedule', 'Timezone', 'Suspend:boolean', 'Active:integer', 'Last Schedule', 'Age', 'Containers+', 'Images+', 'Selector+'], cells: workloads.cronJobCells,
  },
  'autoscaling/HorizontalPodAutoscaler': autoscaler,
  'networking.k8s.io/Ingress': { columns: ['Name', 'Class', 'Hosts', 'Address', 'Ports', 'Age'], cells: other.ingressCells },
  'networking.k8s.io/IngressClass': { columns: ['Name', 'Controller', 'Parameters', 'Age'], cells: other.ingressClassCells },
  'networking.k8s.io/NetworkPolicy': { columns: ['Name', 'Pod-Selector', 'Age'], cells: other.networkPolicyCells },
  'policy/PodDisruptionBudget': { columns: ['Name', 'Min Available', 'Max Unavailable', 'Allowed Disruptions:integer', 'Age'], cells: other.disruptionBudgetCells },
  'rbac.authorization.k8s.io/RoleBinding': binding,
  'rbac.authorization.k8s.io/ClusterRoleBinding': binding,
  'scheduling.k8s.io/PriorityClass': { columns: ['Name', 'Value:integer', 'Global-Default:boolean', 'Age', 'PreemptionPolicy'], cells: other.priorityClassCells },
  'node.k8s.io/RuntimeClass': { columns: ['Name', 'Handler', 'Age'], cells: other.runtimeClassCells },
  'storage.k8s.io/StorageClass': { columns: ['Name', 'Provisioner', 'ReclaimPolicy', 'VolumeBindingMode', 'AllowVolumeExpansion', 'Age'], cells: other.storageClassCells },
  'storage.k8s.io/CSIDriver': {
    columns: ['Name', 'AttachRequired:boolean', 'PodInfoOnMount:boolean', 'StorageCapacity:boolean', 'TokenRequests', 'RequiresRepublish:boolean', 'Modes', 'Age'],
    cells: other.csiDriverCells,
  },
  'storage.k8s.io/CSINode': { columns: ['Name', 'Drivers:integer', 'Age'], cells: (item, nowMs) => [nameOf(item), objects(object(item, 'spec'), 'drivers').length, since(createdAt(item), nowMs)] },
  'storage.k8s.io/VolumeAttachment': { columns: ['Name', 'Attacher', 'PV', 'Node', 'Attached:boolean', 'Age'], cells: other.volumeAttachmentCells },
  'certificates.k8s.io/CertificateSigningRequest': { columns: ['Name', 'Age', 'SignerName', 'Requestor', 'RequestedDuration', 'Condition'], cells: other.signingRequestCells },
  'coordination.k8s.io/Lease': { columns: ['Name', 'Holder', 'Age'], cells: other.leaseCells },
  'flowcontrol.apiserver.k8s.io/FlowSchema': { columns: ['Name', 'PriorityLevel', 'MatchingPrecedence', 'DistinguisherMethod', 'Age', 'MissingPL'], cells: other.flowSchemaCells },
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration': {
    columns: ['Name', 'Type', 'NominalConcurrencyShares', 'Queues', 'HandSize', 'QueueLengthLimit', 'Age'], cells: other.priorityLevelCells,
  },
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': webhooks,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': webhooks,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': { columns: ['Name', 'Validations:integer', 'ParamKind', 'Age'], cells: other.admissionPolicyCells },
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': { columns: ['Name', 'PolicyName', 'ParamRef', 'Age'], cells: other.admissionBindingCells },
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': { columns: ['Name', 'Mutations:integer', 'ParamKind', 'Age'], cells: other.mutatingPolicyCells },
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': { columns: ['Name', 'PolicyName', 'ParamRef', 'Age'], cells: other.admissionBindingCells },
  'apiregistration.k8s.io/APIService': { columns: ['Name', 'Service', 'Available', 'Age'], cells: other.apiServiceCells },
  'resource.k8s.io/DeviceClass': named,
  'resource.k8s.io/ResourceClaimTemplate': named,
  'resource.k8s.io/ResourceClaim': { columns: ['Name', 'State', 'Age'], cells: other.resourceClaimCells },
  'resource.k8s.io/ResourceSlice': { columns: ['Name', 'Node', 'Driver', 'Pool', 'Age'], cells: other.resourceSliceCells },
  'autoscaling/Scale': {
    columns: ['Name', 'Desired:integer', 'Available:integer', 'Age'],
    cells: (item, nowMs) => [nameOf(item), number(object(item, 'spec'), 'replicas'), number(object(item, 'status'), 'replicas'), since(createdAt(item), nowMs)],
  },
};
