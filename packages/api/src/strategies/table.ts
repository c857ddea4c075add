import type { JsonObject } from '../resource.ts';
import type { Strategy } from '../strategy.ts';
import { obj, objects, str } from '../validation/access.ts';
import { validatorOf } from '../validation/table.ts';
import { certificateSigningRequestStrategy } from './certificates.ts';
import { driverStrategy, endpointSliceStrategy, leaseStrategy } from './dropped.ts';
import { limitRangeStrategy, namespaceStrategy, nodeStrategy, persistentVolumeClaimStrategy, persistentVolumeStrategy, secretStrategy, serviceAccountStrategy } from './core.ts';
import { apiServiceStrategy, customResourceDefinitionStrategy } from './extensions.ts';
import { resourceClaimStrategy, resourceClaimTemplateStrategy } from './devices.ts';
import { builtinResource, genericStrategy, hasStatus, type GenerationRule, type Kind } from './generic.ts';
import { metadataRulesOf } from './metadata-passes.ts';
import { dropGatedPodFields } from './pod-fields.ts';
import { podStrategy } from './pods.ts';
import { serviceWarnings } from './service-warnings.ts';
import { serviceStrategy } from './services.ts';
import { claimSpecWarnings, namedWarnings, persistentVolumeWarnings, podWarnings, specChanged, templateWarnings } from './warnings.ts';
import { daemonSetStrategy, deploymentStrategy, jobStrategy } from './workloads.ts';

const spec: GenerationRule = ['spec'];

/** Which kinds count generations, and by what. */
const generations: Readonly<Record<string, GenerationRule>> = {
  podtemplates: ['template'], replicationcontrollers: spec,
  'deployments.apps': ['spec', 'annotations'], 'replicasets.apps': spec, 'statefulsets.apps': spec, 'daemonsets.apps': spec,
  'jobs.batch': spec, 'cronjobs.batch': spec,
  'poddisruptionbudgets.policy': spec,
  'ingresses.networking.k8s.io': spec, 'ingressclasses.networking.k8s.io': spec, 'networkpolicies.networking.k8s.io': spec,
  'endpointslices.discovery.k8s.io': ['addressType', 'endpoints', 'ports', 'labels'],
  'priorityclasses.scheduling.k8s.io': [],
  'flowschemas.flowcontrol.apiserver.k8s.io': spec, 'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': spec,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': ['webhooks'],
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': ['webhooks'],
  'validatingadmissionpolicies.admissionregistration.k8s.io': spec,
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': spec,
  'mutatingadmissionpolicies.admissionregistration.k8s.io': spec,
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': spec,
  'customresourcedefinitions.apiextensions.k8s.io': spec,
  'deviceclasses.resource.k8s.io': spec, 'resourceslices.resource.k8s.io': spec,
};

const rbac = 'rbac.authorization.k8s.io';

/** A PUT to a name that is not there makes it. */
const createdOnUpdate: ReadonlySet<string> = new Set([
  'endpoints', 'events', 'limitranges', 'services', 'events.events.k8s.io', 'leases.coordination.k8s.io', 'runtimeclasses.node.k8s.io',
  `roles.${rbac}`, `rolebindings.${rbac}`, `clusterroles.${rbac}`, `clusterrolebindings.${rbac}`,
]);

/** A PUT must say which version it is based on. */
const conditionalOnly: ReadonlySet<string> = new Set([
  'leases.coordination.k8s.io', 'poddisruptionbudgets.policy', 'runtimeclasses.node.k8s.io',
  'csidrivers.storage.k8s.io', 'csinodes.storage.k8s.io', 'csistoragecapacities.storage.k8s.io', 'volumeattachments.storage.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io', 'apiservices.apiregistration.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io', 'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingadmissionpolicies.admissionregistration.k8s.io', 'validatingadmissionpolicybindings.admissionregistration.k8s.io',
  'mutatingadmissionpolicies.admissionregistration.k8s.io', 'mutatingadmissionpolicybindings.admissionregistration.k8s.io',
]);

const metadataLast: ReadonlySet<string> = new Set(['events', 'events.events.k8s.io', 'poddisruptionbudgets.policy']);

const names: Readonly<Record<string, NonNullable<Strategy['nameRule']>>> = {
  services: 'dns1035-label', namespaces: 'dns1123-label', events: 'path-segment', 'events.events.k8s.io': 'path-segment',
  'statefulsets.apps': 'dns1123-label', 'certificatesigningrequests.certificates.k8s.io': 'path-segment',
  'poddisruptionbudgets.policy': 'path-segment',
  [`roles.${rbac}`]: 'path-segment', [`rolebindings.${rbac}`]: 'path-segment', [`clusterroles.${rbac}`]: 'path-segment', [`clusterrolebindings.${rbac}`]: 'path-segment',
  'apiservices.apiregistration.k8s.io': 'path-segment',
};

