import type { Pod, PodSpec, Taint } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../cache/node-info.ts';
import { podInfoOf, reshaped, type PodInfo } from '../cache/pod-info.ts';
import type { Resources } from '../cache/resources.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import { CycleState } from '../framework/cycle-state.ts';
import type { Framework } from '../framework/framework.ts';
import { isRejected } from '../framework/status.ts';
import { firstUntolerated } from '../selectors/taints.ts';
import type { SuggestedChange } from './explanation.ts';

/** Something to try: the pod as it would be. The smaller the cost, the smaller the change. */
interface Trial {
  readonly change: string;
  readonly pod: PodInfo;
  readonly cost: number;
}

const examplesShown = 3;
/** Different taints, terms, … tried each; a cluster with more has no single change worth reading. */
const maxOfAKind = 20;

/** Nodes that only one plugin refuses, by its name. */
function nearFits(framework: Framework, pod: PodInfo, snapshot: Snapshot): Map<string, NodeInfo[]> {
  const state = new CycleState();
  const near = new Map<string, NodeInfo[]>();
  if (isRejected(framework.preFilter(state, pod, snapshot).status)) return near;
  for (const node of snapshot.nodes) {
    const [only, ...others] = framework.rejections(state, pod, node);
    if (only === undefined || others.length > 0) continue;
    const nodes = near.get(only.plugin);
    if (nodes === undefined) near.set(only.plugin, [node]);
    else nodes.push(node);
  }
  return near;
}

function withSpec(pod: PodInfo, spec: Partial<PodSpec>): PodInfo {
  const changed: Pod = { ...pod.pod, spec: { ...(pod.pod.spec as PodSpec), ...spec } };
  return podInfoOf(changed);
}

type BasicResource = 'milliCpu' | 'memory' | 'ephemeralStorage';
const basicResources: Readonly<Record<BasicResource, { readonly name: string; readonly text: (amount: number) => string }>> = {
  milliCpu: { name: 'cpu', text: (amount) => (amount % 1000 === 0 ? String(amount / 1000) : `${amount}m`) },
  memory: { name: 'memory', text: bytesText },
  ephemeralStorage: { name: 'ephemeral-storage', text: bytesText },
};

function bytesText(bytes: number): string {
  const mebibytes = Math.floor(bytes / 2 ** 20);
  return mebibytes > 0 ? `${mebibytes}Mi` : String(bytes);
}

/** What the pod asks for beyond what is left, by resource. */
function shortages({ requests }: PodInfo, { allocatable, requested }: NodeInfo): string[] {
  const short = (Object.keys(basicResources) as BasicResource[]).filter((key) => requests[key] > 0 && requests[key] > allocatable[key] - requested[key]) as string[];
  for (const [name, amount] of requests.scalar) if (amount > (allocatable.scalar.get(name) ?? 0) - (requested.scalar.get(name) ?? 0)) short.push(name);
  return short;
}

function lowerRequests(pod: PodInfo, near: readonly NodeInfo[]): Trial[] {
  const most = new Map<BasicResource, number>();
  for (const node of near) {
    const [key, ...others] = shortages(pod, node);
    if (key === undefined || others.length > 0 || !(key in basicResources)) continue;
    const resource = key as BasicResource;
    most.set(resource, Math.max(most.get(resource) ?? 0, node.allocatable[resource] - node.requested[resource]));
  }
  return [...most].filter(([, left]) => left > 0).map(([resource, left]) => {
    const { name, text } = basicResources[resource];
    const requests: Resources = { ...pod.requests, [resource]: left };
    return { change: `request ${text(left)} of ${name} instead of ${text(pod.requests[resource])}`, pod: reshaped(pod, { requests }), cost: 1 - left / pod.requests[resource] };
  });
}

function addTolerations(pod: PodInfo, near: readonly NodeInfo[]): Trial[] {
  const tolerations = pod.pod.spec?.tolerations ?? [];
  const taints = new Map<string, Taint>();
  for (const node of near) {
    const taint = firstUntolerated(node.taints, tolerations);
    if (taint !== undefined && taints.size < maxOfAKind) taints.set(`${taint.key}=${taint.value ?? ''}:${taint.effect}`, taint);
  }
  return [...taints].map(([text, { key, value = '', effect }]) => ({
    change: `tolerate the taint ${text}`, cost: 1,
    pod: withSpec(pod, { tolerations: [...tolerations, { key, operator: 'Equal', value, effect }] }),
  }));
}

