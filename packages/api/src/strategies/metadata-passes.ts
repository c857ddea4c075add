import type { Strategy } from '../strategy.ts';
import type { MetadataPass } from '../validation/metadata.ts';

type Passes = readonly MetadataPass[];

const none: Passes = [];
const change: Passes = ['change'];
const fresh: Passes = ['new'];
const changeThenNew: Passes = ['change', 'new'];
const newThenChange: Passes = ['new', 'change'];
const newTwice: Passes = ['new', 'new'];
const role: Passes = ['new', 'new', 'change'];

/** What kube-apiserver 1.32 was seen to do; kinds that are not here look once, by the rules of a change. */
const main: Readonly<Record<string, Passes>> = {
  pods: changeThenNew, services: changeThenNew, configmaps: changeThenNew, secrets: changeThenNew, serviceaccounts: changeThenNew, endpoints: changeThenNew,
  events: none, limitranges: fresh, persistentvolumeclaims: ['new', 'change', 'new'], persistentvolumes: newTwice,
  replicationcontrollers: newThenChange, nodes: newThenChange, namespaces: newThenChange, 'replicasets.apps': newThenChange, 'daemonsets.apps': newThenChange,
  'controllerrevisions.apps': changeThenNew, 'jobs.batch': newThenChange, 'poddisruptionbudgets.policy': none,
  'ingresses.networking.k8s.io': changeThenNew, 'ingressclasses.networking.k8s.io': changeThenNew, 'networkpolicies.networking.k8s.io': newThenChange,
  'endpointslices.discovery.k8s.io': fresh, 'runtimeclasses.node.k8s.io': newThenChange,
  'roles.rbac.authorization.k8s.io': role, 'rolebindings.rbac.authorization.k8s.io': role, 'clusterroles.rbac.authorization.k8s.io': role, 'clusterrolebindings.rbac.authorization.k8s.io': role,
  'storageclasses.storage.k8s.io': newThenChange, 'csinodes.storage.k8s.io': newTwice, 'csistoragecapacities.storage.k8s.io': newThenChange, 'volumeattachments.storage.k8s.io': newTwice,
  'certificatesigningrequests.certificates.k8s.io': newThenChange,
  'flowschemas.flowcontrol.apiserver.k8s.io': fresh, 'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': fresh,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': fresh, 'mutatingwebhookconfigurations.admissionregistration.k8s.io': fresh,
  'validatingadmissionpolicies.admissionregistration.k8s.io': fresh, 'validatingadmissionpolicybindings.admissionregistration.k8s.io': fresh,
  'mutatingadmissionpolicies.admissionregistration.k8s.io': fresh, 'mutatingadmissionpolicybindings.admissionregistration.k8s.io': fresh,
  'apiservices.apiregistration.k8s.io': changeThenNew,
  'deviceclasses.resource.k8s.io': newThenChange, 'resourceclaims.resource.k8s.io': newThenChange, 'resourceclaimtemplates.resource.k8s.io': newThenChange,
};

/** Of status, where it is not once by the rules of a change. */
const status: Readonly<Record<string, Passes>> = {
  'cronjobs.batch': none, 'poddisruptionbudgets.policy': none, 'volumeattachments.storage.k8s.io': newTwice, 'certificatesigningrequests.certificates.k8s.io': newThenChange,
  'validatingadmissionpolicies.admissionregistration.k8s.io': none,
};

/** Kinds that know no list of finalizers. */
const free: ReadonlySet<string> = new Set([
  'leases.coordination.k8s.io', 'runtimeclasses.node.k8s.io', 'events', 'poddisruptionbudgets.policy', 'customresourcedefinitions.apiextensions.k8s.io', 'apiservices.apiregistration.k8s.io',
  ...['validatingwebhookconfigurations', 'mutatingwebhookconfigurations', 'validatingadmissionpolicies', 'validatingadmissionpolicybindings', 'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings']
    .map((resource) => `${resource}.admissionregistration.k8s.io`),
]);

export function metadataRulesOf(key: string): Required<Pick<Strategy, 'metadataPasses' | 'freeFinalizers'>> {
  return {
    metadataPasses: (subresource) => (subresource === '' || subresource === 'scale' || subresource === 'approval' ? main[key] : status[key]) ?? change,
    freeFinalizers: free.has(key),
  };
}
