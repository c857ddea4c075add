import type { Node, PodSpec, TopologySpreadConstraint } from 'kubernetes-types/core/v1';
import { host, light, requesting, required, term, zone, type PodTemplate, type PodTemplateMaker } from './template-parts.ts';

// What scheduler_perf's event_handling says in templates of these names; its namespaces have numbers here.

const exists = (key: string): Partial<PodSpec> => ({ tolerations: [{ key, operator: 'Exists', effect: 'NoSchedule' }] });
const spread = (label: 'color' | 'topology', constraint: Omit<TopologySpreadConstraint, 'labelSelector' | 'whenUnsatisfiable'>): Partial<PodSpec> =>
  ({ topologySpreadConstraints: [{ ...constraint, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { [label]: 'blue' } } }] });
const near = (color: string, topologyKey: string, namespaces: { readonly namespaces?: string[] } = {}): Partial<PodSpec> => ({ affinity: { podAffinity: required(term(color, topologyKey, namespaces)) } });
const apart = (color: string, namespace: string): Partial<PodSpec> => ({ affinity: { podAntiAffinity: required(term(color, host, { namespaces: [namespace] })) } });

const allowed = { labels: { affinity: 'allow', topology: 'allow', [zone]: 'zone1' } } as const;
const inAllowed = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'affinity', operator: 'In', values: ['allow'] }] }] } } };
const unsched = { type: 'unsched' } as const;
const ports = 12;
const portOf = (index: number): number => Number(`8${index % ports}`);
/** Of a node's 32 GiB, which all blockers together nearly take. */
const shareOf = (count: number): string => `${Math.floor(30_000 / count)}Mi`;
const podsANode = 10;

export const eventPodTemplates = {
  'poddelete-pod-blocker-topology-ports-resources': (index: number) => ({
    labels: { topology: 'blue', type: 'blocker' },
    spec: requesting({ cpu: '0.35', memory: '3Gi' }, { terminationGracePeriodSeconds: 0, ...spread('topology', { maxSkew: 10, minDomains: 10_000, topologyKey: host }) }, portOf(index)),
  }),
  'poddelete-pod-blocker-affinity': { labels: { color: 'green', type: 'blocker' }, spec: light() },
  'poddelete-pod-podtopologyspread': { labels: { topology: 'blue', ...unsched }, spec: light(spread('topology', { maxSkew: 11, minDomains: 10_000, topologyKey: host })) },
  'poddelete-pod-volumerestrictions': (index: number) => ({ labels: unsched, spec: light({ volumes: [{ name: 'vol', persistentVolumeClaim: { claimName: `pvc-blocker-${index}` } }] }) }),
  'poddelete-pod-nodeports': (index: number) => ({ labels: unsched, spec: requesting({}, {}, portOf(index)) }),
  'poddelete-pod-noderesources': { labels: unsched, spec: requesting({ cpu: '0.2', memory: '1Gi' }) },
  'poddelete-pod-nodevolumelimits': { labels: unsched, spec: light() },
  'poddelete-pod-interpodaffinity': { labels: { color: 'green', ...unsched }, spec: light(apart('green', 'blocker-1')) },

  'podupdate-pod-nodeunschedulable': { labels: unsched, spec: light() },
  'podupdate-pod-tainttoleration': { labels: unsched, spec: light() },
  'podupdate-pod-blocker': (index: number, count: number) => ({ labels: { color: `green-${index}`, topology: 'blue' }, spec: requesting({ cpu: '0.0001', memory: shareOf(count) }) }),
  'podupdate-pod-interpodaffinity': (index: number) => ({ labels: { color: `green-${index}`, ...unsched }, spec: light(apart(`green-${index}`, 'blocker-0')) }),
  'podupdate-pod-noderesources': (_index: number, count: number) => ({ labels: unsched, spec: requesting({ cpu: '0.0001', memory: shareOf(count) }) }),
  'podupdate-pod-podtopologyspread': (_index: number, count: number) => ({ labels: { topology: 'blue', ...unsched }, spec: light(spread('topology', { maxSkew: count, minDomains: 100, topologyKey: host })) }),
  'podupdate-pod-schedulinggates': { labels: unsched, spec: light({ schedulingGates: [{ name: 'test.k8s.io/hold' }] }) },

  'node-pod-nodeunschedulable': { spec: light(exists('allow')) },
  'node-pod-interpodaffinity': { labels: { color: 'green' }, spec: light({ ...exists('allow'), ...near('green', zone) }) },
  'node-pod-nodeaffinity': { spec: light({ ...exists('allow'), affinity: inAllowed }) },
  'nodeadd-pod-noderesources': { spec: requesting({ cpu: '0.2', memory: '200Mi' }, exists('allow')) },
  'nodeadd-pod-podtopologyspread': { labels: { color: 'blue' }, spec: light({ ...exists('allow'), ...spread('color', { maxSkew: 1000, minDomains: 10_000, topologyKey: 'topology' }) }) },
  'nodeadd-pod-tainttoleration': { spec: light(exists('toleration')) },
  'nodeupdate-pod-noderesources': { spec: requesting({ cpu: '0.35', memory: '3Gi' }, exists('allow-noderesources')) },
  'nodeupdate-pod-podtopologyspread': { labels: { color: 'blue' }, spec: light({ ...exists('allow'), ...spread('color', { maxSkew: 1, minDomains: 1, topologyKey: 'topology' }) }) },
  'nodeupdate-pod-tainttoleration': (index: number) => ({ spec: light(exists(`toleration-${Math.floor(index / podsANode)}`)) }),

  'podadd-pod-with-label': { labels: { color: 'green' }, spec: light() },
  'podadd-pod-podtopologyspread': { labels: { topology: 'blue', ...unsched }, spec: light({ ...apart('green', 'podtopologyspread-0'), ...spread('topology', { maxSkew: 1, topologyKey: host }) }) },
  'podadd-pod-interpodaffinity': (index: number) => ({ labels: unsched, spec: light(near(`yellow-${index}`, host, { namespaces: ['interpodaffinity-0'] })) }),
  'podadd-pod-unblocker-topology': { labels: { topology: 'blue', color: 'green' }, spec: light(near('green', host, { namespaces: ['podtopologyspread-0'] })) },
  'podadd-pod-unblocker-affinity': (index: number) => ({ labels: { color: `yellow-${index}` }, spec: light() }),
} as const satisfies Readonly<Record<string, PodTemplate | PodTemplateMaker>>;

