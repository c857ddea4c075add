import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import { maxNodeScore } from '../../framework/interface.ts';
import { compileRequiredNodeAffinity } from '../../selectors/node-selector.ts';
import { countMatching, hasAllKeys, hostnameKey, isIncluded, type Constraint } from './constraints.ts';

export interface SpreadScoreState extends StateData {
  readonly constraints: readonly Constraint[];
  /** Nodes without all the keys; they get the lowest score. */
  readonly ignored: ReadonlySet<string>;
  /** By constraint: pods by domain. Empty for the host name, which is counted node by node. */
  readonly counts: readonly Map<string, number>[];
  readonly weights: readonly number[];
}

/** More domains, more weight: their counts are smaller. */
function weightOf(domains: number): number {
  return Math.log(domains + 2);
}

export function spreadScoreState(pod: PodInfo, constraints: readonly Constraint[], requireAllKeys: boolean, candidates: readonly NodeInfo[], snapshot: Snapshot): SpreadScoreState {
  const ignored = new Set<string>();
  const maps = constraints.map(() => new Map<string, number>());
  for (const node of candidates) {
    if (requireAllKeys && !hasAllKeys(node, constraints)) { ignored.add(node.name); continue; }
    for (const [index, { topologyKey }] of constraints.entries()) {
      const domain = node.labels[topologyKey];
      if (topologyKey !== hostnameKey && domain !== undefined) maps[index]?.set(domain, 0);
    }
  }
  const weights = constraints.map(({ topologyKey }, index) => weightOf(topologyKey === hostnameKey ? candidates.length - ignored.size : (maps[index]?.size ?? 0)));
  countAll(pod, constraints, requireAllKeys, maps, snapshot);
  const state: SpreadScoreState = { constraints, ignored, counts: maps, weights, clone: () => state };
  return state;
}

/** Pods on every node count, in the domains that candidates are in. */
function countAll(pod: PodInfo, constraints: readonly Constraint[], requireAllKeys: boolean, maps: readonly Map<string, number>[], snapshot: Snapshot): void {
  if (maps.every((map) => map.size === 0)) return;
  const affinity = compileRequiredNodeAffinity(pod.pod);
  for (const node of snapshot.nodes) {
    if (requireAllKeys && !hasAllKeys(node, constraints)) continue;
    for (const [index, constraint] of constraints.entries()) {
      const map = maps[index] as Map<string, number>;
      const domain = node.labels[constraint.topologyKey];
      const before = domain === undefined ? undefined : map.get(domain);
      if (domain === undefined || before === undefined || !isIncluded(constraint, pod, node, affinity)) continue;
      map.set(domain, before + countMatching(node, pod.namespace, constraint.matches));
    }
  }
}

export function scoreSpread(state: SpreadScoreState, pod: PodInfo, node: NodeInfo): number {
  if (state.ignored.has(node.name)) return 0;
  let score = 0;
  for (const [index, constraint] of state.constraints.entries()) {
    const domain = node.labels[constraint.topologyKey];
    if (domain === undefined) continue;
    const count = constraint.topologyKey === hostnameKey
      ? countMatching(node, pod.namespace, constraint.matches)
      : (state.counts[index]?.get(domain) ?? 0);
    score += count * (state.weights[index] as number) + (constraint.maxSkew - 1);
  }
  return Math.round(score);
}

/** The fewer, the better. */
export function normalizeSpread(state: SpreadScoreState, nodes: readonly NodeInfo[], scores: Float64Array): void {
  let min = Number.POSITIVE_INFINITY;
  let max = 0;
  for (const [i, node] of nodes.entries()) {
    if (state.ignored.has(node.name)) continue;
    min = Math.min(min, scores[i] as number);
    max = Math.max(max, scores[i] as number);
  }
  for (const [i, node] of nodes.entries()) {
    if (state.ignored.has(node.name)) scores[i] = 0;
    else scores[i] = max === 0 ? maxNodeScore : Math.floor((maxNodeScore * (max + min - (scores[i] as number))) / max);
  }
}
