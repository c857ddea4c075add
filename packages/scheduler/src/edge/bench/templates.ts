import type { Affinity, Node, Pod, PodSpec, Service, TopologySpreadConstraint } from 'kubernetes-types/core/v1';
import { claimTemplateName } from './devices.ts';
import { eventNodeTemplates, eventPodTemplates } from './event-templates.ts';
import { asking, host, light, preferred, requesting, required, small, term, zone, type PodTemplate, type PodTemplateMaker } from './template-parts.ts';

/** Pods of high priority belong to this class, so that servers with the Priority plugin take them. */
const highPriority = { className: 'cox-bench-high', value: 10 } as const;
const middlePriority = { className: 'cox-bench-middle', value: 5 } as const;
export const priorities = [highPriority, middlePriority] as const;
/** Of namespaces and nodes; as an annotation, of everything that a run makes in somebody else's cluster. */
export const runLabel = 'cox-bench';

const twoNamespaces = { namespaces: ['sched-1', 'sched-0'] };
const byLabel = { namespaceSelector: { matchLabels: { team: 'devops' } } };

function near(color: string, affinity: Affinity): PodTemplate {
  return { labels: { color }, spec: small({ affinity }) };
}

function spread(labels: Readonly<Record<string, string>>, constraint: Omit<TopologySpreadConstraint, 'labelSelector'>): PodTemplate {
  return { labels, spec: small({ topologySpreadConstraints: [{ ...constraint, labelSelector: { matchLabels: labels } }] }) };
}

