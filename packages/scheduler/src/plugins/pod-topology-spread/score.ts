import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { Candidates } from '../../framework/candidates.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import { maxNodeScore } from '../../framework/interface.ts';
import type { RowCounts } from '../../table/row-counts.ts';
import { noDomain, type Topology } from '../../table/topology.ts';
import { hostnameKey, includedNodes, questionOf, type Constraint } from './constraints.ts';

interface Part {
  readonly topology: Topology;
  /** Matching pods by domain; undefined for the host name, which is counted node by node. */
  readonly domains: Int32Array | undefined;
  readonly pods: RowCounts;
  readonly weight: number;
  readonly maxSkew: number;
}

export interface SpreadScoreState extends StateData {
  readonly parts: readonly Part[];
  /** Nodes without one of these keys get the lowest score. */
  readonly required: readonly Topology[];
}

/** More domains, more weight: their counts are smaller. */
function weightOf(domains: number): number {
  return Math.log(domains + 2);
}

function isIgnored(required: readonly Topology[], row: number): boolean {
  return required.some(({ domainOf }) => domainOf[row] === noDomain);
}

/** How many domains the candidates that count are in; those without the label are where it is empty. */
function domainsAmong({ rows, count }: Candidates, required: readonly Topology[], topology: Topology): number {
  const seen = new Uint8Array(topology.domains + 1);
  const without = topology.idOf('') ?? topology.domains;
  let found = 0;
  for (let i = 0; i < count; i += 1) {
    const row = rows[i] as number;
    const domain = topology.domainOf[row] as number;
    const at = domain === noDomain ? without : domain;
    if (seen[at] === 1 || isIgnored(required, row)) continue;
    seen[at] = 1;
    found += 1;
  }
  return found;
}

function countedAmong({ rows, count }: Candidates, required: readonly Topology[]): number {
  let counted = 0;
  for (let i = 0; i < count; i += 1) if (!isIgnored(required, rows[i] as number)) counted += 1;
  return counted;
}

export function spreadScoreState(pod: PodInfo, constraints: readonly Constraint[], requireAllKeys: boolean, candidates: Candidates, { table, pods }: Snapshot): SpreadScoreState {
  const keys = requireAllKeys ? constraints.map(({ topologyKey }) => topologyKey) : [];
  const required = keys.map((key) => table.topology(key));
  const parts = constraints.map((constraint): Part => {
    const topology = table.topology(constraint.topologyKey);
    const matching = pods.matching(questionOf(constraint, pod.namespace));
    const byNode = constraint.topologyKey === hostnameKey;
    return {
      topology, pods: matching, maxSkew: constraint.maxSkew,
      domains: byNode ? undefined : matching.sum(topology, includedNodes(constraint, keys, pod, table)).counts,
      weight: weightOf(byNode ? countedAmong(candidates, required) : domainsAmong(candidates, required, topology)),
    };
  });
  const state: SpreadScoreState = { parts, required, clone: () => state };
  return state;
}

function scoreRow({ parts, required }: SpreadScoreState, row: number): number {
  if (isIgnored(required, row)) return 0;
  let score = 0;
  for (const { topology, domains, pods, weight, maxSkew } of parts) {
    const domain = topology.domainOf[row] as number;
    if (domain === noDomain) continue;
    const count = domains === undefined ? pods.at(row) : (domains[domain] as number);
    score += count * weight + (maxSkew - 1);
  }
  return Math.round(score);
}

export function scoreSpread(state: SpreadScoreState, { row }: NodeInfo): number {
  return scoreRow(state, row);
}

export function scoreSpreadRows(state: SpreadScoreState, { rows, count }: Candidates, scores: Float64Array): void {
  for (let i = 0; i < count; i += 1) scores[i] = scoreRow(state, rows[i] as number);
}

/** The fewer, the better. */
export function normalizeSpread({ required }: SpreadScoreState, { rows, count }: Candidates, scores: Float64Array): void {
  let min = Number.POSITIVE_INFINITY;
  let max = 0;
  for (let i = 0; i < count; i += 1) {
    if (isIgnored(required, rows[i] as number)) continue;
    min = Math.min(min, scores[i] as number);
    max = Math.max(max, scores[i] as number);
  }
  for (let i = 0; i < count; i += 1) {
    if (isIgnored(required, rows[i] as number)) scores[i] = 0;
    else scores[i] = max === 0 ? maxNodeScore : Math.floor((maxNodeScore * (max + min - (scores[i] as number))) / max);
  }
}
