import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import { amountOf } from '../../cache/resources.ts';
import type { Candidates } from '../../framework/candidates.ts';
import { maxNodeScore, type ScorePlugin } from '../../framework/interface.ts';
import type { NodeTable, ResourceColumn } from '../../table/node-table.ts';
import type { ResourceWeight } from './scoring-strategy.ts';

function isBasic(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name === 'ephemeral-storage';
}

/** How much of the resource would be used; undefined: the node is not judged by it. */
function fraction(pod: PodInfo, node: NodeInfo, name: string): number | undefined {
  const there = amountOf(node.allocatable, name);
  const wanted = amountOf(pod.requests, name);
  if (there === 0 || (!isBasic(name) && wanted === 0)) return undefined;
  return Math.min(1, (amountOf(node.requested, name) + wanted) / there);
}

function deviation(values: readonly number[]): number {
  const [first, second] = values;
  if (values.length < 2) return 0;
  if (values.length === 2) return Math.abs(((first as number) - (second as number)) / 2);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

function columnOf(table: NodeTable, name: string): ResourceColumn {
  switch (name) {
    case 'cpu': return table.cpu;
    case 'memory': return table.memory;
    case 'ephemeral-storage': return table.ephemeralStorage;
    default: return table.scalar(name);
  }
}

interface Judged { readonly wanted: number; readonly column: ResourceColumn }

function scorePairs([first, second]: readonly [Judged, Judged], { rows, count }: Candidates, scores: Float64Array): void {
  const [a, b] = [first.column, second.column];
  for (let i = 0; i < count; i += 1) {
    const row = rows[i] as number;
    const [thereA, thereB] = [a.allocatable[row] as number, b.allocatable[row] as number];
    if (thereA === 0 || thereB === 0) { scores[i] = maxNodeScore; continue; }
    const usedA = Math.min(1, ((a.requested[row] as number) + first.wanted) / thereA);
    const usedB = Math.min(1, ((b.requested[row] as number) + second.wanted) / thereB);
    scores[i] = Math.trunc((1 - Math.abs((usedA - usedB) / 2)) * maxNodeScore);
  }
}

/** Prefers nodes whose resources would be used in equal shares. */
export function nodeResourcesBalancedAllocation(resources: readonly ResourceWeight[]): ScorePlugin {
  const score = (pod: PodInfo, node: NodeInfo): number =>
    Math.trunc((1 - deviation(resources.map(({ name }) => fraction(pod, node, name)).filter((value) => value !== undefined))) * maxNodeScore);
  return {
    name: 'NodeResourcesBalancedAllocation',
    scoresByNodeAlone: true,
    score: (_state, pod, node) => score(pod, node),
    scoreRows(_state, pod, candidates, scores) {
      const judged = resources.map(({ name }) => ({ name, wanted: amountOf(pod.requests, name) })).filter(({ name, wanted }) => isBasic(name) || wanted > 0)
        .map(({ name, wanted }) => ({ wanted, column: columnOf(candidates.table, name) }));
      const [first, second] = judged;
      if (judged.length === 2 && first !== undefined && second !== undefined) scorePairs([first, second], candidates, scores);
      else for (let i = 0; i < candidates.count; i += 1) scores[i] = score(pod, candidates.nodeAt(i));
    },
  };
}
