import type { Node, Pod } from 'kubernetes-types/core/v1';
import { NodeInfo } from '../../cache/node-info.ts';
import { podInfoOf, type PodInfo } from '../../cache/pod-info.ts';
import { amountOf } from '../../cache/resources.ts';
import type { ClusterEvent } from '../../framework/events.ts';
import type { AnyPlugin } from '../../framework/interface.ts';
import { success, unschedulable } from '../../framework/status.ts';
import type { NodeTable, ResourceColumn } from '../../table/node-table.ts';
import { makeResourceScore, type FitArgs } from './scoring-strategy.ts';

type Ignores = (resource: string) => boolean;

function ignores(args: FitArgs): Ignores {
  const names = new Set(args.ignoredResources);
  const groups = new Set(args.ignoredResourceGroups);
  return (resource) => names.has(resource) || groups.has(resource.split('/')[0] as string);
}

/** Upstream's reasons, in its order; empty if the pod fits. */
function missingResources(pod: PodInfo, node: NodeInfo, ignored: Ignores = () => false): string[] {
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

/** Keeps rows that have `amount` left. */
function keepRoom({ allocatable, requested }: ResourceColumn, amount: number, rows: Int32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i += 1) {
    const row = rows[i] as number;
    if (amount <= (allocatable[row] as number) - (requested[row] as number)) { rows[kept] = row; kept += 1; }
  }
  return kept;
}

function keepFitting({ requests }: PodInfo, table: NodeTable, ignored: Ignores, rows: Int32Array, count: number): number {
  let kept = keepRoom(table.pods, 1, rows, count);
  if (requests.milliCpu > 0) kept = keepRoom(table.cpu, requests.milliCpu, rows, kept);
  if (requests.memory > 0) kept = keepRoom(table.memory, requests.memory, rows, kept);
  if (requests.ephemeralStorage > 0) kept = keepRoom(table.ephemeralStorage, requests.ephemeralStorage, rows, kept);
  for (const [name, amount] of requests.scalar) if (amount > 0 && !ignored(name)) kept = keepRoom(table.scalar(name), amount, rows, kept);
  return kept;
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
    filtersByNodeAlone: true,
    scoresByNodeAlone: true,
    filter(_state, pod, node) {
      const reasons = missingResources(pod, node, ignored);
      return reasons.length === 0 ? success : unschedulable(...reasons);
    },
    filterRows: (_state, pod, { table }, rows, count) => keepFitting(pod, table, ignored, rows, count),
    score: (_state, pod, node) => scoreOf.node(pod, node),
    scoreRows: (_state, pod, candidates, scores) => scoreOf.rows(pod, candidates, scores),
    eventsToRegister: () => [
      { resource: 'AssignedPod', actions: ['Delete', 'UpdatePodScaleDown'] },
      { resource: 'UnscheduledPod', actions: ['UpdatePodScaleDown'] },
      { resource: 'Node', actions: ['Add', 'UpdateNodeAllocatable'], hint: fitsWhenEmpty },
    ],
  };
}
