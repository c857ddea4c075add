import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import { amountOf } from '../../cache/resources.ts';
import type { Candidates } from '../../framework/candidates.ts';
import { maxNodeScore } from '../../framework/interface.ts';
import type { NodeTable } from '../../table/node-table.ts';

export interface ResourceWeight {
  readonly name: string;
  readonly weight: number;
}

export interface ScoringStrategy {
  readonly type: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio';
  readonly resources: readonly ResourceWeight[];
  /** RequestedToCapacityRatio: points in order of utilization (0..100), scores 0..10. */
  readonly shape?: readonly { readonly utilization: number; readonly score: number }[];
}

export interface FitArgs {
  readonly ignoredResources: readonly string[];
  readonly ignoredResourceGroups: readonly string[];
  readonly scoringStrategy: ScoringStrategy;
}

/** Amount asked by pods and there on the node, the pod to be placed included. CPU and memory count as at least a little a container. */
function usage(pod: PodInfo, node: NodeInfo, resource: string): { readonly asked: number; readonly there: number } | undefined {
  const there = amountOf(node.allocatable, resource);
  if (there === 0) return undefined;
  const nonZero = resource === 'cpu' || resource === 'memory';
  const wanted = amountOf(nonZero ? pod.nonZeroRequests : pod.requests, resource);
  // A pod that does not use an extended resource is not judged by it.
  if (!nonZero && resource !== 'ephemeral-storage' && wanted === 0) return undefined;
  return { asked: amountOf(nonZero ? node.nonZeroRequested : node.requested, resource) + wanted, there };
}

type Curve = (asked: number, there: number) => number;

const leastAllocated: Curve = (asked, there) => (asked > there ? 0 : Math.floor(((there - asked) * maxNodeScore) / there));
const mostAllocated: Curve = (asked, there) => Math.floor((Math.min(asked, there) * maxNodeScore) / there);

function shapeCurve(shape: NonNullable<ScoringStrategy['shape']>): Curve {
  const points = shape.map(({ utilization, score }) => ({ utilization, score: score * 10 }));
  const valueAt = (utilization: number): number => {
    const after = points.findIndex((point) => utilization <= point.utilization);
    if (after < 0) return points.at(-1)?.score ?? 0;
    const right = points[after] as (typeof points)[number];
    const left = points[after - 1];
    if (left === undefined) return right.score;
    return left.score + Math.trunc(((right.score - left.score) * (utilization - left.utilization)) / (right.utilization - left.utilization));
  };
  return (asked, there) => valueAt(there === 0 || asked > there ? maxNodeScore : Math.floor((asked * maxNodeScore) / there));
}

function curveOf(strategy: ScoringStrategy): Curve {
  switch (strategy.type) {
    case 'LeastAllocated': return leastAllocated;
    case 'MostAllocated': return mostAllocated;
    case 'RequestedToCapacityRatio': return shapeCurve(strategy.shape ?? []);
  }
}

export interface ResourceScore {
  node(pod: PodInfo, node: NodeInfo): number;
  /** The same for all candidates. */
  rows(pod: PodInfo, candidates: Candidates, scores: Float64Array): void;
}

/** What `usage` says, as columns; undefined if no node is judged by the resource. */
function usageColumns(pod: PodInfo, table: NodeTable, resource: string): { readonly wanted: number; readonly asked: Float64Array; readonly there: Float64Array } | undefined {
  switch (resource) {
    case 'cpu': return { wanted: pod.nonZeroRequests.milliCpu, asked: table.nonZeroCpu, there: table.cpu.allocatable };
    case 'memory': return { wanted: pod.nonZeroRequests.memory, asked: table.nonZeroMemory, there: table.memory.allocatable };
    case 'ephemeral-storage': return { wanted: pod.requests.ephemeralStorage, asked: table.ephemeralStorage.requested, there: table.ephemeralStorage.allocatable };
    default: {
      const wanted = amountOf(pod.requests, resource);
      if (wanted === 0) return undefined;
      const column = table.scalar(resource);
      return { wanted, asked: column.requested, there: column.allocatable };
    }
  }
}

/** Weighted mean of the strategy's curve over its resources. */
export function makeResourceScore(strategy: ScoringStrategy): ResourceScore {
  const curve = curveOf(strategy);
  const byRatio = strategy.type === 'RequestedToCapacityRatio';
  const round = byRatio ? Math.round : Math.floor;
  let weights = new Float64Array(0);
  return {
    node(pod, node) {
      let sum = 0;
      let weightSum = 0;
      for (const { name, weight } of strategy.resources) {
        const amounts = usage(pod, node, name);
        if (amounts === undefined) continue;
        const score = curve(amounts.asked, amounts.there);
        if (byRatio && score <= 0) continue;
        sum += score * weight;
        weightSum += weight;
      }
      return weightSum === 0 ? 0 : round(sum / weightSum);
    },
    rows(pod, { table, rows, count }, scores) {
      if (weights.length < count) weights = new Float64Array(count);
      weights.fill(0, 0, count);
      scores.fill(0, 0, count);
      for (const { name, weight } of strategy.resources) {
        const usages = usageColumns(pod, table, name);
        if (usages === undefined) continue;
        const { wanted, asked, there } = usages;
        for (let i = 0; i < count; i += 1) {
          const row = rows[i] as number;
          const capacity = there[row] as number;
          if (capacity === 0) continue;
          const score = curve((asked[row] as number) + wanted, capacity);
          if (byRatio && score <= 0) continue;
          scores[i] = (scores[i] as number) + score * weight;
          weights[i] = (weights[i] as number) + weight;
        }
      }
      for (let i = 0; i < count; i += 1) scores[i] = weights[i] === 0 ? 0 : round((scores[i] as number) / (weights[i] as number));
    },
  };
}
