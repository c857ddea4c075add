import type { NodeInfo } from '../../cache/node-info.ts';
import { termMatches, type PodInfo, type WeightedAffinityTerm } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import { maxNodeScore } from '../../framework/interface.ts';
import type { Labels } from '../../selectors/labels.ts';
import { TopologyCounts } from './topology-counts.ts';

export interface AffinityArgs {
  /** Weight of another pod's required affinity to the one to be placed. */
  readonly hardPodAffinityWeight: number;
  readonly ignorePreferredTermsOfExistingPods: boolean;
}

export interface AffinityScoreState extends StateData {
  readonly sums: TopologyCounts;
}

type NamespaceLabels = (namespace: string) => Labels;

function addTerms(sums: TopologyCounts, terms: readonly WeightedAffinityTerm[], target: PodInfo, node: NodeInfo, sign: 1 | -1, namespaceLabels: NamespaceLabels): void {
  for (const term of terms) if (termMatches(term, target, namespaceLabels)) sums.addAt(node, term.topologyKey, sign * term.weight);
}

function hasPreferences(pod: PodInfo): boolean {
  return pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0;
}

/** undefined: nothing to score by. */
export function affinityScoreState(args: AffinityArgs, pod: PodInfo, snapshot: Snapshot): AffinityScoreState | undefined {
  const own = hasPreferences(pod);
  if (!own && args.ignorePreferredTermsOfExistingPods) return undefined;
  const sums = new TopologyCounts();
  const labels = snapshot.namespaceLabels;
  for (const node of own ? snapshot.nodes : snapshot.nodesWithAffinity) {
    for (const other of (own ? node.pods : node.podsWithAffinity).values()) {
      addTerms(sums, pod.preferredAffinity, other, node, 1, labels);
      addTerms(sums, pod.preferredAntiAffinity, other, node, -1, labels);
      if (args.hardPodAffinityWeight > 0) {
        for (const term of other.requiredAffinity) if (termMatches(term, pod, labels)) sums.addAt(node, term.topologyKey, args.hardPodAffinityWeight);
      }
      if (args.ignorePreferredTermsOfExistingPods) continue;
      addTerms(sums, other.preferredAffinity, pod, node, 1, labels);
      addTerms(sums, other.preferredAntiAffinity, pod, node, -1, labels);
    }
  }
  if (sums.isEmpty) return undefined;
  const state: AffinityScoreState = { sums, clone: () => state };
  return state;
}

/** Lowest sum to 0, highest to 100. */
export function normalizeAffinity(scores: Float64Array): void {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const score of scores) { min = Math.min(min, score); max = Math.max(max, score); }
  for (let i = 0; i < scores.length; i += 1) {
    scores[i] = max === min ? 0 : Math.floor((maxNodeScore * ((scores[i] as number) - min)) / (max - min));
  }
}