/** Of one of two hundred Deployments, whose versions are each spread over zones that have not lost their nodes. */
function ofDeployment(index: number, version: string): PodTemplate {
  const app = `app-${index % 200}`;
  const constraint = { maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule', nodeTaintsPolicy: 'Honor', matchLabelKeys: ['pod-template-hash'], labelSelector: { matchLabels: { app } } };
  return { labels: { app, 'pod-template-hash': version }, spec: asking({ cpu: '1', memory: '1Gi' }, { terminationGracePeriodSeconds: 0, topologySpreadConstraints: [constraint] }) };
}

/** `resourceClaimTemplateName` is not known to kubernetes-types 1.30. */
function withClaim(): Partial<PodSpec> {
  const resourceClaims: PodSpec['resourceClaims'] = [Object.assign({ name: 'resource' }, { resourceClaimTemplateName: claimTemplateName })];
  const { containers = [], ...spec } = light();
  return { ...spec, containers: containers.map((one) => ({ ...one, resources: { claims: [{ name: 'resource' }] } })), resourceClaims };
}

const inNamedNode = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['scheduler-perf-node'] }] }] };
const inZones = { nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In', values: ['zone1', 'zone2'] }] }] };

/** What scheduler_perf's templates of these names say. */
export const podTemplates = {
  'pod-default': { spec: small() },
  'pod-with-label': { labels: { app: 'scheduler-perf' }, spec: light() },
  'light-pod': { spec: light() },
  'daemonset-pod': { spec: light({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: inNamedNode } } }) },
  'gated-pod': { spec: light({ schedulingGates: [{ name: 'test.k8s.io/hold' }] }) },
  'gated-pod-with-pod-affinity': {
    labels: { app: 'scheduler-perf' },
    spec: light({
      schedulingGates: [{ name: 'scheduling-gate-1' }],
      affinity: { podAffinity: required({ labelSelector: { matchLabels: { app: 'scheduler-perf' } }, topologyKey: host }) },
    }),
  },
  'pod-with-finalizer': { finalizers: ['test.k8s.io/finalizer'], spec: light() },
  'pod-low-priority': { spec: asking({ cpu: '900m', memory: '500Mi' }, { terminationGracePeriodSeconds: 0 }) },
  'pod-high-priority': { spec: asking({ cpu: '3', memory: '500Mi' }, { priorityClassName: highPriority.className }) },
  'pod-high-priority-large-cpu': { spec: asking({ cpu: '9', memory: '500Mi' }, { priorityClassName: highPriority.className }) },
  'pod-middle-priority': { spec: asking({ cpu: '900m', memory: '500Mi' }, { priorityClassName: middlePriority.className }) },
  'pod-large-cpu-in-large-nodes': { spec: asking({ cpu: '6', memory: '4Gi' }) },
  'pod-much-memory': { spec: asking({ cpu: '500m', memory: '24Gi' }) },
  'pod-large-cpu': { spec: asking({ cpu: '9', memory: '500Mi' }) },
  'pod-with-secret-volume': { spec: small({ volumes: [{ name: 'secret', secret: { secretName: 'secret' } }] }) },
  'pod-with-node-affinity': { spec: small({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: inZones } } }) },
  'pod-with-pod-affinity': near('blue', { podAffinity: required(term('blue', zone, twoNamespaces)) }),
  'pod-with-pod-anti-affinity': near('green', { podAntiAffinity: required(term('green', host, twoNamespaces)) }),
  'pod-with-preferred-pod-affinity': near('red', { podAffinity: preferred(term('red', host, twoNamespaces)) }),
  'pod-with-preferred-pod-anti-affinity': near('yellow', { podAntiAffinity: preferred(term('yellow', host, twoNamespaces)) }),
  'pod-affinity-ns-selector': near('blue', { podAffinity: required(term('blue', zone, byLabel)) }),
  'pod-anti-affinity-ns-selector': near('green', { podAntiAffinity: required(term('green', host, byLabel)) }),
  'pod-preferred-affinity-ns-selector': near('red', { podAffinity: preferred(term('red', host, byLabel)) }),
  'pod-preferred-anti-affinity-ns-selector': near('green', { podAntiAffinity: preferred(term('green', host, byLabel)) }),
  'pod-matched-by-anti-affinity': { labels: { color: 'green' }, spec: small() },
  'pod-with-topology-spreading': spread({ color: 'blue' }, { maxSkew: 5, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule' }),
  'pod-with-preferred-topology-spreading': spread({ color: 'blue' }, { maxSkew: 5, topologyKey: zone, whenUnsatisfiable: 'ScheduleAnyway' }),
  'pod-of-service': { labels: { app: 'foo' }, spec: small() },
  'pod-with-node-inclusion-policy': spread({ foo: 'bar' }, { maxSkew: 1, topologyKey: host, whenUnsatisfiable: 'DoNotSchedule', nodeAffinityPolicy: 'Honor', nodeTaintsPolicy: 'Honor' }),
  'pod-with-extended-resource': { spec: asking({ cpu: '100m', memory: '500Mi', 'example.com/foo': '1' }) },
  'pod-with-claim-template': { spec: withClaim() },
  'pod-hostport-80': { spec: requesting({ cpu: '100m', memory: '100Mi' }, {}, 80) },
  'pod-saturation': { spec: requesting({ cpu: '3', memory: '1Gi' }) },
  'pod-of-old-version': (index: number) => ofDeployment(index, 'old'),
  'pod-of-new-version': (index: number) => ofDeployment(index, 'new'),
  ...eventPodTemplates,
} as const satisfies Readonly<Record<string, PodTemplate | PodTemplateMaker>>;

export type PodTemplateName = keyof typeof podTemplates;

/** Of a template that differs from pod to pod, one of `count` pods. */
export function podTemplate(name: PodTemplateName, index = 0, count = 1): PodTemplate {
  const template: PodTemplate | PodTemplateMaker = podTemplates[name];
  return typeof template === 'function' ? template(index, count) : template;
}

interface NodeTemplate { readonly capacity: Readonly<Record<string, string>>; readonly spec?: Node['spec']; readonly labels?: Readonly<Record<string, string>> }

const ordinary = { cpu: '4', memory: '32Gi', pods: '110' };

export const nodeTemplates = {
  'node-default': { capacity: ordinary },
  'node-with-name': { capacity: { ...ordinary, pods: '90000' } },
  'node-with-taint': { capacity: ordinary, spec: { taints: [{ key: 'foo', effect: 'NoSchedule' }] } },
  'node-with-extended-resource': { capacity: { ...ordinary, 'example.com/foo': '1' } },
  'node-small': { capacity: { cpu: '2', memory: '8Gi', pods: '110' } },
  'node-large': { capacity: { cpu: '32', memory: '128Gi', pods: '250' } },
  'node-with-much-memory': { capacity: { cpu: '8', memory: '512Gi', pods: '110' } },
  'node-without-room': { capacity: { cpu: '0', memory: '0', pods: '0' } },
  ...eventNodeTemplates,
} as const satisfies Readonly<Record<string, NodeTemplate>>;

export type NodeTemplateName = keyof typeof nodeTemplates;

/** As an API server would store it, which fills in the allocatable. */
export function makeNode(template: NodeTemplateName, name: string, labels: Readonly<Record<string, string>>): Node {
  const { capacity, spec = {}, labels: own }: NodeTemplate = nodeTemplates[template];
  return {
    apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { [host]: name, [runLabel]: 'true', ...own, ...labels } }, spec,
    status: { capacity, allocatable: capacity, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

export function makePod({ labels, finalizers, spec }: PodTemplate, namespace: string, name: string, schedulerName: string): Pod {
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name, namespace, labels: { ...labels }, ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }) },
    spec: { ...spec, schedulerName, containers: spec.containers ?? [] },
  };
}

export function makeService(namespace: string, name: string): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { selector: { app: 'foo' }, ports: [{ protocol: 'TCP', port: 8080, targetPort: 8080 }] } };
}
