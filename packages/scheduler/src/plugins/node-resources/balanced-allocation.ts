import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import { amountOf } from '../../cache/resources.ts';
import { maxNodeScore, type ScorePlugin } from '../../framework/interface.ts';
import type { ResourceWeight } from './scoring-strategy.ts';

function fractions(pod: PodInfo, node: NodeInfo, resources: readonly ResourceWeight[]): number[] {
  const out: number[] = [];
  for (const { name } of resources) {
    const there = amountOf(node.allocatable, name);
    const wanted = amountOf(pod.requests, name);
    const isBasic = name === 'cpu' || name === 'memory' || name === 'ephemeral-storage';
    if (there === 0 || (!isBasic && wanted === 0)) continue;
    out.push(Math.min(1, (amountOf(node.requested, name) + wanted) / there));
  }
  return out;
}

function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Prefers nodes whose resources would be used in equal shares. */
export function nodeResourcesBalancedAllocation(resources: readonly ResourceWeight[]): ScorePlugin {
  return {
    name: 'NodeResourcesBalancedAllocation',
    score: (_state, pod, node) => Math.trunc((1 - deviation(fractions(pod, node, resources))) * maxNodeScore),
  };
}
