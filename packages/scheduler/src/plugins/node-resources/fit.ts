import type { Node, Pod } from 'kubernetes-types/core/v1';
import { NodeInfo } from '../../cache/node-info.ts';
import { podInfoOf, type PodInfo } from '../../cache/pod-info.ts';
import { amountOf } from '../../cache/resources.ts';
import type { ClusterEvent } from '../../framework/events.ts';
import type { AnyPlugin } from '../../framework/interface.ts';
import { success, unschedulable } from '../../framework/status.ts';
import { makeResourceScore, type FitArgs } from './scoring-strategy.ts';

type Ignores = (resource: string) => boolean;

function ignores(args: FitArgs): Ignores {
  const names = new Set(args.ignoredResources);
  const groups = new Set(args.ignoredResourceGroups);
  return (resource) => names.has(resource) || groups.has(resource.split('/')[0] as string);
}

/** Upstream's reasons, in its order; empty if the pod fits. */
export function missingResources(pod: PodInfo, node: NodeInfo, ignored: Ignores = () => false): string[] {
  const { requests } = pod;
  const { allocatable, requested } = node;
  const reasons: string[] = [];
  if (node.pods.size + 1 > allocatable.pods) reasons.push('Too many pods');
  if (requests.milliCpu > 0 && requests.milliCpu > allocatable.milliCpu - requested.milliCpu) reasons.push('Insufficient cpu');
  if (requests.memory > 0 && requests.memory > allocatable.memory - requested.memory) reasons.push('Insufficient memory');
  if (requests.ephemeralStorage > 0 && requests.ephemeralStorage > allocatable.ephemeralStorage - requested.ephemeralStorage) reasons.push('Insufficient ephemeral-storage');
  for (const [name, amount] of requests.scalar) {
    if (amount === 0 || ignored(name)) continue;
    if (amount > amountOf(allocatable, name) - amountOf(requested, name)) reasons.push(`Insufficient ${name}`);
  }
  return reasons;
}

/** Could an empty node of this kind hold the pod? */
function fitsWhenEmpty(pod: Pod, event: ClusterEvent): boolean {
  const node = event.after as Node | undefined;
  if (node === undefined) return true;
  const info = new NodeInfo(node.metadata?.name ?? '');
  info.setNode(node);
  return missingResources(podInfoOf(pod), info).length === 0;
}

/** The pod's requests against what the node has left; scores by the configured strategy. */
export function nodeResourcesFit(args: FitArgs): AnyPlugin {
  const ignored = ignores(args);
  const scoreOf = makeResourceScore(args.scoringStrategy);
  return {
    name: 'NodeResourcesFit',
    filter(_state, pod, node) {
      const reasons = missingResources(pod, node, ignored);
      return reasons.length === 0 ? success : unschedulable(...reasons);
    },
    score: (_state, pod, node) => scoreOf(pod, node),
    eventsToRegister: () => [
      { resource: 'AssignedPod', actions: ['Delete', 'UpdatePodScaleDown'] },
      { resource: 'UnscheduledPod', actions: ['UpdatePodScaleDown'] },
      { resource: 'Node', actions: ['Add', 'UpdateNodeAllocatable'], hint: fitsWhenEmpty },
    ],
  };
}
