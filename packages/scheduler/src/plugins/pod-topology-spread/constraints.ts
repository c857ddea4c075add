import type { Pod, TopologySpreadConstraint } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import { byShape, type PodInfo } from '../../cache/pod-info.ts';
import { allOf, compileLabelSelector, compileRequirement, type LabelMatcher } from '../../selectors/labels.ts';
import { compileRequiredNodeAffinity } from '../../selectors/node-selector.ts';
import { firstUntolerated } from '../../selectors/taints.ts';
import type { NodeTable } from '../../table/node-table.ts';
import type { PodFacts, PodQuestion } from '../../table/pod-index.ts';
import type { RowSelection } from '../../table/row-counts.ts';

export const hostnameKey = 'kubernetes.io/hostname';
export const zoneKey = 'topology.kubernetes.io/zone';

/** A selector that has a name: equal keys mean equal selectors. */
export interface KeyedSelector {
  readonly key: string;
  readonly matches: LabelMatcher;
  /** Without a single requirement. */
  readonly empty?: boolean;
}

/** A spread constraint made ready for one pod. */
export interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: KeyedSelector;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
}

function withMatchLabelKeys(constraint: TopologySpreadConstraint, pod: Pod): KeyedSelector {
  const own = pod.metadata?.labels ?? {};
  const extra = (constraint.matchLabelKeys ?? []).filter((key) => Object.hasOwn(own, key)).map((key) => ({ key, operator: 'In', values: [own[key] as string] }));
  const { labelSelector } = constraint;
  return {
    key: JSON.stringify([labelSelector ?? null, extra]),
    matches: allOf([compileLabelSelector(labelSelector), ...extra.map(compileRequirement)]),
    empty: labelSelector !== undefined && extra.length === 0
      && Object.keys(labelSelector.matchLabels ?? {}).length === 0 && (labelSelector.matchExpressions ?? []).length === 0,
  };
}

export function compileConstraint(constraint: TopologySpreadConstraint, pod: Pod, selector?: KeyedSelector): Constraint {
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    selector: selector ?? withMatchLabelKeys(constraint, pod),
    honorAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorTaints: constraint.nodeTaintsPolicy === 'Honor',
  };
}

export function compileConstraints(pod: Pod, when: 'DoNotSchedule' | 'ScheduleAnyway'): Constraint[] {
  return (pod.spec?.topologySpreadConstraints ?? []).filter((constraint) => constraint.whenUnsatisfiable === when)
    .map((constraint) => compileConstraint(constraint, pod));
}

/** Counted: pods of the namespace that the selector matches and that are not on their way out. */
export function counts(pod: PodFacts, namespace: string, matches: LabelMatcher): boolean {
  return pod.namespace === namespace && !pod.terminating && matches(pod.labels);
}

/** An empty selector counts none of the pods that are there, though the new one matches it: upstream's, and visible. */
export function questionOf({ selector }: Constraint, namespace: string): PodQuestion {
  return { key: `spread ${namespace} ${selector.key}`, matches: (pod) => selector.empty !== true && counts(pod, namespace, selector.matches), byNamespaceLabels: false };
}

const requiredAffinityOf = byShape(compileRequiredNodeAffinity);

/** Nodes whose pods count for the constraint: those with all of `keys` and within the inclusion policies. */
export function includedNodes({ honorAffinity, honorTaints }: Constraint, keys: readonly string[], pod: PodInfo, table: NodeTable): RowSelection {
  const affinity = honorAffinity ? requiredAffinityOf(pod) : undefined;
  const tolerations = pod.pod.spec?.tolerations ?? [];
  const key = `spread ${JSON.stringify([keys, affinity === undefined ? '' : pod.nodeAffinityKey, honorTaints ? pod.tolerationsKey : ''])}`;
  const holds = ({ node, labels, taints }: NodeInfo): boolean => keys.every((name) => Object.hasOwn(labels, name))
    && (affinity === undefined || node === undefined || affinity(node)) && (!honorTaints || firstUntolerated(taints, tolerations) === undefined);
  return { key, bits: table.mask(key, holds) };
}