const ordinary = { cpu: '4', memory: '32Gi', pods: '3000' };
const tainted = (key: string) => ({ taints: [{ key, effect: 'NoSchedule' }] });

export const eventNodeTemplates = {
  'podupdate-node-unschedulable': { capacity: { ...ordinary, pods: '90000' }, spec: { unschedulable: true } },
  'podupdate-node-with-taint': { capacity: { ...ordinary, pods: '90000' }, spec: tainted('toleration') },
  'nodeadd-node-unschedulable': { capacity: ordinary, spec: { unschedulable: true, ...tainted('allow') }, ...allowed },
  'nodeadd-node-low-capacity': { capacity: { cpu: '0.1', memory: '100Mi', pods: '3000' }, spec: tainted('allow') },
  'nodeadd-node-high-capacity': { capacity: { cpu: '200', memory: '200Gi', pods: '3000' }, spec: tainted('allow') },
  'nodeadd-node-with-labels': { capacity: ordinary, spec: tainted('allow'), ...allowed },
  'nodeadd-node-with-taint': { capacity: ordinary, spec: tainted('toleration') },
  'nodeupdate-node-unschedulable': { capacity: ordinary, spec: { unschedulable: true, ...tainted('allow') } },
  'nodeupdate-node-low-capacity': { capacity: { cpu: '0.0001', memory: '1Mi', pods: '3000' }, spec: tainted('allow-noderesources') },
  'node-tainted-allow': { capacity: ordinary, spec: tainted('allow') },
  'podadd-node': { capacity: ordinary },
} as const satisfies Readonly<Record<string, { readonly capacity: Readonly<Record<string, string>>; readonly spec?: Node['spec']; readonly labels?: Readonly<Record<string, string>> }>>;

/** A merge patch of the object, and one of its status. */
export interface Update { readonly patch?: object; readonly status?: object }
export type UpdateMaker = (index: number) => Update;

const freed = requesting({ cpu: '0.0001', memory: '1Mi' }).containers;

export const updateTemplates = {
  'podupdate-pod-nodeunschedulable-update': () => ({ patch: { spec: exists('node.kubernetes.io/unschedulable') } }),
  'podupdate-pod-tainttoleration-update': () => ({ patch: { spec: exists('toleration') } }),
  'podupdate-pod-blocker-update': () => ({ patch: { metadata: { labels: { color: null, topology: null } } } }),
  'podupdate-pod-blocker-scale-down': () => ({ patch: { spec: { containers: freed } } }),
  'podupdate-pod-schedulinggates-update': () => ({ patch: { spec: { schedulingGates: null } } }),
  'nodeupdate-node-unschedulable-update': () => ({ patch: { spec: { unschedulable: false } } }),
  'nodeupdate-node-low-capacity-update': () => ({ status: { capacity: ordinary, allocatable: ordinary } }),
  'nodeupdate-node-without-labels-update': () => ({ patch: { metadata: allowed } }),
  'nodeupdate-node-without-taints-update': (index: number) => ({ patch: { spec: tainted(`toleration-${index}`) } }),
} as const satisfies Readonly<Record<string, UpdateMaker>>;

export type UpdateTemplateName = keyof typeof updateTemplates;
