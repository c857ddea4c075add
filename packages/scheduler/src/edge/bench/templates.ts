import type { Affinity, Node, Pod, PodAffinityTerm, PodSpec, Service, TopologySpreadConstraint } from 'kubernetes-types/core/v1';

/** Pods of high priority belong to this class, so that servers with the Priority plugin take them. */
export const highPriority = { className: 'cox-bench-high', value: 10 } as const;
export const middlePriority = { className: 'cox-bench-middle', value: 5 } as const;
export const priorities = [highPriority, middlePriority] as const;
/** Of everything that a run makes. */
export const runLabel = 'cox-bench';

interface PodTemplate { readonly labels?: Readonly<Record<string, string>>; readonly finalizers?: readonly string[]; readonly spec: Partial<PodSpec> }

const image = 'registry.k8s.io/pause:3.10';

function asking(requests: Readonly<Record<string, string>>, spec: Partial<PodSpec> = {}): Partial<PodSpec> {
  return { containers: [{ name: 'pause', image, ports: [{ containerPort: 80 }], resources: { requests, limits: requests } }], ...spec };
}

const small = (spec: Partial<PodSpec> = {}): Partial<PodSpec> => asking({ cpu: '100m', memory: '500Mi' }, spec);
const light = (spec: Partial<PodSpec> = {}): Partial<PodSpec> => ({ containers: [{ name: 'pause', image }], terminationGracePeriodSeconds: 0, ...spec });

function term(color: string, topologyKey: string, where: Pick<PodAffinityTerm, 'namespaces' | 'namespaceSelector'>): PodAffinityTerm {
  return { labelSelector: { matchLabels: { color } }, topologyKey, ...where };
}

const host = 'kubernetes.io/hostname';
const zone = 'topology.kubernetes.io/zone';
const twoNamespaces = { namespaces: ['sched-1', 'sched-0'] };
const byLabel = { namespaceSelector: { matchLabels: { team: 'devops' } } };
const required = (one: PodAffinityTerm) => ({ requiredDuringSchedulingIgnoredDuringExecution: [one] });
const preferred = (podAffinityTerm: PodAffinityTerm) => ({ preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm }] });

function near(color: string, affinity: Affinity): PodTemplate {
  return { labels: { color }, spec: small({ affinity }) };
}

function spread(labels: Readonly<Record<string, string>>, constraint: Omit<TopologySpreadConstraint, 'labelSelector'>): PodTemplate {
  return { labels, spec: small({ topologySpreadConstraints: [{ ...constraint, labelSelector: { matchLabels: labels } }] }) };
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
} as const satisfies Readonly<Record<string, PodTemplate>>;

export type PodTemplateName = keyof typeof podTemplates;

interface NodeTemplate { readonly capacity: Readonly<Record<string, string>>; readonly spec?: Node['spec'] }

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
} as const satisfies Readonly<Record<string, NodeTemplate>>;

export type NodeTemplateName = keyof typeof nodeTemplates;

/** As an API server would store it, which fills in the allocatable. */
export function makeNode(template: NodeTemplateName, name: string, labels: Readonly<Record<string, string>>): Node {
  const { capacity, spec = {} }: NodeTemplate = nodeTemplates[template];
  return {
    apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { [host]: name, [runLabel]: 'true', ...labels } }, spec,
    status: { capacity, allocatable: capacity, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

export function makePod(template: PodTemplateName, namespace: string, name: string, schedulerName: string): Pod {
  const { labels, finalizers, spec }: PodTemplate = podTemplates[template];
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name, namespace, labels: { ...labels }, ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }) },
    spec: { ...spec, schedulerName, containers: spec.containers ?? [] },
  };
}

export function makeService(namespace: string, name: string): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { selector: { app: 'foo' }, ports: [{ protocol: 'TCP', port: 8080, targetPort: 8080 }] } };
}
