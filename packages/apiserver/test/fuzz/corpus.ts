import { apiDescription, apiVersionOf, builtinResources, encodeProtobuf, normalizeObject, type ApiResource, type FieldDescription, type FieldShape, type Json, type JsonObject } from '@coxswain/api';
import type { Dice } from './dice.ts';
import { oddValue } from './values.ts';

const plain = ['a', 'b', 'default', 'v1', 'Pod', 'x', 'system:nodes', '1.2.3.4', 'https://127.0.0.1:1/', 'Always', 'true', 'kube-system', '*'];
const fixed: Readonly<Record<string, Json>> = { apiVersion: 'v1', uid: '4f3c2b1a-0000-4000-8000-000000000001', namespace: 'fuzz', apiGroups: ['*'], operations: ['*'] };

function shaped(dice: Dice, shape: FieldShape, depth: number, field?: FieldDescription): Json {
  switch (shape.kind) {
    case 'string': return field?.enum !== undefined && !dice.once(8) ? dice.of(field.enum) : dice.of(plain);
    case 'boolean': return dice.once(2);
    case 'integer': return dice.of([0, 1, 2, 80, 443, 1000, 30_000]);
    case 'number': return dice.of([0, 0.5, 1]);
    case 'bytes': return dice.of(['', 'YQ==', 'AAECAw==']);
    case 'time': return '2024-05-06T07:08:09Z';
    case 'micro-time': return '2024-05-06T07:08:09.123456Z';
    case 'duration': return dice.of(['1h0m0s', '30s']);
    case 'quantity': return dice.of(['1', '100m', '1Gi', '0']);
    case 'int-or-string': return dice.of<Json>([80, '25%', 'http']);
    case 'any': return { a: 1, b: 'c' };
    case 'deduced': return oddValue(dice);
    case 'object': return objectOf(dice, shape.type, depth - 1);
    case 'list': return depth <= 0 ? [] : Array.from({ length: dice.size(3) }, () => shaped(dice, shape.of, depth - 1));
    case 'map': return depth <= 0 ? {} : { [dice.of(plain)]: shaped(dice, shape.of, depth - 1) };
  }
}

/** An object of a described type: what it needs, and some of what it may have. */
function objectOf(dice: Dice, type: string, depth: number): JsonObject {
  const object: JsonObject = {};
  for (const [name, field] of apiDescription.type(type).fields) {
    const wanted = field.required || dice.once(depth > 2 ? 2 : 5);
    if (!wanted || (depth <= 0 && !field.required) || depth < -6 || name === 'managedFields' || name === 'finalizers' || name === 'deletionTimestamp' || name === 'ownerReferences') continue;
    object[name] = fixed[name] !== undefined && !dice.once(5) ? structuredClone(fixed[name]) : shaped(dice, field.shape, depth, field);
  }
  return object;
}

export function generated(dice: Dice, resource: Pick<ApiResource, 'group' | 'version' | 'kind' | 'typeName'>, name: string, depth = 5): JsonObject {
  if (!apiDescription.hasType(resource.typeName)) return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name } };
  return { ...objectOf(dice, resource.typeName, depth), apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name } };
}

const container: JsonObject = { name: 'c', image: 'example.com/app:1', resources: { requests: { cpu: '100m' }, limits: { cpu: '1', memory: '1Gi' } }, ports: [{ containerPort: 80, name: 'http' }], livenessProbe: { httpGet: { path: '/', port: 'http' } }, env: [{ name: 'A', value: 'b' }] };
const podSpec: JsonObject = { containers: [container], volumes: [{ name: 'v', emptyDir: {} }], affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }] } } }, tolerations: [{ key: 'a', operator: 'Exists' }] };
const template: JsonObject = { metadata: { labels: { a: 'b' } }, spec: podSpec };
const workload: JsonObject = { selector: { matchLabels: { a: 'b' } }, template };
const rules: JsonObject[] = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] }];
const webhook: JsonObject = { name: 'a.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Ignore', timeoutSeconds: 1, clientConfig: { url: 'https://127.0.0.1:1/' }, rules: structuredClone(rules), matchConditions: [{ name: 'a', expression: 'object.metadata.name != "x"' }], namespaceSelector: { matchLabels: { a: 'b' } } };
const schema: JsonObject = {
  type: 'object', properties: {
    spec: { type: 'object', required: ['size'], properties: { size: { type: 'integer', minimum: 0, maximum: 100, default: 3 }, text: { type: 'string', pattern: '^[a-z]+$', maxLength: 100 }, list: { type: 'array', maxItems: 10, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } }, any: { 'x-kubernetes-preserve-unknown-fields': true }, port: { 'x-kubernetes-int-or-string': true } }, 'x-kubernetes-validations': [{ rule: 'self.size < 50', message: 'too large' }, { rule: 'self.size >= oldSelf.size' }] },
    status: { type: 'object', properties: { replicas: { type: 'integer' } } },
  },
};
const selfReview: JsonObject = { resourceAttributes: { namespace: 'fuzz', verb: 'get', resource: 'pods', fieldSelector: { requirements: [{ key: 'a', operator: 'In', values: ['b'] }] } } };

