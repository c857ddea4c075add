import type { UpdateTemplateName } from './event-templates.ts';
import { eventWorkloads } from './event-workloads.ts';
import type { Needs } from './target.ts';
import { podTemplate, type NodeTemplateName, type PodTemplateName } from './templates.ts';
import type { VolumeTemplateName } from './volumes.ts';

/** A number, or the name of one in the workload's `params`. */
export type Count = number | `$${string}`;

export type ChurnTemplate = PodTemplateName | NodeTemplateName | 'service-default';

/**
 * The words are scheduler_perf's, but for gangs (each so many pods made are a PodGroup of their own), for what is mixed (templates in turn, the
 * named one first), for volumes (one of its own and a claim bound to it for each pod; CSI drivers on the nodes), and for what it has not:
 * `rollingUpdate` (of all pods of a template at once: whenever a new one is bound an old one goes and the next new one comes, `surge` ahead) and
 * `loseZone` (its nodes become unreachable, its pods go, and as many new ones, which are measured, come for them). `stopCollectingMetrics`
 * waits for the pods that are collected; `updateAny` of nodes names their prefix. Claims that are allocated beforehand are made so at once,
 * but for as many devices as are to be left.
 */
export type Op =
  | { readonly opcode: 'createNodes'; readonly count: Count; readonly nodeTemplate?: NodeTemplateName; readonly zones?: readonly string[]; readonly mixedWith?: readonly NodeTemplateName[]; readonly csi?: 'own' | 'migrated'; readonly volumesANode?: number; readonly namePrefix?: string }
  | { readonly opcode: 'createNamespaces'; readonly prefix: string; readonly count: Count; readonly labels?: Readonly<Record<string, string>> }
  | { readonly opcode: 'createPods'; readonly count: Count; readonly podTemplate: PodTemplateName; readonly namespace?: string; readonly collectMetrics?: true; readonly skipWaitToCompletion?: true; readonly gangsOf?: number; readonly mixedWith?: readonly PodTemplateName[]; readonly volume?: VolumeTemplateName; readonly namePrefix?: string; readonly steadyState?: true; readonly durationSeconds?: Count }
  | { readonly opcode: 'createPodSets'; readonly count: Count; readonly namespacePrefix: string; readonly podsEach: Count; readonly podTemplate: PodTemplateName }
  | { readonly opcode: 'createResourceDriver'; readonly maxClaimsPerNode: number }
  | { readonly opcode: 'createResourceClaimTemplate'; readonly namespace: string }
  | { readonly opcode: 'createAllocatedClaims'; readonly count: Count; readonly namespace: string; readonly leaving: number }
  | { readonly opcode: 'createService'; readonly namespace?: string }
  | { readonly opcode: 'deletePods'; readonly of: PodTemplateName; readonly deletePodsPerSecond: number }
  | { readonly opcode: 'churn'; readonly mode: 'create' | 'recreate'; readonly templates: readonly ChurnTemplate[]; readonly intervalMilliseconds: number; readonly number?: number }
  | { readonly opcode: 'updateAny'; readonly of: { readonly pods: PodTemplateName } | { readonly nodes: string }; readonly template: UpdateTemplateName; readonly updatePerSecond: number }
  | { readonly opcode: 'startCollectingMetrics'; readonly of: readonly PodTemplateName[] }
  | { readonly opcode: 'stopCollectingMetrics' }
  | { readonly opcode: 'rollingUpdate'; readonly of: PodTemplateName; readonly podTemplate: PodTemplateName; readonly surge: Count }
  | { readonly opcode: 'loseZone'; readonly zone: string; readonly podTemplate: PodTemplateName }
  | { readonly opcode: 'barrier'; readonly stageRequirement?: 'Attempted' };

export interface Workload {
  readonly name: string;
  /** Upstream's pass line for it in pods a second, for the reader. */
  readonly line: number | undefined;
  /** Why the real path cannot. */
  readonly onlyInProcess?: string;
  readonly params: Readonly<Record<string, number>>;
  readonly ops: readonly Op[];
}

/** Of the table's sizes. */
const fullNodes = 5000;
const threeZones = ['moon-1', 'moon-2', 'moon-3'];
const devops = { team: 'devops' };

