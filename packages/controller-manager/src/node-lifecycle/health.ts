import { rfc3339Seconds } from '@coxswain/host';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Node, NodeCondition, Taint } from 'kubernetes-types/core/v1';
import { createdMs, deepEqual } from '../common/object.ts';

const notReadyTaint = 'node.kubernetes.io/not-ready';
const unreachableTaint = 'node.kubernetes.io/unreachable';
export const unschedulableTaint = 'node.kubernetes.io/unschedulable';

/** Conditions whose `True` keeps new pods away. */
const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure', DiskPressure: 'node.kubernetes.io/disk-pressure', PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};

/** When this process last saw a node speak, by its own monotonic clock: the node's clock says nothing here. */
export interface Probe {
  readonly status: string;
  readonly renewTime: string | undefined;
  readonly seenMs: number;
}

export interface GracePeriods { readonly gracePeriodMs: number; readonly startupGracePeriodMs: number }

function heartbeats(node: Node): string {
  return JSON.stringify((node.status?.conditions ?? []).map(({ type, status, lastHeartbeatTime }) => [type, status, lastHeartbeatTime]));
}

/** A changed heartbeat or a renewed Lease counts as a sign of life. */
export function probe(before: Probe | undefined, node: Node, lease: Lease | undefined, nowMs: number): Probe {
  const status = heartbeats(node);
  const renewTime = lease?.spec?.renewTime;
  const spoke = before === undefined || before.status !== status || (renewTime !== undefined && before.renewTime !== renewTime);
  return { status, renewTime, seenMs: spoke ? nowMs : before.seenMs };
}

export function isSilent(node: Node, seen: Probe, periods: GracePeriods, nowMs: number): boolean {
  const hasSpoken = node.status?.conditions?.some(({ type, lastHeartbeatTime }) => type === 'Ready' && lastHeartbeatTime !== undefined) === true;
  return nowMs - seen.seenMs > (hasSpoken ? periods.gracePeriodMs : Math.max(periods.gracePeriodMs, periods.startupGracePeriodMs));
}

/** Conditions of a node that has fallen silent: nothing is known of it any more. */
export function unknownConditions(node: Node, nowMs: number): NodeCondition[] {
  const now = rfc3339Seconds(nowMs);
  const judged = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
  const present = node.status?.conditions ?? [];
  const changed = present.map((condition): NodeCondition => (!judged.includes(condition.type) || condition.status === 'Unknown' ? condition
    : { ...condition, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: now }));
  const created = createdMs(node);
  const missing = judged.filter((type) => !present.some((condition) => condition.type === type)).map((type): NodeCondition => ({
    type, status: 'Unknown', reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.', lastTransitionTime: now,
    lastHeartbeatTime: Number.isNaN(created) ? now : rfc3339Seconds(created),
  }));
  return [...changed, ...missing];
}

/** The taints that a node's conditions ask for; those of others are kept. */
export function wantedTaints(node: Node, nowMs: number): Taint[] {
  const conditions = new Map((node.status?.conditions ?? []).map((condition) => [condition.type, condition.status]));
  const ready = conditions.get('Ready') ?? 'Unknown';
  const key = ready === 'True' ? undefined : ready === 'False' ? notReadyTaint : unreachableTaint;
  const wanted: Taint[] = [];
  if (key !== undefined) wanted.push({ key, effect: 'NoSchedule' }, { key, effect: 'NoExecute', timeAdded: rfc3339Seconds(nowMs) });
  for (const [type, taint] of Object.entries(pressureTaints)) if (conditions.get(type) === 'True') wanted.push({ key: taint, effect: 'NoSchedule' });
  if (node.spec?.unschedulable === true) wanted.push({ key: unschedulableTaint, effect: 'NoSchedule' });
  const ours = new Set([notReadyTaint, unreachableTaint, unschedulableTaint, ...Object.values(pressureTaints)]);
  const present = node.spec?.taints ?? [];
  const others = present.filter((taint) => !ours.has(taint.key) || (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute'));
  // One that stands already keeps the time at which it was set.
  return [...others, ...wanted.map((taint) => present.find((found) => found.key === taint.key && found.effect === taint.effect) ?? taint)];
}

/** The order of taints says nothing. */
export function sameTaints(a: readonly Taint[], b: readonly Taint[]): boolean {
  const sorted = (taints: readonly Taint[]): string[] => taints.map(({ key, value, effect }) => `${key}=${value ?? ''}:${effect}`).toSorted();
  return deepEqual(sorted(a), sorted(b));
}