/** Right ones: group, version, resource and what is to stand beside apiVersion, kind and metadata. */
const templates: Readonly<Record<string, JsonObject>> = {
  '/v1/pods': { spec: podSpec }, '/v1/configmaps': { data: { a: 'b' } }, '/v1/secrets': { data: { a: 'YQ==' }, type: 'Opaque' }, '/v1/services': { spec: { selector: { a: 'b' }, ports: [{ port: 80, targetPort: 'http' }] } }, '/v1/namespaces': {}, '/v1/serviceaccounts': {},
  '/v1/nodes': { spec: { podCIDR: '10.1.0.0/24', taints: [{ key: 'a', effect: 'NoSchedule' }] } }, '/v1/persistentvolumes': { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/a' } } }, '/v1/persistentvolumeclaims': { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  '/v1/resourcequotas': { spec: { hard: { 'count/foos': '1000' } } }, '/v1/limitranges': { spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } }, '/v1/endpoints': { subsets: [{ addresses: [{ ip: '1.2.3.4' }], ports: [{ port: 80 }] }] }, '/v1/events': { involvedObject: { namespace: 'fuzz' }, reason: 'a' }, '/v1/replicationcontrollers': { spec: { selector: { a: 'b' }, template } },
  'apps/v1/deployments': { spec: workload }, 'apps/v1/statefulsets': { spec: { ...workload, serviceName: 'a' } }, 'apps/v1/daemonsets': { spec: workload }, 'apps/v1/replicasets': { spec: workload }, 'batch/v1/jobs': { spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } }, 'batch/v1/cronjobs': { spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } } } },
  'autoscaling/v2/horizontalpodautoscalers': { spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'a', apiVersion: 'apps/v1' }, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }] } }, 'networking.k8s.io/v1/ingresses': { spec: { rules: [{ host: 'a.b', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'a', port: { number: 80 } } } }] } }] } },
  'networking.k8s.io/v1/networkpolicies': { spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }] } }, 'policy/v1/poddisruptionbudgets': { spec: { selector: { matchLabels: { a: 'b' } }, minAvailable: '25%' } }, 'coordination.k8s.io/v1/leases': { spec: { holderIdentity: 'a', leaseDurationSeconds: 10 } }, 'storage.k8s.io/v1/storageclasses': { provisioner: 'a.b' },
  'rbac.authorization.k8s.io/v1/roles': { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }, 'rbac.authorization.k8s.io/v1/clusterroles': { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }], aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } }, 'rbac.authorization.k8s.io/v1/rolebindings': { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'a' }, subjects: [{ kind: 'User', name: 'nobody', apiGroup: 'rbac.authorization.k8s.io' }] },
  'discovery.k8s.io/v1/endpointslices': { addressType: 'IPv4', endpoints: [{ addresses: ['1.2.3.4'] }], ports: [{ port: 80, name: '' }] }, 'scheduling.k8s.io/v1/priorityclasses': { value: 10 }, 'certificates.k8s.io/v1/certificatesigningrequests': { spec: { request: 'YQ==', signerName: 'a.b/c', usages: ['client auth'] } },
  'flowcontrol.apiserver.k8s.io/v1/flowschemas': { spec: { matchingPrecedence: 9999, priorityLevelConfiguration: { name: 'global-default' }, rules: [{ subjects: [{ kind: 'User', user: { name: 'nobody' } }], resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['a'] }] }] } },
  'apiextensions.k8s.io/v1/customresourcedefinitions': { spec: { group: 'fuzz.example.com', scope: 'Namespaced', names: { plural: 'foos', kind: 'Foo' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.replicas' } }, selectableFields: [{ jsonPath: '.spec.text' }], additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.text' }] }] } },
  'admissionregistration.k8s.io/v1/validatingwebhookconfigurations': { webhooks: [webhook] }, 'admissionregistration.k8s.io/v1/mutatingwebhookconfigurations': { webhooks: [{ ...webhook, reinvocationPolicy: 'IfNeeded' }] },
  'admissionregistration.k8s.io/v1/validatingadmissionpolicies': { spec: { matchConstraints: { resourceRules: rules }, validations: [{ expression: 'object.metadata.name != "x"', messageExpression: '"a" + object.metadata.name' }], variables: [{ name: 'x', expression: 'object.data' }], auditAnnotations: [{ key: 'a', valueExpression: '"b"' }], matchConditions: [{ name: 'a', expression: 'true' }] } },
  'admissionregistration.k8s.io/v1/validatingadmissionpolicybindings': { spec: { policyName: 'p1', validationActions: ['Deny'] } }, 'apiregistration.k8s.io/v1/apiservices': { spec: { group: 'agg.example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 10, service: { name: 'a', namespace: 'fuzz' }, insecureSkipTLSVerify: true } },
  'authorization.k8s.io/v1/subjectaccessreviews': { spec: { ...selfReview, user: 'nobody', groups: ['a'] } }, 'authorization.k8s.io/v1/selfsubjectaccessreviews': { spec: selfReview }, 'authorization.k8s.io/v1/localsubjectaccessreviews': { spec: { ...selfReview, user: 'nobody' } }, 'authorization.k8s.io/v1/selfsubjectrulesreviews': { spec: { namespace: 'fuzz' } }, 'authentication.k8s.io/v1/tokenreviews': { spec: { token: 'a.b.c' } },
};

/** A kind with a right object of it; `foos` are what the definitions above make. */
export type FuzzKind = Pick<ApiResource, 'group' | 'version' | 'resource' | 'kind' | 'namespaced' | 'verbs' | 'subresources' | 'typeName'>;

const foos: FuzzKind = { group: 'fuzz.example.com', version: 'v1', resource: 'foos', kind: 'Foo', namespaced: true, verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'], subresources: [{ name: 'status', group: 'fuzz.example.com', version: 'v1', kind: 'Foo', verbs: ['get', 'update', 'patch'] }, { name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'update', 'patch'] }], typeName: 'Foo' };
export const fuzzKinds: readonly FuzzKind[] = [...builtinResources, foos, foos, foos];

export const keyOf = (kind: FuzzKind): string => `${kind.group}/${kind.version}/${kind.resource}`;
export const templated: readonly FuzzKind[] = fuzzKinds.filter((kind) => kind === foos || Object.hasOwn(templates, keyOf(kind)));

/** Further valid objects, as JSON, that the machine happens to have. */
export class Corpus {
  readonly #more: ReadonlyMap<string, readonly JsonObject[]>;

  constructor(more: readonly JsonObject[] = []) {
    this.#more = Map.groupBy(more, (object) => `${object['apiVersion'] as string} ${object['kind'] as string}`);
  }

  valid(dice: Dice, kind: FuzzKind, name: string): JsonObject {
    const more = this.#more.get(`${apiVersionOf(kind)} ${kind.kind}`);
    if (more !== undefined && dice.once(3)) return { ...structuredClone(dice.of(more)), metadata: { name } };
    const beside = kind === foos ? { spec: { size: dice.of([1, 10, 60]), text: 'abc', list: [{ name: 'a' }], any: { x: [1] } } } : templates[keyOf(kind)];
    if (beside === undefined || dice.once(4)) return generated(dice, kind, name);
    const named = kind.resource === 'customresourcedefinitions' ? 'foos.fuzz.example.com' : kind.resource === 'apiservices' ? 'v1.agg.example.com' : name;
    return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: named, labels: { a: 'b' } }, ...structuredClone(beside) };
  }
}

/** undefined: it has no such form. */
export function inProtobuf(kind: FuzzKind, object: JsonObject): Uint8Array | undefined {
  if (!apiDescription.hasType(kind.typeName)) return undefined;
  try {
    return encodeProtobuf(kind.typeName, normalizeObject(kind.typeName, object));
  } catch {
    return undefined;
  }
}