const nodes = (more: Partial<Extract<Op, { opcode: 'createNodes' }>> = {}): Op => ({ opcode: 'createNodes', count: '$initNodes', ...more });
const init = (podTemplate: PodTemplateName, namespace?: string): Pods => ({ opcode: 'createPods', count: '$initPods', podTemplate, ...(namespace === undefined ? {} : { namespace }) });
const measure = (podTemplate: PodTemplateName, namespace?: string): Pods =>
  ({ opcode: 'createPods', count: '$measurePods', podTemplate, collectMetrics: true, ...(namespace === undefined ? {} : { namespace }) });
const churn = (template: ChurnTemplate): Op => ({ opcode: 'churn', mode: 'create', templates: [template], intervalMilliseconds: 200 });

type Pods = Extract<Op, { opcode: 'createPods' }>;
const withVolume = (op: Pods, volume: VolumeTemplateName): Pods => ({ ...op, volume });
const mixed = (op: Pods, mixedWith: readonly PodTemplateName[]): Pods => ({ ...op, mixedWith });

function plain(name: string, line: number | undefined, [initNodes, initPods, measurePods]: readonly [number, number, number], ops: readonly Op[]): Workload {
  return { name, line, params: { initNodes, initPods, measurePods }, ops };
}

/** Affinity among the pods of two namespaces. */
function twoNamespaces(name: string, line: number, sizes: readonly [number, number, number], [first, second]: readonly [PodTemplateName, PodTemplateName], zones?: readonly string[]): Workload {
  return plain(name, line, sizes, [
    nodes(zones === undefined ? {} : { zones }), { opcode: 'createNamespaces', prefix: 'sched', count: 2 }, init(first, 'sched-0'), measure(second, 'sched-1'),
  ]);
}

/** Affinity among the pods of a hundred namespaces of one label. */
function selected(name: string, line: number, [initNodes, podsEach, measurePods]: readonly [number, number, number], podTemplate: PodTemplateName, zones?: readonly string[]): Workload {
  return { name, line, params: { initNodes, initNamespaces: 100, podsEach, measurePods }, ops: [
    nodes(zones === undefined ? {} : { zones }),
    { opcode: 'createNamespaces', prefix: 'init-ns', count: '$initNamespaces', labels: devops }, { opcode: 'createNamespaces', prefix: 'measure-ns', count: 1, labels: devops },
    { opcode: 'createPodSets', count: '$initNamespaces', namespacePrefix: 'init-ns', podsEach: '$podsEach', podTemplate },
    measure(podTemplate, 'measure-ns-0'),
  ] };
}

const devicesANode = 10;
const steadyPods = 10;

/** Nodes with ten devices each; pods get a claim of their own for one. */
function withDevices(name: string, line: number, params: Readonly<Record<string, number>>, ops: readonly Op[]): Workload {
  return { name, line, params, ops: [
    { opcode: 'createNodes', count: '$nodesWithDRA' }, { opcode: 'createResourceDriver', maxClaimsPerNode: devicesANode },
    { opcode: 'createNamespaces', prefix: 'init', count: 1 }, { opcode: 'createNamespaces', prefix: 'test', count: 1 }, { opcode: 'createResourceClaimTemplate', namespace: 'test-0' }, ...ops,
  ] };
}

/** Ten pods at a time, each of which goes when it has its node and another one comes, beside claims that have their devices. */
function steady(how: string, line: number, initClaims: number): Workload {
  return withDevices(`SteadyStateClusterResourceClaimTemplate/${how}`, line, { nodesWithDRA: 500, initClaims, seconds: 10 }, [
    { opcode: 'createAllocatedClaims', count: '$initClaims', namespace: 'init-0', leaving: steadyPods },
    { opcode: 'createPods', count: steadyPods, namespace: 'test-0', steadyState: true, durationSeconds: '$seconds', podTemplate: 'pod-with-claim-template', collectMetrics: true },
  ]);
}

const both = (name: PodTemplateName): readonly [PodTemplateName, PodTemplateName] => [name, name];
const mixedInit: readonly PodTemplateName[] = ['pod-default', 'pod-with-pod-affinity', 'pod-with-pod-anti-affinity', 'pod-with-preferred-pod-affinity', 'pod-with-preferred-pod-anti-affinity'];