const special: Readonly<Record<string, (kind: Kind) => Strategy>> = {
  pods: () => podStrategy,
  services: () => serviceStrategy,
  secrets: () => secretStrategy,
  serviceaccounts: () => serviceAccountStrategy,
  namespaces: () => namespaceStrategy,
  nodes: () => nodeStrategy,
  limitranges: limitRangeStrategy,
  'customresourcedefinitions.apiextensions.k8s.io': customResourceDefinitionStrategy,
  'apiservices.apiregistration.k8s.io': apiServiceStrategy,
  persistentvolumes: persistentVolumeStrategy,
  persistentvolumeclaims: persistentVolumeClaimStrategy,
  'csidrivers.storage.k8s.io': driverStrategy,
  'endpointslices.discovery.k8s.io': endpointSliceStrategy,
  'leases.coordination.k8s.io': leaseStrategy,
  'deployments.apps': deploymentStrategy,
  'daemonsets.apps': daemonSetStrategy,
  'jobs.batch': jobStrategy,
  'certificatesigningrequests.certificates.k8s.io': () => certificateSigningRequestStrategy,
  'resourceclaims.resource.k8s.io': resourceClaimStrategy,
  'resourceclaimtemplates.resource.k8s.io': resourceClaimTemplateStrategy,
};

/** Where the pod template of a kind stands. */
const templates: Readonly<Record<string, readonly string[]>> = {
  podtemplates: ['template'], 'cronjobs.batch': ['spec', 'jobTemplate', 'spec', 'template'],
  ...Object.fromEntries(['replicationcontrollers', 'deployments.apps', 'replicasets.apps', 'statefulsets.apps', 'daemonsets.apps', 'jobs.batch'].map((key) => [key, ['spec', 'template']])),
};

const warnings: Readonly<Record<string, NonNullable<Strategy['warnings']>>> = {
  persistentvolumes: persistentVolumeWarnings,
  pods: podWarnings,
  ...Object.fromEntries(Object.entries(templates).map(([key, path]) => [key, templateWarnings(...path)])),
  ...Object.fromEntries(['replicationcontrollers', 'deployments.apps', 'replicasets.apps', 'jobs.batch', 'cronjobs.batch'].map((key) => [key, namedWarnings(templateWarnings(...templates[key] as readonly string[]))])),
  'statefulsets.apps': (object, old) => [
    ...templateWarnings('spec', 'template')(object, old),
    ...(specChanged(object, old) ? objects(obj(object, 'spec'), 'volumeClaimTemplates').flatMap((claim, index) => claimSpecWarnings(obj(claim, 'spec'), `spec.volumeClaimTemplates[${index}]`)) : []),
  ],
  'endpointslices.discovery.k8s.io': (slice, old) => (old === undefined && str(slice, 'addressType') === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : []),
  services: serviceWarnings,
  nodes: (node) => (str(obj(node, 'spec'), 'externalID') === '' ? [] : ['spec.externalID: this field is deprecated, and is unused by Kubernetes']),
  persistentvolumeclaims: (object) => claimSpecWarnings(obj(object, 'spec'), 'spec'),
};

/** Drops what is off before generations are counted. */
function withTemplate(base: Strategy, path: readonly string[] | undefined): Strategy {
  if (path === undefined) return base;
  const find = (object: JsonObject): JsonObject | undefined => obj([...path].reduce<JsonObject | undefined>((at, key) => obj(at, key), object), 'spec');
  return {
    ...base,
    prepareForCreate(object, context) {
      dropGatedPodFields(find(object), undefined, context);
      base.prepareForCreate?.(object, context);
    },
    prepareForUpdate(object, old, context) {
      dropGatedPodFields(find(object), find(old), context);
      base.prepareForUpdate?.(object, old, context);
    },
  };
}

const made = new Map<string, Strategy>();

function validation(key: string): Pick<Strategy, 'validate' | 'validateInSteps' | 'validateUpdate'> {
  const validator = validatorOf(key);
  if (validator === undefined) return {};
  return {
    validate: (object, context) => validator.create(object, context),
    ...(validator.createInSteps === undefined ? {} : { validateInSteps: validator.createInSteps }),
    validateUpdate(object, old, context) {
      if (context.subresource === 'status') return validator.updateStatus?.(object, old) ?? [];
      return validator.update === undefined ? validator.create(object, context) : validator.update(object, old, context);
    },
  };
}

function make(group: string, resource: string, key: string): Strategy {
  const described = builtinResource(group, resource);
  const kind: Kind = { resource: described, hasStatus: hasStatus(described), generation: generations[key] };
  const base = withTemplate(special[key]?.(kind) ?? genericStrategy(kind), templates[key]);
  const nameRule = names[key];
  return {
    ...base,
    ...validation(key),
    ...metadataRulesOf(key),
    ...(warnings[key] === undefined ? {} : { warnings: warnings[key] }),
    ...(metadataLast.has(key) ? { metadataLast: true } : {}),
    ...(nameRule === undefined ? {} : { nameRule }),
    allowCreateOnUpdate: createdOnUpdate.has(key),
    allowUnconditionalUpdate: !conditionalOnly.has(key),
  };
}

/** What is special to a built-in kind; for one that is not known here, the generic rules. */
export function strategyFor(group: string, resource: string): Strategy {
  const key = group === '' ? resource : `${resource}.${group}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const strategy = make(group, resource, key);
  made.set(key, strategy);
  return strategy;
}
