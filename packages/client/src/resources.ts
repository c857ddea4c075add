import type * as admission from 'kubernetes-types/admissionregistration/v1';
import type { CustomResourceDefinition } from 'kubernetes-types/apiextensions/v1';
import type * as apps from 'kubernetes-types/apps/v1';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2';
import type { CronJob, Job } from 'kubernetes-types/batch/v1';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type * as core from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { Event as EventsEvent } from 'kubernetes-types/events/v1';
import type { FlowSchema, PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1';
import type { Ingress, IngressClass, NetworkPolicy } from 'kubernetes-types/networking/v1';
import type { RuntimeClass } from 'kubernetes-types/node/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type * as rbac from 'kubernetes-types/rbac/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import type * as storage from 'kubernetes-types/storage/v1';
import { resource } from './resource.ts';

const rbacGroup = 'rbac.authorization.k8s.io';
const admissionGroup = 'admissionregistration.k8s.io';
const storageGroup = 'storage.k8s.io';
const flowGroup = 'flowcontrol.apiserver.k8s.io';

/** The built-in kinds that a default server stores. Others are found by discovery. */
export const resources = {
  configmaps: resource<core.ConfigMap>('', 'v1', 'configmaps', 'ConfigMap', true),
  endpoints: resource<core.Endpoints>('', 'v1', 'endpoints', 'Endpoints', true),
  events: resource<core.Event>('', 'v1', 'events', 'Event', true),
  limitranges: resource<core.LimitRange>('', 'v1', 'limitranges', 'LimitRange', true),
  namespaces: resource<core.Namespace>('', 'v1', 'namespaces', 'Namespace', false),
  nodes: resource<core.Node>('', 'v1', 'nodes', 'Node', false),
  persistentvolumeclaims: resource<core.PersistentVolumeClaim>('', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', true),
  persistentvolumes: resource<core.PersistentVolume>('', 'v1', 'persistentvolumes', 'PersistentVolume', false),
  pods: resource<core.Pod>('', 'v1', 'pods', 'Pod', true),
  podtemplates: resource<core.PodTemplate>('', 'v1', 'podtemplates', 'PodTemplate', true),
  replicationcontrollers: resource<core.ReplicationController>('', 'v1', 'replicationcontrollers', 'ReplicationController', true),
  resourcequotas: resource<core.ResourceQuota>('', 'v1', 'resourcequotas', 'ResourceQuota', true),
  secrets: resource<core.Secret>('', 'v1', 'secrets', 'Secret', true),
  serviceaccounts: resource<core.ServiceAccount>('', 'v1', 'serviceaccounts', 'ServiceAccount', true),
  services: resource<core.Service>('', 'v1', 'services', 'Service', true),
  controllerrevisions: resource<apps.ControllerRevision>('apps', 'v1', 'controllerrevisions', 'ControllerRevision', true),
  daemonsets: resource<apps.DaemonSet>('apps', 'v1', 'daemonsets', 'DaemonSet', true),
  deployments: resource<apps.Deployment>('apps', 'v1', 'deployments', 'Deployment', true),
  replicasets: resource<apps.ReplicaSet>('apps', 'v1', 'replicasets', 'ReplicaSet', true),
  statefulsets: resource<apps.StatefulSet>('apps', 'v1', 'statefulsets', 'StatefulSet', true),
  eventsEvents: resource<EventsEvent>('events.k8s.io', 'v1', 'events', 'Event', true),
  horizontalpodautoscalers: resource<HorizontalPodAutoscaler>('autoscaling', 'v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', true),
  cronjobs: resource<CronJob>('batch', 'v1', 'cronjobs', 'CronJob', true),
  jobs: resource<Job>('batch', 'v1', 'jobs', 'Job', true),
  certificatesigningrequests: resource<CertificateSigningRequest>('certificates.k8s.io', 'v1', 'certificatesigningrequests', 'CertificateSigningRequest', false),
  ingressclasses: resource<IngressClass>('networking.k8s.io', 'v1', 'ingressclasses', 'IngressClass', false),
  ingresses: resource<Ingress>('networking.k8s.io', 'v1', 'ingresses', 'Ingress', true),
  networkpolicies: resource<NetworkPolicy>('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy', true),
  poddisruptionbudgets: resource<PodDisruptionBudget>('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', true),
  clusterrolebindings: resource<rbac.ClusterRoleBinding>(rbacGroup, 'v1', 'clusterrolebindings', 'ClusterRoleBinding', false),
  clusterroles: resource<rbac.ClusterRole>(rbacGroup, 'v1', 'clusterroles', 'ClusterRole', false),
  rolebindings: resource<rbac.RoleBinding>(rbacGroup, 'v1', 'rolebindings', 'RoleBinding', true),
  roles: resource<rbac.Role>(rbacGroup, 'v1', 'roles', 'Role', true),
  csidrivers: resource<storage.CSIDriver>(storageGroup, 'v1', 'csidrivers', 'CSIDriver', false),
  csinodes: resource<storage.CSINode>(storageGroup, 'v1', 'csinodes', 'CSINode', false),
  csistoragecapacities: resource<storage.CSIStorageCapacity>(storageGroup, 'v1', 'csistoragecapacities', 'CSIStorageCapacity', true),
  storageclasses: resource<storage.StorageClass>(storageGroup, 'v1', 'storageclasses', 'StorageClass', false),
  volumeattachments: resource<storage.VolumeAttachment>(storageGroup, 'v1', 'volumeattachments', 'VolumeAttachment', false),
  mutatingwebhookconfigurations: resource<admission.MutatingWebhookConfiguration>(admissionGroup, 'v1', 'mutatingwebhookconfigurations', 'MutatingWebhookConfiguration', false),
  validatingwebhookconfigurations: resource<admission.ValidatingWebhookConfiguration>(admissionGroup, 'v1', 'validatingwebhookconfigurations', 'ValidatingWebhookConfiguration', false),
  validatingadmissionpolicies: resource<admission.ValidatingAdmissionPolicy>(admissionGroup, 'v1', 'validatingadmissionpolicies', 'ValidatingAdmissionPolicy', false),
  validatingadmissionpolicybindings: resource<admission.ValidatingAdmissionPolicyBinding>(admissionGroup, 'v1', 'validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', false),
  customresourcedefinitions: resource<CustomResourceDefinition>('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', false),
  priorityclasses: resource<PriorityClass>('scheduling.k8s.io', 'v1', 'priorityclasses', 'PriorityClass', false),
  leases: resource<Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease', true),
  runtimeclasses: resource<RuntimeClass>('node.k8s.io', 'v1', 'runtimeclasses', 'RuntimeClass', false),
  endpointslices: resource<EndpointSlice>('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice', true),
  flowschemas: resource<FlowSchema>(flowGroup, 'v1', 'flowschemas', 'FlowSchema', false),
  prioritylevelconfigurations: resource<PriorityLevelConfiguration>(flowGroup, 'v1', 'prioritylevelconfigurations', 'PriorityLevelConfiguration', false),
} as const;