/** Every node has its hostname as a label, which upstream's do not: anti-affinity by host is then real work. */
export const workloads: readonly Workload[] = [
  plain('SchedulingBasic', 680, [5000, 1000, 10_000], [nodes(), init('pod-default'), measure('pod-default')]),
  plain('SchedulingBasic/50000Pods', 810, [5000, 5000, 50_000], [nodes(), init('pod-default'), measure('pod-default')]),
  plain('SchedulingDaemonset/15000Nodes', 1100, [15_000, 0, 30_000], [{ opcode: 'createNodes', count: 1, nodeTemplate: 'node-with-name' }, nodes(), measure('daemonset-pod')]),
  plain('PreemptionAsync', 570, [5000, 20_000, 5000], [nodes(), init('pod-low-priority'), churn('pod-high-priority'), measure('pod-default')]),
  plain('PreemptionBasic', undefined, [1000, 4000, 1000], [nodes(), init('pod-low-priority'), measure('pod-high-priority')]),
  plain('PreemptionBasic/5000Nodes', undefined, [5000, 20_000, 5000], [nodes(), init('pod-low-priority'), measure('pod-high-priority')]),
  plain('Unschedulable/100Init', 590, [5000, 100, 10_000], [nodes(), init('pod-default'), churn('pod-high-priority-large-cpu'), measure('pod-default')]),
  plain('Unschedulable/20kInit', 600, [5000, 20_000, 10_000], [nodes(), init('pod-default'), churn('pod-high-priority-large-cpu'), measure('pod-default')]),
  plain('SchedulingWithMixedChurn', 710, [5000, 0, 10_000], [
    nodes(), { opcode: 'churn', mode: 'recreate', number: 1, templates: ['node-without-room', 'pod-high-priority-large-cpu', 'service-default'], intervalMilliseconds: 1000 }, measure('pod-default'),
  ]),
  plain('SchedulingDeletedPodsWithFinalizers', 830, [5000, 5000, 5000], [
    nodes(), { opcode: 'createPods', count: '$initPods', podTemplate: 'pod-with-finalizer', skipWaitToCompletion: true },
    { opcode: 'deletePods', of: 'pod-with-finalizer', deletePodsPerSecond: 100 }, measure('light-pod'),
  ]),
  plain('SchedulingWithExtendedResource', 180, [5000, 0, 5000], [nodes({ nodeTemplate: 'node-with-extended-resource' }), measure('pod-with-extended-resource')]),
  { name: 'SchedulingWhileGated', line: 910, params: { gatedPods: 10_000, deletingPods: 10, measurePods: 20_000 }, ops: [
    { opcode: 'createNodes', count: 1, nodeTemplate: 'node-with-name' },
    { opcode: 'createPods', count: '$gatedPods', podTemplate: 'gated-pod', skipWaitToCompletion: true }, { opcode: 'barrier' },
    { opcode: 'createPods', count: '$deletingPods', podTemplate: 'pod-with-label' }, { opcode: 'deletePods', of: 'pod-with-label', deletePodsPerSecond: 50 }, measure('light-pod'),
  ] },
  twoNamespaces('SchedulingPodAntiAffinity', 60, [5000, 1000, 2000], both('pod-with-pod-anti-affinity')),
  twoNamespaces('SchedulingPodMatchingAntiAffinity', 595, [5000, 1000, 5000], ['pod-with-pod-anti-affinity', 'pod-matched-by-anti-affinity']),
  twoNamespaces('SchedulingPodAffinity', 35, [5000, 5000, 5000], both('pod-with-pod-affinity'), ['zone1']),
  twoNamespaces('SchedulingPreferredPodAffinity', 90, [5000, 5000, 5000], both('pod-with-preferred-pod-affinity')),
  twoNamespaces('SchedulingPreferredPodAntiAffinity', 90, [5000, 5000, 5000], both('pod-with-preferred-pod-anti-affinity')),
  plain('SchedulingNodeAffinity', 220, [5000, 5000, 10_000], [nodes({ zones: ['zone1'] }), init('pod-with-node-affinity'), measure('pod-with-node-affinity')]),
  plain('MixedSchedulingBasePod', 140, [5000, 2000, 5000], [
    nodes({ zones: ['zone1'] }), { opcode: 'createNamespaces', prefix: 'sched', count: 1 }, ...mixedInit.map((template) => init(template, 'sched-0')), measure('pod-default'),
  ]),
  selected('SchedulingRequiredPodAntiAffinityWithNSSelector', 24, [6000, 40, 2000], 'pod-anti-affinity-ns-selector'),
  selected('SchedulingPreferredAntiAffinityWithNSSelector', 55, [5000, 40, 2000], 'pod-preferred-anti-affinity-ns-selector'),
  selected('SchedulingRequiredPodAffinityWithNSSelector', 35, [5000, 50, 2000], 'pod-affinity-ns-selector', ['zone1']),
  selected('SchedulingPreferredAffinityWithNSSelector', 90, [5000, 50, 5000], 'pod-preferred-affinity-ns-selector'),
  { name: 'SchedulingGatedPodsWithPodAffinityImpactForThroughput', line: 110, params: { gatedPods: 10_000, measurePods: 20_000 }, ops: [
    { opcode: 'createNodes', count: 1, nodeTemplate: 'node-with-name' },
    { opcode: 'createPods', count: '$gatedPods', podTemplate: 'gated-pod-with-pod-affinity', skipWaitToCompletion: true }, { opcode: 'barrier' }, measure('pod-with-label'),
  ] },
  plain('TopologySpreading', 460, [5000, 5000, 5000], [nodes({ zones: threeZones }), init('pod-default'), measure('pod-with-topology-spreading')]),
  plain('PreferredTopologySpreading', 340, [5000, 5000, 5000], [nodes({ zones: threeZones }), init('pod-default'), measure('pod-with-preferred-topology-spreading')]),
  plain('DefaultTopologySpreading/50000Pods', 160, [5000, 5000, 50_000], [nodes({ zones: threeZones }), { opcode: 'createService' }, init('pod-of-service'), measure('pod-of-service')]),
  { name: 'SchedulingWithNodeInclusionPolicy', line: 270, params: { normalNodes: 4000, taintNodes: 1000, measurePods: 4000 }, ops: [
    { opcode: 'createNodes', count: '$normalNodes' }, { opcode: 'createNodes', count: '$taintNodes', nodeTemplate: 'node-with-taint' }, measure('pod-with-node-inclusion-policy'),
  ] },
  plain('SchedulingSecrets', 790, [5000, 1000, 10_000], [nodes(), init('pod-with-secret-volume'), measure('pod-with-secret-volume')]),
  plain('SchedulingInTreePVs', 290, [5000, 1000, 2000], [nodes(), withVolume(init('pod-default'), 'pv-aws'), withVolume(measure('pod-default'), 'pv-aws')]),
  plain('SchedulingMigratedInTreePVs', 100, [5000, 5000, 5000], [nodes({ csi: 'migrated' }), withVolume(init('pod-default'), 'pv-aws'), withVolume(measure('pod-default'), 'pv-aws')]),
  plain('SchedulingCSIPVs', 100, [5000, 5000, 5000], [nodes({ csi: 'own' }), withVolume(init('pod-default'), 'pv-csi'), withVolume(measure('pod-default'), 'pv-csi')]),
  plain('PreemptionPVs', undefined, [1000, 4000, 1000], [nodes(), init('pod-low-priority'), withVolume(measure('pod-high-priority'), 'pv-aws')]),
  withDevices('SchedulingWithResourceClaimTemplate', 40, { nodesWithDRA: 500, initPods: 2500, measurePods: 2500 }, [
    { opcode: 'createResourceClaimTemplate', namespace: 'init-0' }, init('pod-with-claim-template', 'init-0'), measure('pod-with-claim-template', 'test-0'),
  ]),
  steady('empty', 64, 0), steady('half', 70, 2500), steady('full', 60, 4990),
  plain('HeterogeneousNodes', undefined, [5000, 5000, 10_000], [
    nodes({ nodeTemplate: 'node-small', mixedWith: ['node-default', 'node-default', 'node-large', 'node-with-much-memory'], zones: threeZones }), init('pod-default'), mixed(measure('pod-default'), ['light-pod', 'pod-large-cpu-in-large-nodes', 'pod-much-memory']),
  ]),
  plain('MixedPriorities', undefined, [5000, 20_000, 5000], [nodes(), init('pod-low-priority'), mixed(measure('pod-high-priority'), ['light-pod', 'pod-middle-priority', 'light-pod'])]),
  plain('Gangs', undefined, [5000, 1000, 9999], [nodes(), init('pod-default'), { opcode: 'createPods', count: '$measurePods', podTemplate: 'pod-default', collectMetrics: true, gangsOf: 3 }]),
  ...[1000, 2000, 3000].map((groups) => plain(`GangScheduling/${groups}Gangs`, undefined, [5000, 0, groups * 3], [nodes(), { ...measure('pod-default'), gangsOf: 3 }])),
  plain('HostPortConflict/20000Nodes', undefined, [20_000, 0, 20_000], [nodes(), measure('pod-hostport-80')]),
  plain('ResourceSaturation/20000Nodes', undefined, [20_000, 0, 20_000], [nodes(), measure('pod-saturation')]),
  ...eventWorkloads,
  { name: 'RollingUpdateStorm', line: undefined, params: { initNodes: 5000, initPods: 10_000, surge: 2500 }, ops: [
    nodes({ zones: threeZones }), init('pod-of-old-version'), { opcode: 'rollingUpdate', of: 'pod-of-old-version', podTemplate: 'pod-of-new-version', surge: '$surge' },
  ] },
  { name: 'ZoneLoss', line: undefined, params: { initNodes: 5000, initPods: 12_000 }, ops: [
    nodes({ zones: threeZones }), init('pod-of-old-version'), { opcode: 'loseZone', zone: 'moon-3', podTemplate: 'pod-of-old-version' },
  ] },
];

