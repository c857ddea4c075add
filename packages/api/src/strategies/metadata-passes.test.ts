import { describe, expect, it } from 'vitest';
import { validateMetadataUpdate } from '../validation/index.ts';
import { builtinResource } from './generic.ts';
import { strategyFor } from './index.ts';

/**
 * The causes that kube-apiserver 1.32.2 gave for a patch to a bad label (L), a grace period (g), a bad generateName (n) and an unknown finalizer (f),
 * in its order: resources by causes.
 */
const main: Readonly<Record<string, string>> = {
  LgLgLfnLf: 'pods services configmaps secrets serviceaccounts endpoints controllerrevisions.apps ingresses.networking.k8s.io ingressclasses.networking.k8s.io',
  LgL: 'events poddisruptionbudgets.policy',
  LgLnLf: 'limitranges endpointslices.discovery.k8s.io flowschemas.flowcontrol.apiserver.k8s.io prioritylevelconfigurations.flowcontrol.apiserver.k8s.io',
  LgLgLf: 'resourcequotas podtemplates deployments.apps statefulsets.apps cronjobs.batch horizontalpodautoscalers.autoscaling events.events.k8s.io priorityclasses.scheduling.k8s.io csidrivers.storage.k8s.io',
  LgLnLfgLfnLf: 'persistentvolumeclaims',
  LgLnLfnLf: 'persistentvolumes csinodes.storage.k8s.io volumeattachments.storage.k8s.io',
  LgLnLfgLf: 'replicationcontrollers nodes namespaces replicasets.apps daemonsets.apps jobs.batch networkpolicies.networking.k8s.io storageclasses.storage.k8s.io csistoragecapacities.storage.k8s.io',
  LgLgL: 'leases.coordination.k8s.io customresourcedefinitions.apiextensions.k8s.io',
  LgLLfLfgLf: 'roles.rbac.authorization.k8s.io rolebindings.rbac.authorization.k8s.io clusterroles.rbac.authorization.k8s.io clusterrolebindings.rbac.authorization.k8s.io',
  LgLnLgL: 'runtimeclasses.node.k8s.io',
  LgLLfgLf: 'certificatesigningrequests.certificates.k8s.io',
  LgLnL: 'validatingwebhookconfigurations.admissionregistration.k8s.io mutatingwebhookconfigurations.admissionregistration.k8s.io validatingadmissionpolicies.admissionregistration.k8s.io validatingadmissionpolicybindings.admissionregistration.k8s.io',
  LgLgLnL: 'apiservices.apiregistration.k8s.io',
};
/** The same of the status subresource, where it takes metadata at all. */
const status: Readonly<Record<string, string>> = {
  LgLgLf: 'pods services resourcequotas persistentvolumeclaims persistentvolumes replicationcontrollers nodes namespaces replicasets.apps statefulsets.apps daemonsets.apps jobs.batch horizontalpodautoscalers.autoscaling ingresses.networking.k8s.io',
  LgL: 'cronjobs.batch poddisruptionbudgets.policy',
  LgLLfgLf: 'certificatesigningrequests.certificates.k8s.io',
  LgLgL: 'customresourcedefinitions.apiextensions.k8s.io',
};
const letters: Readonly<Record<string, string>> = { 'metadata.labels': 'L', 'metadata.deletionGracePeriodSeconds': 'g', 'metadata.generateName': 'n', 'metadata.finalizers[0]': 'f' };

function causes(key: string, subresource: string): string {
  const [resource = '', ...group] = key.split('.');
  const { nameRule, metadataPasses, freeFinalizers = false, requiredName } = strategyFor(group.join('.'), resource);
  const namespaced = builtinResource(group.join('.'), resource)?.namespaced ?? false;
  const old = { name: requiredName === undefined ? 'x' : 'v1.g', ...(namespaced ? { namespace: 'n' } : {}), uid: 'u', resourceVersion: '7' };
  const wanted = { ...old, labels: { a: 'c d' }, deletionGracePeriodSeconds: 5, generateName: 'Bad_', finalizers: ['bad'] };
  const errors = validateMetadataUpdate(wanted, old, { namespaced, nameRule, custom: freeFinalizers, requiredName: requiredName?.({ spec: { version: 'v1', group: 'g', names: { plural: 'v1' } } }) }, metadataPasses?.(subresource));
  return errors.map((error) => letters[error.field] ?? error.field).join('');
}

function cases(table: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(table).flatMap(([found, keys]) => keys.split(' ').map((key): [string, string] => [key, found]));
}

describe('metadata of an updated object is looked at as often as upstream does', () => {
  it.each(cases(main))('%s: %s', (key, found) => expect(causes(key, '')).toBe(found));
  it.each(cases(status))('status of %s: %s', (key, found) => expect(causes(key, 'status')).toBe(found));
});
