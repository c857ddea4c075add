import type { Node, Pod } from 'kubernetes-types/core/v1';
import { requestsOfPod } from './cache/resources.ts';
import type { ClusterEvent, EventAction } from './framework/events.ts';

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Status and reason of conditions without their times, which change with every heartbeat. */
function conditionsOf(node: Node): readonly unknown[] {
  return (node.status?.conditions ?? []).map(({ type, status }) => [type, status]);
}

/** undefined: nothing changed that scheduling could care for. */
export function nodeUpdate(before: Node, after: Node): ClusterEvent | undefined {
  const actions: EventAction[] = [];
  if (!same(before.status?.allocatable, after.status?.allocatable)) actions.push('UpdateNodeAllocatable');
  if (!same(before.metadata?.labels, after.metadata?.labels)) actions.push('UpdateNodeLabel');
  if (!same(before.spec?.taints, after.spec?.taints)) actions.push('UpdateNodeTaint');
  if (!same(conditionsOf(before), conditionsOf(after))) actions.push('UpdateNodeCondition');
  if ((before.spec?.unschedulable ?? false) !== (after.spec?.unschedulable ?? false)) actions.push('UpdateNodeUnschedulable');
  return actions.length === 0 ? undefined : { resource: 'Node', actions, before, after };
}

function scaledDown(before: Pod, after: Pod): boolean {
  const [was, is] = [requestsOfPod(before), requestsOfPod(after)];
  return is.milliCpu < was.milliCpu || is.memory < was.memory || is.ephemeralStorage < was.ephemeralStorage
    || was.scalar.entries().some(([name, amount]) => (is.scalar.get(name) ?? 0) < amount);
}

export function podUpdate(resource: 'AssignedPod' | 'UnscheduledPod', before: Pod, after: Pod): ClusterEvent {
  const actions: EventAction[] = [];
  if (!same(before.metadata?.labels, after.metadata?.labels)) actions.push('UpdatePodLabel');
  if (!same(before.spec?.tolerations, after.spec?.tolerations)) actions.push('UpdatePodToleration');
  if ((before.spec?.schedulingGates ?? []).length > 0 && (after.spec?.schedulingGates ?? []).length === 0) actions.push('UpdatePodSchedulingGatesEliminated');
  if (!same(before.spec?.containers, after.spec?.containers) && scaledDown(before, after)) actions.push('UpdatePodScaleDown');
  if (!same(before.status?.resourceClaimStatuses, after.status?.resourceClaimStatuses)) actions.push('UpdatePodGeneratedResourceClaim');
  return { resource, actions, before, after };
}
