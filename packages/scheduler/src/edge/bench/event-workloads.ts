import type { NodeTemplateName, PodTemplateName } from './templates.ts';
import type { UpdateTemplateName } from './event-templates.ts';
import type { Op, Workload } from './workloads.ts';

// scheduler_perf's event_handling: pods that nothing can take, and events (100 updates or deletions a second) that let them in.

const perSecond = 100;
const attempted: Op = { opcode: 'barrier', stageRequirement: 'Attempted' };
const barrier: Op = { opcode: 'barrier' };
const stop: Op = { opcode: 'stopCollectingMetrics' };
const collect = (...of: readonly PodTemplateName[]): Op => ({ opcode: 'startCollectingMetrics', of });
const namespaces = (...prefixes: readonly string[]): Op[] => prefixes.map((prefix) => ({ opcode: 'createNamespaces', prefix, count: 1 }));
const node = (nodeTemplate: NodeTemplateName, more: { readonly namePrefix?: string; readonly count?: '$nodes' | 1 | 2 } = {}): Op => ({ opcode: 'createNodes', count: 1, nodeTemplate, ...more });
const nodes = (nodeTemplate: NodeTemplateName, namePrefix: string): Op => node(nodeTemplate, { namePrefix, count: '$nodes' });
const update = (of: { readonly pods: PodTemplateName } | { readonly nodes: string }, template: UpdateTemplateName): Op => ({ opcode: 'updateAny', of, template, updatePerSecond: perSecond });

function waiting(podTemplate: PodTemplateName, namespace: string, count: '$measurePods' | '$blockerPods' = '$measurePods'): Extract<Op, { opcode: 'createPods' }> {
  return { opcode: 'createPods', count, podTemplate, namespace, skipWaitToCompletion: true };
}

const podDelete: Workload = { name: 'EventHandlingPodDelete', line: undefined, params: { initNodes: 50, blockerPods: 480, measurePods: 500 }, ops: [
  { opcode: 'createNodes', count: '$initNodes', csi: 'own', volumesANode: 20 }, ...namespaces('noderesources', 'nodeports', 'nodevolumelimits', 'interpodaffinity'), { opcode: 'createNamespaces', prefix: 'blocker', count: 2 },
  { opcode: 'createPods', count: '$blockerPods', podTemplate: 'poddelete-pod-blocker-topology-ports-resources', namespace: 'blocker-0', volume: 'pv-csi' },
  { opcode: 'createPods', count: '$blockerPods', podTemplate: 'poddelete-pod-blocker-affinity', namespace: 'blocker-1', volume: 'pv-csi-once', namePrefix: 'blocker' },
  collect('poddelete-pod-podtopologyspread', 'poddelete-pod-volumerestrictions', 'poddelete-pod-nodeports', 'poddelete-pod-noderesources', 'poddelete-pod-nodevolumelimits', 'poddelete-pod-interpodaffinity'),
  waiting('poddelete-pod-podtopologyspread', 'blocker-0'), waiting('poddelete-pod-volumerestrictions', 'blocker-1', '$blockerPods'), waiting('poddelete-pod-nodeports', 'nodeports-0'),
  waiting('poddelete-pod-noderesources', 'noderesources-0'), { ...waiting('poddelete-pod-nodevolumelimits', 'nodevolumelimits-0', '$blockerPods'), volume: 'pv-csi' }, waiting('poddelete-pod-interpodaffinity', 'interpodaffinity-0'),
  attempted,
  { opcode: 'deletePods', of: 'poddelete-pod-blocker-topology-ports-resources', deletePodsPerSecond: perSecond }, { opcode: 'deletePods', of: 'poddelete-pod-blocker-affinity', deletePodsPerSecond: perSecond },
  stop,
] };

const podUpdate: Workload = { name: 'EventHandlingPodUpdate', line: undefined, onlyInProcess: 'its blockers are resized in place, which no API server of 1.32 does by default', params: { blockerPods: 1000, measurePods: 1000 }, ops: [
  ...namespaces('nodeunschedulable', 'tainttoleration', 'blocker', 'interpodaffinity', 'noderesources', 'schedulinggates'),
  collect('podupdate-pod-nodeunschedulable', 'podupdate-pod-tainttoleration', 'podupdate-pod-interpodaffinity', 'podupdate-pod-noderesources', 'podupdate-pod-podtopologyspread', 'podupdate-pod-schedulinggates'),
  node('podupdate-node-unschedulable', { namePrefix: 'unschedulable' }), waiting('podupdate-pod-nodeunschedulable', 'nodeunschedulable-0'),
  node('podupdate-node-with-taint', { namePrefix: 'with-taint' }), waiting('podupdate-pod-tainttoleration', 'tainttoleration-0'), attempted,
  update({ pods: 'podupdate-pod-nodeunschedulable' }, 'podupdate-pod-nodeunschedulable-update'), update({ pods: 'podupdate-pod-tainttoleration' }, 'podupdate-pod-tainttoleration-update'), barrier,
  node('node-with-name'), { opcode: 'createPods', count: '$blockerPods', podTemplate: 'podupdate-pod-blocker', namespace: 'blocker-0' },
  waiting('podupdate-pod-interpodaffinity', 'interpodaffinity-0'), waiting('podupdate-pod-noderesources', 'noderesources-0'), waiting('podupdate-pod-podtopologyspread', 'blocker-0', '$blockerPods'),
  waiting('podupdate-pod-schedulinggates', 'schedulinggates-0'), attempted,
  update({ pods: 'podupdate-pod-blocker' }, 'podupdate-pod-blocker-update'), update({ pods: 'podupdate-pod-blocker' }, 'podupdate-pod-blocker-scale-down'),
  update({ pods: 'podupdate-pod-schedulinggates' }, 'podupdate-pod-schedulinggates-update'), stop,
] };

