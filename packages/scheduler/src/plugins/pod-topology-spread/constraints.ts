import type { Pod, TopologySpreadConstraint } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import { allOf, compileLabelSelector, compileRequirement, type LabelMatcher } from '../../selectors/labels.ts';
import type { NodeMatcher } from '../../selectors/node-selector.ts';
import { firstUntolerated } from '../../selectors/taints.ts';

export const hostnameKey = 'kubernetes.io/hostname';
export const zoneKey = 'topology.kubernetes.io/zone';

/** A spread constraint made ready for one pod. */
export interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly matches: LabelMatcher;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
}

function withMatchLabelKeys(constraint: TopologySpreadConstraint, pod: Pod): LabelMatcher {
  const own = pod.metadata?.labels ?? {};
  const extra = (constraint.matchLabelKeys ?? []).filter((key) => Object.hasOwn(own, key))
    .map((key) => compileRequirement({ key, operator: 'In', values: [own[key] as string] }));
  return allOf([compileLabelSelector(constraint.labelSelector), ...extra]);
}

export function compileConstraint(constraint: TopologySpreadConstraint, pod: Pod, selector?: LabelMatcher): Constraint {
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    matches: selector ?? withMatchLabelKeys(constraint, pod),
    honorAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorTaints: constraint.nodeTaintsPolicy === 'Honor',
  };
}

export function compileConstraints(pod: Pod, when: 'DoNotSchedule' | 'ScheduleAnyway'): Constraint[] {
  return (pod.spec?.topologySpreadConstraints ?? []).filter((constraint) => constraint.whenUnsatisfiable === when)
    .map((constraint) => compileConstraint(constraint, pod));
}

export function hasAllKeys(node: NodeInfo, constraints: readonly Constraint[]): boolean {
  return constraints.every((constraint) => Object.hasOwn(node.labels, constraint.topologyKey));
}

/** Do the node's pods count for this constraint, by the inclusion policies? `affinity` undefined: the pod has none. */
export function isIncluded(constraint: Constraint, pod: PodInfo, node: NodeInfo, affinity: NodeMatcher | undefined): boolean {
  if (constraint.honorAffinity && affinity !== undefined && node.node !== undefined && !affinity(node.node)) return false;
  return !constraint.honorTaints || firstUntolerated(node.taints, pod.pod.spec?.tolerations ?? []) === undefined;
}

/** Counted: pods of the namespace that the selector matches and that are not on their way out. */
export function countMatching(node: NodeInfo, namespace: string, matches: LabelMatcher): number {
  let count = 0;
  for (const pod of node.pods.values()) if (counts(pod, namespace, matches)) count += 1;
  return count;
}

export function counts(pod: PodInfo, namespace: string, matches: LabelMatcher): boolean {
  return pod.namespace === namespace && !pod.terminating && matches(pod.labels);
}
