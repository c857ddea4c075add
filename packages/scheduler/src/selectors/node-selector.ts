import type { Node, NodeSelector, NodeSelectorTerm, Pod, PreferredSchedulingTerm } from 'kubernetes-types/core/v1';
import { allOf, compileRequirement, type LabelMatcher } from './labels.ts';

export type NodeMatcher = (node: Node) => boolean;

/** An empty term matches no node. */
function compileTerm(term: NodeSelectorTerm): NodeMatcher {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return () => false;
  const byLabels = allOf(expressions.map(compileRequirement));
  // The only field of a node that can be selected.
  const byFields = allOf(fields.map((field) => (field.key === 'metadata.name' ? compileRequirement(field) : () => false)));
  return (node) => byLabels(node.metadata?.labels ?? {}) && byFields({ 'metadata.name': node.metadata?.name ?? '' });
}

/** Any of the terms. */
export function compileNodeSelector(selector: NodeSelector): NodeMatcher {
  const terms = selector.nodeSelectorTerms.map(compileTerm);
  return (node) => terms.some((matches) => matches(node));
}

/** spec.nodeSelector and required node affinity together; undefined if the pod has neither. */
export function compileRequiredNodeAffinity(pod: Pod): NodeMatcher | undefined {
  const plain = Object.entries(pod.spec?.nodeSelector ?? {});
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (plain.length === 0 && required === undefined) return undefined;
  const bySelector: LabelMatcher = allOf(plain.map(([key, value]) => compileRequirement({ key, operator: 'In', values: [value] })));
  const byAffinity: NodeMatcher = required === undefined ? () => true : compileNodeSelector(required);
  return (node) => bySelector(node.metadata?.labels ?? {}) && byAffinity(node);
}

export interface WeightedNodeMatcher {
  readonly weight: number;
  readonly matches: NodeMatcher;
}

/** An empty preference matches every node. */
export function compilePreferredTerm(term: PreferredSchedulingTerm): WeightedNodeMatcher {
  const { preference } = term;
  const empty = (preference.matchExpressions ?? []).length + (preference.matchFields ?? []).length === 0;
  return { weight: term.weight, matches: empty ? () => true : compileTerm(preference) };
}