function relaxNodeAffinity(pod: PodInfo): Trial[] {
  const { nodeSelector = {}, affinity } = pod.pod.spec ?? {};
  const trials: Trial[] = Object.entries(nodeSelector).slice(0, maxOfAKind).map(([key, value]) => {
    const { [key]: _dropped, ...rest } = nodeSelector;
    return { change: `do not select nodes by ${key}=${value}`, cost: 2, pod: withSpec(pod, { nodeSelector: rest }) };
  });
  if (affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution === undefined) return trials;
  const { requiredDuringSchedulingIgnoredDuringExecution: _required, ...nodeAffinity } = affinity.nodeAffinity;
  return [...trials, { change: 'do not require node affinity', cost: 3, pod: withSpec(pod, { affinity: { ...affinity, nodeAffinity } }) }];
}

function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_item, i) => i !== index);
}

function relaxPodAffinity(pod: PodInfo): Trial[] {
  const terms = (kind: 'requiredAffinity' | 'requiredAntiAffinity', text: string): Trial[] => pod[kind].slice(0, maxOfAKind).map((term, i) => ({
    change: `do not require pod ${text} by ${term.topologyKey}`, cost: 3, pod: reshaped(pod, { [kind]: without(pod[kind], i) }),
  }));
  return [...terms('requiredAffinity', 'affinity'), ...terms('requiredAntiAffinity', 'anti-affinity')];
}

function relaxSpreading(pod: PodInfo): Trial[] {
  const constraints = pod.pod.spec?.topologySpreadConstraints ?? [];
  return constraints.slice(0, maxOfAKind).flatMap((constraint, i): Trial[] => {
    if (constraint.whenUnsatisfiable !== 'DoNotSchedule') return [];
    const spread = (maxSkew: number): Trial => ({
      change: `allow a skew of ${maxSkew} over ${constraint.topologyKey} instead of ${constraint.maxSkew}`, cost: maxSkew / constraint.maxSkew,
      pod: withSpec(pod, { topologySpreadConstraints: constraints.with(i, { ...constraint, maxSkew }) }),
    });
    const dropped = { change: `do not require spreading over ${constraint.topologyKey}`, cost: 4, pod: withSpec(pod, { topologySpreadConstraints: without(constraints, i) }) };
    return [spread(constraint.maxSkew + 1), dropped];
  });
}

function dropHostPorts(pod: PodInfo): Trial[] {
  return pod.hostPorts.map((port, i) => ({ change: `do not take port ${port.port}/${port.protocol} of the node`, cost: 2, pod: reshaped(pod, { hostPorts: without(pod.hostPorts, i) }) }));
}

const trialsBy: Readonly<Record<string, (pod: PodInfo, near: readonly NodeInfo[]) => Trial[]>> = {
  NodeResourcesFit: lowerRequests, TaintToleration: addTolerations, NodeAffinity: relaxNodeAffinity, InterPodAffinity: relaxPodAffinity,
  PodTopologySpread: relaxSpreading, NodePorts: dropHostPorts,
};

function nodesThatFit(framework: Framework, pod: PodInfo, snapshot: Snapshot): string[] {
  const state = new CycleState();
  const pre = framework.preFilter(state, pod, snapshot);
  if (pre.status.code !== 'Success') return [];
  const rows = snapshot.rows.filter((row) => pre.nodeNames?.has(snapshot.table.nodeAt(row).name) ?? true);
  const kept = framework.filterRows(state, pod, snapshot, rows, rows.length, new Uint8Array(snapshot.table.height));
  return Array.from(rows.subarray(0, kept), (row) => snapshot.table.nodeAt(row).name);
}

function uncordoning(near: readonly NodeInfo[]): SuggestedChange & { cost: number } {
  const names = near.map(({ name }) => name);
  return { target: `node/${names[0] ?? ''}`, change: 'uncordon it', nodes: 1, examples: names.slice(0, examplesShown), cost: 1.5 };
}

/** Single changes that would each let the pod fit somewhere; every one of them was tried on the same state. */
export function suggestChanges(framework: Framework, pod: PodInfo, snapshot: Snapshot): SuggestedChange[] {
  const found: (SuggestedChange & { cost: number })[] = [];
  for (const [plugin, near] of nearFits(framework, pod, snapshot)) {
    if (plugin === 'NodeUnschedulable') found.push(uncordoning(near));
    for (const { change, pod: changed, cost } of trialsBy[plugin]?.(pod, near) ?? []) {
      const nodes = nodesThatFit(framework, changed, snapshot);
      if (nodes.length > 0) found.push({ target: `pod/${pod.name}`, change, nodes: nodes.length, examples: nodes.slice(0, examplesShown), cost });
    }
  }
  return found.toSorted((a, b) => a.cost - b.cost || b.nodes - a.nodes).map(({ cost: _cost, ...change }) => change);
}
