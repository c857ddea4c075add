import type { JsonObject } from '../resource.ts';
import { child, ensure, isEmpty, isUnset, setDefault, setDefaults, setPointerDefaults, type SetDefaults } from './helpers.ts';

const rbac = 'io.k8s.api.rbac.v1';
const rbacGroup = 'rbac.authorization.k8s.io';
const networking = 'io.k8s.api.networking.v1';
const admission = 'io.k8s.api.admissionregistration.v1';
const [betaAdmission, alphaAdmission] = [`${admission}beta1`, `${admission}alpha1`];
const flowcontrol = 'io.k8s.api.flowcontrol.v1';
const apiextensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

const networkPolicy: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  if (isEmpty(spec['policyTypes'])) spec['policyTypes'] = isEmpty(spec['egress']) ? ['Ingress'] : ['Ingress', 'Egress'];
};

const ingressClass: SetDefaults = (object) => {
  const parameters = child(ensure(object, 'spec'), 'parameters');
  if (parameters !== undefined) parameters['scope'] ??= 'Cluster';
};

const subject: SetDefaults = (object) => {
  if (object['kind'] === 'User' || object['kind'] === 'Group') setDefault(object, 'apiGroup', rbacGroup);
};

const webhook = setPointerDefaults({ failurePolicy: 'Fail', matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, timeoutSeconds: 10 });

const mutatingWebhook: SetDefaults = (object) => {
  webhook(object);
  object['reinvocationPolicy'] ??= 'Never';
};

function queuing(response: JsonObject): void {
  if (response['type'] !== 'Queue') return;
  const settings = child(response, 'queuing');
  if (settings === undefined) return;
  for (const [key, value] of [['queues', 64], ['handSize', 8], ['queueLengthLimit', 50]] as const) if (isUnset(settings[key]) || settings[key] === 0) settings[key] = value;
}

const limited: SetDefaults = (object) => {
  setDefault(object, 'nominalConcurrencyShares', 30);
  setDefault(object, 'lendablePercent', 0);
  const response = child(object, 'limitResponse');
  if (response !== undefined) queuing(response);
};

const flowSchema: SetDefaults = (object) => {
  if (!object['matchingPrecedence']) object['matchingPrecedence'] = 1000;
};

const definition: SetDefaults = (object) => {
  const spec = ensure(object, 'spec');
  const names = ensure(spec, 'names');
  const kind = typeof names['kind'] === 'string' ? names['kind'] : '';
  if (kind !== '') {
    setDefault(names, 'singular', kind.toLowerCase());
    setDefault(names, 'listKind', `${kind}List`);
  }
  setDefault(ensure(spec, 'conversion'), 'strategy', 'None');
};

const deviceRequest: SetDefaults = (object) => {
  if (isUnset(object['allocationMode']) || object['allocationMode'] === '') object['allocationMode'] = 'ExactCount';
  if (object['allocationMode'] === 'ExactCount' && !object['count']) object['count'] = 1;
};

const port443 = setDefaults({ port: 443 });

export const otherDefaults: Readonly<Record<string, SetDefaults>> = {
  [`${networking}.NetworkPolicy`]: networkPolicy,
  [`${networking}.NetworkPolicyPort`]: setPointerDefaults({ protocol: 'TCP' }),
  [`${networking}.IngressClass`]: ingressClass,
  'io.k8s.api.discovery.v1.EndpointPort': (object) => {
    object['name'] ??= '';
    object['protocol'] ??= 'TCP';
  },
  [`${rbac}.RoleBinding`]: (object) => setDefault(ensure(object, 'roleRef'), 'apiGroup', rbacGroup),
  [`${rbac}.ClusterRoleBinding`]: (object) => setDefault(ensure(object, 'roleRef'), 'apiGroup', rbacGroup),
  [`${rbac}.Subject`]: subject,
  'io.k8s.api.scheduling.v1.PriorityClass': setPointerDefaults({ preemptionPolicy: 'PreemptLowerPriority' }),
  'io.k8s.api.storage.v1.StorageClass': setPointerDefaults({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  'io.k8s.api.storage.v1.CSIDriverSpec': (object) => {
    setPointerDefaults({ attachRequired: true, podInfoOnMount: false, storageCapacity: false, fsGroupPolicy: 'ReadWriteOnceWithFSType', requiresRepublish: false, seLinuxMount: false })(object);
    if (isEmpty(object['volumeLifecycleModes'])) object['volumeLifecycleModes'] = ['Persistent'];
  },
  [`${flowcontrol}.FlowSchemaSpec`]: flowSchema,
  [`${flowcontrol}.LimitedPriorityLevelConfiguration`]: limited,
  [`${flowcontrol}.ExemptPriorityLevelConfiguration`]: setDefaults({ nominalConcurrencyShares: 0, lendablePercent: 0 }),
  [`${admission}.ValidatingWebhook`]: webhook,
  [`${admission}.MutatingWebhook`]: mutatingWebhook,
  [`${admission}.RuleWithOperations`]: setPointerDefaults({ scope: '*' }),
  [`${admission}.ServiceReference`]: port443,
  ...Object.fromEntries([admission, betaAdmission, alphaAdmission].flatMap((version) => [
    [`${version}.ValidatingAdmissionPolicySpec`, setPointerDefaults({ failurePolicy: 'Fail' })],
    [`${version}.MutatingAdmissionPolicySpec`, setPointerDefaults({ failurePolicy: 'Fail' })],
    [`${version}.MatchResources`, setPointerDefaults({ namespaceSelector: {}, objectSelector: {}, matchPolicy: 'Equivalent' })],
    [`${version}.NamedRuleWithOperations`, setPointerDefaults({ scope: '*' })],
    [`${version}.ParamRef`, setPointerDefaults({ parameterNotFoundAction: 'Deny' })],
  ])),
  [`${apiextensions}.CustomResourceDefinition`]: definition,
  [`${apiextensions}.ServiceReference`]: port443,
  'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference': port443,
  ...Object.fromEntries(['v1beta1', 'v1alpha3'].map((version) => [`io.k8s.api.resource.${version}.DeviceRequest`, deviceRequest])),
  'io.k8s.api.authentication.v1.TokenRequestSpec': setDefaults({ expirationSeconds: 3600 }),
};