const nodeAdd: Workload = { name: 'EventHandlingNodeAdd', line: undefined, params: { nodes: 100, measurePods: 1000 }, ops: [
  ...namespaces('nodeunschedulable', 'noderesources', 'interpodaffinity', 'nodeaffinity', 'podtopologyspread', 'tainttoleration'),
  collect('node-pod-nodeunschedulable', 'nodeadd-pod-noderesources', 'node-pod-interpodaffinity', 'node-pod-nodeaffinity', 'nodeadd-pod-podtopologyspread', 'nodeadd-pod-tainttoleration'),
  node('nodeadd-node-unschedulable', { namePrefix: 'unschedulable' }), waiting('node-pod-nodeunschedulable', 'nodeunschedulable-0'), attempted,
  node('nodeadd-node-low-capacity', { namePrefix: 'low-capacity' }), waiting('nodeadd-pod-noderesources', 'noderesources-0'), attempted,
  nodes('nodeadd-node-high-capacity', 'high-capacity'), barrier,
  waiting('node-pod-interpodaffinity', 'interpodaffinity-0'), waiting('node-pod-nodeaffinity', 'nodeaffinity-0'), waiting('nodeadd-pod-podtopologyspread', 'podtopologyspread-0'), attempted,
  nodes('nodeadd-node-with-labels', 'unblocker'), barrier,
  waiting('nodeadd-pod-tainttoleration', 'tainttoleration-0'), attempted, nodes('nodeadd-node-with-taint', 'with-taint'), stop,
] };

const podAdd: Workload = { name: 'EventHandlingPodAdd', line: undefined, params: { measurePods: 1000 }, ops: [
  ...namespaces('podtopologyspread', 'interpodaffinity'), node('podadd-node', { count: 2 }),
  { opcode: 'createPods', count: 1, podTemplate: 'podadd-pod-with-label', namespace: 'podtopologyspread-0' },
  collect('podadd-pod-podtopologyspread', 'podadd-pod-interpodaffinity'),
  waiting('podadd-pod-podtopologyspread', 'podtopologyspread-0'), waiting('podadd-pod-interpodaffinity', 'interpodaffinity-0'), attempted,
  { opcode: 'createPods', count: '$measurePods', podTemplate: 'podadd-pod-unblocker-topology', namespace: 'podtopologyspread-0' },
  { opcode: 'createPods', count: '$measurePods', podTemplate: 'podadd-pod-unblocker-affinity', namespace: 'interpodaffinity-0' }, stop,
] };

const nodeUpdate: Workload = { name: 'EventHandlingNodeUpdate', line: undefined, params: { nodes: 100, measurePods: 1000 }, ops: [
  ...namespaces('nodeunschedulable', 'noderesources', 'interpodaffinity', 'nodeaffinity', 'podtopologyspread', 'tainttoleration'),
  collect('node-pod-nodeunschedulable', 'nodeupdate-pod-noderesources', 'node-pod-interpodaffinity', 'node-pod-nodeaffinity', 'nodeupdate-pod-podtopologyspread', 'nodeupdate-pod-tainttoleration'),
  nodes('nodeupdate-node-unschedulable', 'unschedulable'), waiting('node-pod-nodeunschedulable', 'nodeunschedulable-0'), attempted,
  update({ nodes: 'unschedulable' }, 'nodeupdate-node-unschedulable-update'), barrier,
  nodes('nodeupdate-node-low-capacity', 'low-capacity'), waiting('nodeupdate-pod-noderesources', 'noderesources-0'), attempted,
  update({ nodes: 'low-capacity' }, 'nodeupdate-node-low-capacity-update'), barrier,
  nodes('node-tainted-allow', 'without-labels'),
  waiting('node-pod-interpodaffinity', 'interpodaffinity-0'), waiting('node-pod-nodeaffinity', 'nodeaffinity-0'), waiting('nodeupdate-pod-podtopologyspread', 'podtopologyspread-0'), attempted,
  update({ nodes: 'without-labels' }, 'nodeupdate-node-without-labels-update'), barrier,
  nodes('node-tainted-allow', 'without-taints'), waiting('nodeupdate-pod-tainttoleration', 'tainttoleration-0'), attempted,
  update({ nodes: 'without-taints' }, 'nodeupdate-node-without-taints-update'), stop,
] };

export const eventWorkloads: readonly Workload[] = [podDelete, podUpdate, nodeAdd, podAdd, nodeUpdate];
