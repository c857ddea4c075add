import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import { amountOf } from '../../cache/resources.ts';
import { maxNodeScore } from '../../framework/interface.ts';

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

/** Weighted mean of the strategy's curve over its resources. */
export function makeResourceScore(strategy: ScoringStrategy): (pod: PodInfo, node: NodeInfo) => number {
  const curve = curveOf(strategy);
  const round = strategy.type === 'RequestedToCapacityRatio' ? Math.round : Math.floor;
  return (pod, node) => {
    let sum = 0;
    let weights = 0;
    for (const { name, weight } of strategy.resources) {
      const amounts = usage(pod, node, name);
      if (amounts === undefined) continue;
      const score = curve(amounts.asked, amounts.there);
      if (strategy.type === 'RequestedToCapacityRatio' && score <= 0) continue;
      sum += score * weight;
      weights += weight;
    }
    return weights === 0 ? 0 : round(sum / weights);
  };
}