/** What a full table has of the real path: the goals' workloads, and those that make an API server work while pods are placed. */
export const onRealPath: readonly { readonly name: string; readonly drain: boolean }[] = [
  ...['SchedulingBasic', 'PreemptionBasic/5000Nodes', 'EventHandlingNodeUpdate', 'RollingUpdateStorm', 'ZoneLoss'].map((name) => ({ name, drain: false })),
  ...[
    'SchedulingBasic', 'TopologySpreading', 'SchedulingPodAntiAffinity', 'SchedulingPodAffinity', 'SchedulingNodeAffinity', 'SchedulingPreferredPodAffinity',
    'SchedulingRequiredPodAntiAffinityWithNSSelector', 'Gangs', 'SchedulingBasic/50000Pods',
  ].map((name) => ({ name, drain: true })),
];

/** Of upstream's, with why it is not here. */
export const leftOut: Readonly<Record<string, string>> = {
  CPGBasicScheduling: 'composite pod groups are not built', CPGGangScheduling: 'composite pod groups are not built', CPGPreemption: 'composite pod groups are not built',
};

export function needsOf({ ops }: Workload): Needs {
  return { gangs: ops.some((op) => op.opcode === 'createPods' && op.gangsOf !== undefined), devices: ops.some(({ opcode }) => opcode === 'createResourceDriver') };
}

