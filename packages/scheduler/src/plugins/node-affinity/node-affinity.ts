import type { Node, NodeAffinity, NodeSelectorTerm, Pod } from 'kubernetes-types/core/v1';
import { byShape } from '../../cache/pod-info.ts';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import type { AnyPlugin, PreFilterResult } from '../../framework/interface.ts';
import { skip, success, unresolvable } from '../../framework/status.ts';
import { compileNodeSelector, compilePreferredTerm, compileRequiredNodeAffinity, type NodeMatcher, type WeightedNodeMatcher } from '../../selectors/node-selector.ts';
import { keepMasked } from '../../table/node-table.ts';
import { scaleToMax } from '../normalize.ts';

const name = 'NodeAffinity';
const reasonAffinity = "node(s) didn't match Pod's node affinity/selector";
const reasonEnforced = "node(s) didn't match scheduler-enforced node affinity";
const reasonConflict = 'pod affinity terms conflict';

interface FilterState extends StateData { readonly matches: NodeMatcher }
interface ScoreState extends StateData { readonly preferred: readonly WeightedNodeMatcher[] }

/** Node names that a term's fields ask for; undefined if it asks for none. */
function namesOfTerm(term: NodeSelectorTerm): Set<string> | undefined {
  let names: Set<string> | undefined;
  for (const field of term.matchFields ?? []) {
    if (field.key !== 'metadata.name' || field.operator !== 'In') continue;
    const wanted = new Set(field.values);
    names = names === undefined ? wanted : names.intersection(wanted);
  }
  return names;
}

/** Daemon pods name their node: then nothing else need be looked at. */
function namesOf(pod: Pod): Set<string> | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  let all: Set<string> | undefined;
  for (const term of terms) {
    const names = namesOfTerm(term);
    if (names === undefined) return undefined;
    all = all === undefined ? names : all.union(names);
  }
  return all;
}

function preFilterOf(pod: Pod): PreFilterResult {
  const nodeNames = namesOf(pod);
  if (nodeNames === undefined) return { status: success };
  return nodeNames.size === 0 ? { status: unresolvable(reasonConflict) } : { status: success, nodeNames };
}

/** `added`: affinity that the scheduler's configuration demands of every pod. */
export function nodeAffinity(added?: NodeAffinity): AnyPlugin {
  const enforced = added?.requiredDuringSchedulingIgnoredDuringExecution;
  const enforcedMatches = enforced === undefined ? undefined : compileNodeSelector(enforced);
  const enforcedPreferred = (added?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(compilePreferredTerm);
  const requiredOf = byShape(compileRequiredNodeAffinity);
  const preferredOf = byShape((pod) => (pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(compilePreferredTerm));
  const accepts = (pod: Pod, node: Node | undefined): boolean => node !== undefined
    && (enforcedMatches?.(node) ?? true) && (compileRequiredNodeAffinity(pod)?.(node) ?? true);
  /** One plugin has one `added`, so the pod's own demands tell masks apart. */
  const maskName = `${name} ${JSON.stringify(enforced ?? null)}`;
  return {
    name,
    filtersByNodeAlone: true,
    preFilter(state, pod) {
      const required = requiredOf(pod);
      if (required === undefined && enforcedMatches === undefined) return { status: skip };
      const data: FilterState = { matches: required ?? (() => true), clone: () => data };
      state.write(name, data);
      return preFilterOf(pod.pod);
    },
    filter(state, _pod, { node }) {
      if (node === undefined) return unresolvable(reasonAffinity);
      if (enforcedMatches !== undefined && !enforcedMatches(node)) return unresolvable(reasonEnforced);
      return state.read<FilterState>(name)?.matches(node) === true ? success : unresolvable(reasonAffinity);
    },
    filterRows(state, { nodeAffinityKey }, { table }, rows, count) {
      const matches = state.read<FilterState>(name)?.matches ?? (() => false);
      const holds = ({ node }: NodeInfo): boolean => node !== undefined && (enforcedMatches?.(node) ?? true) && matches(node);
      return keepMasked(table.mask(`${maskName} ${nodeAffinityKey}`, holds), rows, count);
    },
    preScore(state, pod) {
      const own = preferredOf(pod);
      if (own.length + enforcedPreferred.length === 0) return skip;
      const data: ScoreState = { preferred: [...enforcedPreferred, ...own], clone: () => data };
      state.write(`${name}/score`, data);
      return success;
    },
    score(state, _pod, { node }) {
      let sum = 0;
      for (const term of state.read<ScoreState>(`${name}/score`)?.preferred ?? []) if (node !== undefined && term.matches(node)) sum += term.weight;
      return sum;
    },
    normalize: (_state, _pod, { count }, scores) => scaleToMax(scores, count),
    eventsToRegister: () => [{ resource: 'Node', actions: ['Add', 'UpdateNodeLabel'], hint: (pod, event) => accepts(pod, event.after as Node | undefined) }],
  };
}
