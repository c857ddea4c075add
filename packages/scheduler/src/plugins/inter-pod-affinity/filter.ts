import type { NodeInfo } from '../../cache/node-info.ts';
import { termMatches, type AffinityTerm, type PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import { success, unresolvable, unschedulable, type Status } from '../../framework/status.ts';
import type { Labels } from '../../selectors/labels.ts';
import { TopologyCounts } from './topology-counts.ts';

export const reasonAffinityRules = "node(s) didn't match pod affinity rules";
export const reasonAntiAffinityRules = "node(s) didn't match pod anti-affinity rules";
export const reasonExistingAntiAffinityRules = "node(s) didn't satisfy existing pods anti-affinity rules";

type NamespaceLabels = (namespace: string) => Labels;

function matchesAll(terms: readonly AffinityTerm[], pod: PodInfo, namespaceLabels: NamespaceLabels): boolean {
  return terms.length > 0 && terms.every((term) => termMatches(term, pod, namespaceLabels));
}

/** Which domains attract and repel one pod, by the required terms of both sides. */
export class AffinityState implements StateData {
  readonly #namespaceLabels: NamespaceLabels;
  readonly #existingAnti: TopologyCounts;
  readonly #affinity: TopologyCounts;
  readonly #anti: TopologyCounts;

  constructor(namespaceLabels: NamespaceLabels, from?: AffinityState) {
    this.#namespaceLabels = namespaceLabels;
    this.#existingAnti = new TopologyCounts(from === undefined ? undefined : from.#existingAnti);
    this.#affinity = new TopologyCounts(from === undefined ? undefined : from.#affinity);
    this.#anti = new TopologyCounts(from === undefined ? undefined : from.#anti);
  }

  clone(): AffinityState {
    return new AffinityState(this.#namespaceLabels, this);
  }

  /** Terms of `other` (on `node`) against `pod`. */
  addExisting(pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1): void {
    for (const term of other.requiredAntiAffinity) if (termMatches(term, pod, this.#namespaceLabels)) this.#existingAnti.addAt(node, term.topologyKey, by);
  }

  /** Terms of `pod` against `other` (on `node`). */
  addIncoming(pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1): void {
    if (matchesAll(pod.requiredAffinity, other, this.#namespaceLabels)) {
      for (const term of pod.requiredAffinity) this.#affinity.addAt(node, term.topologyKey, by);
    }
    for (const term of pod.requiredAntiAffinity) if (termMatches(term, other, this.#namespaceLabels)) this.#anti.addAt(node, term.topologyKey, by);
  }

  get repelsNowhere(): boolean { return this.#existingAnti.isEmpty; }

  /** The first pod of a group that wants to be together may go anywhere: it would wait for itself for ever. */
  #attracted(pod: PodInfo, node: NodeInfo): boolean {
    let allThere = true;
    for (const { topologyKey } of pod.requiredAffinity) {
      if (!Object.hasOwn(node.labels, topologyKey)) return false;
      if (this.#affinity.at(node, topologyKey) <= 0) allThere = false;
    }
    return allThere || (this.#affinity.isEmpty && matchesAll(pod.requiredAffinity, pod, this.#namespaceLabels));
  }

  filter(pod: PodInfo, node: NodeInfo): Status {
    if (!this.#attracted(pod, node)) return unresolvable(reasonAffinityRules);
    if (pod.requiredAntiAffinity.some(({ topologyKey }) => this.#anti.at(node, topologyKey) > 0)) return unschedulable(reasonAntiAffinityRules);
    return this.#existingAnti.anyAt(node) ? unschedulable(reasonExistingAntiAffinityRules) : success;
  }
}

export function affinityState(pod: PodInfo, snapshot: Snapshot): AffinityState {
  const state = new AffinityState(snapshot.namespaceLabels);
  for (const node of snapshot.nodesWithRequiredAntiAffinity) {
    for (const other of node.podsWithRequiredAntiAffinity.values()) state.addExisting(pod, other, node, 1);
  }
  if (pod.requiredAffinity.length + pod.requiredAntiAffinity.length === 0) return state;
  for (const node of snapshot.nodes) for (const other of node.pods.values()) state.addIncoming(pod, other, node, 1);
  return state;
}
