import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { Candidates } from '../../framework/candidates.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import { maxNodeScore } from '../../framework/interface.ts';
import type { PlacedTerm } from '../../table/pod-index.ts';
import type { DomainCounts } from '../../table/row-counts.ts';
import { noDomain } from '../../table/topology.ts';
import { selectedByAll } from './filter.ts';

export interface AffinityArgs {
  /** Weight of another pod's required affinity to the one to be placed. */
  readonly hardPodAffinityWeight: number;
  readonly ignorePreferredTermsOfExistingPods: boolean;
}

interface WeightedCounts {
  readonly domains: DomainCounts;
  readonly weight: number;
}

export interface AffinityScoreState extends StateData {
  readonly parts: readonly WeightedCounts[];
}

/** What one pod with the term adds where it is; 0: nothing. */
function weightOf({ kind, weight }: PlacedTerm, args: AffinityArgs): number {
  switch (kind) {
    case 'required-affinity': return args.hardPodAffinityWeight;
    case 'required-anti-affinity': return 0;
    case 'preferred-affinity': return args.ignorePreferredTermsOfExistingPods ? 0 : weight;
    case 'preferred-anti-affinity': return args.ignorePreferredTermsOfExistingPods ? 0 : -weight;
  }
}

/** undefined: nothing to score by. */
export function affinityScoreState(args: AffinityArgs, pod: PodInfo, { table, pods, namespaceLabels }: Snapshot): AffinityScoreState | undefined {
  const hasPreferences = pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0;
  if (!hasPreferences && args.ignorePreferredTermsOfExistingPods) return undefined;
  const parts: WeightedCounts[] = [];
  for (const [terms, sign] of [[pod.preferredAffinity, 1], [pod.preferredAntiAffinity, -1]] as const) {
    for (const term of terms) parts.push({ domains: pods.matching(selectedByAll([term], namespaceLabels)).sum(table.topology(term.topologyKey)), weight: sign * term.weight });
  }
  for (const placed of pods.pointingAt(pod)) {
    const weight = weightOf(placed, args);
    if (weight !== 0) parts.push({ domains: placed.pods.sum(table.topology(placed.term.topologyKey)), weight });
  }
  const counting = parts.filter(({ domains }) => domains.total > 0);
  if (counting.length === 0) return undefined;
  const state: AffinityScoreState = { parts: counting, clone: () => state };
  return state;
}

export function scoreAffinity({ parts }: AffinityScoreState, { row }: NodeInfo): number {
  let sum = 0;
  for (const { domains: { topology, counts }, weight } of parts) {
    const domain = topology.domainOf[row] as number;
    if (domain !== noDomain) sum += weight * (counts[domain] as number);
  }
  return sum;
}

export function scoreAffinityRows({ parts }: AffinityScoreState, { rows, count }: Candidates, scores: Float64Array): void {
  scores.fill(0, 0, count);
  for (const { domains: { topology: { domainOf }, counts }, weight } of parts) {
    for (let i = 0; i < count; i += 1) {
      const domain = domainOf[rows[i] as number] as number;
      if (domain !== noDomain) scores[i] = (scores[i] as number) + weight * (counts[domain] as number);
    }
  }
}

/** Lowest sum to 0, highest to 100. */
export function normalizeAffinity(scores: Float64Array, count: number): void {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i += 1) { min = Math.min(min, scores[i] as number); max = Math.max(max, scores[i] as number); }
  for (let i = 0; i < count; i += 1) {
    scores[i] = max === min ? 0 : Math.floor((maxNodeScore * ((scores[i] as number) - min)) / (max - min));
  }
}