const isSteady = (op: Op): boolean => op.opcode === 'createPods' && op.steadyState === true;

/** Something else than the scheduler makes its rate, or how long it takes: events, or the clock. */
export function isPaced({ ops }: Workload): boolean {
  return ops.some((op) => op.opcode === 'startCollectingMetrics' || isSteady(op));
}

/** Its measured pods can wait for the scheduler. */
export function canDrain({ ops }: Workload): boolean {
  return ops.every((op) => op.opcode !== 'startCollectingMetrics' && op.opcode !== 'rollingUpdate' && !isSteady(op));
}

const leavesTraces: ReadonlySet<Op['opcode']> = new Set(['churn', 'deletePods', 'updateAny', 'rollingUpdate', 'loseZone', 'startCollectingMetrics']);

/** Nothing is otherwise when its measured pods have gone, so that new ones can be measured in their place. Who preempts leaves fewer pods. */
export function canGoAgain({ ops }: Workload): boolean {
  const last = ops.at(-1);
  if (last?.opcode !== 'createPods' || last.collectMetrics !== true || isSteady(last)) return false;
  return !ops.some(({ opcode }) => leavesTraces.has(opcode)) && [last.podTemplate, ...last.mixedWith ?? []].every((name) => podTemplate(name).spec.priorityClassName === undefined);
}

/** It must be told of pods that are tried in vain. */
export function watchesAttempts({ ops }: Workload): boolean {
  return ops.some((op) => op.opcode === 'barrier' && op.stageRequirement === 'Attempted');
}

/** With its params at `toNodes` of 5,000 nodes. Of pod sets there are fewer, and only then smaller ones. */
export function scaled(workload: Workload, toNodes: number): Workload {
  const by = toNodes / fullNodes;
  const scale = (value: number): number => (value === 0 ? 0 : Math.max(1, Math.round(value * by)));
  const params = Object.fromEntries(Object.entries(workload.params).map(([name, value]) => [name, scale(value)]));
  const { initNamespaces, podsEach } = workload.params;
  if (initNamespaces !== undefined && podsEach !== undefined) params['podsEach'] = Math.max(1, Math.round((initNamespaces * podsEach * by) / (params['initNamespaces'] as number)));
  return { ...workload, params };
}

export function countOf({ name, params }: Workload, count: Count): number {
  if (typeof count === 'number') return count;
  const value = params[count.slice(1)];
  if (value === undefined) throw new Error(`workload ${name} has no param ${count}`);
  return value;
}
