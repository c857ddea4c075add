import type { NodeInfo } from '../../cache/node-info.ts';
import type { AffinityTerm, PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import { success, unresolvable, unschedulable, type Status } from '../../framework/status.ts';
import type { Labels } from '../../selectors/labels.ts';
import { termSelects, type PodFacts, type PodQuestion } from '../../table/pod-index.ts';
import { DomainTally } from './domain-tally.ts';

const reasonAffinityRules = "node(s) didn't match pod affinity rules";
const reasonAntiAffinityRules = "node(s) didn't match pod anti-affinity rules";
const reasonExistingAntiAffinityRules = "node(s) didn't satisfy existing pods anti-affinity rules";

type NamespaceLabels = (namespace: string) => Labels;

/** A term and how often it is met in each domain. */
export interface TermTally {
  readonly term: AffinityTerm;
  readonly tally: DomainTally;
}

const copyOf = ({ term, tally }: TermTally): TermTally => ({ term, tally: tally.clone() });

/** Pods that all of the terms select. */
export function selectedByAll(terms: readonly AffinityTerm[], namespaceLabels: NamespaceLabels): PodQuestion {
  return {
    key: `affinity ${terms.map(({ key }) => key).join(' ')}`,
    matches: (pod) => terms.every((term) => termSelects(term, pod, namespaceLabels)),
    byNamespaceLabels: terms.some(({ namespaceSelector }) => namespaceSelector !== undefined),
  };
}

/** Which domains attract and repel one pod, by the required terms of both sides. */
export class AffinityState implements StateData {
  readonly #namespaceLabels: NamespaceLabels;
  /** Anti-affinity of placed pods against the one to be placed. */
  readonly #existingAnti: TermTally[];
  readonly #affinity: readonly TermTally[];
  readonly #anti: readonly TermTally[];

  constructor(namespaceLabels: NamespaceLabels, existingAnti: TermTally[], affinity: readonly TermTally[], anti: readonly TermTally[]) {
    this.#namespaceLabels = namespaceLabels;
    this.#existingAnti = existingAnti;
    this.#affinity = affinity;
    this.#anti = anti;
  }

  clone(): AffinityState {
    return new AffinityState(this.#namespaceLabels, this.#existingAnti.map(copyOf), this.#affinity.map(copyOf), this.#anti.map(copyOf));
  }

  /** On a trial, `other` comes to `node` or leaves it: what that does to `pod`. */
  update(pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1, snapshot: Snapshot): void {
    for (const term of other.requiredAntiAffinity) {
      if (termSelects(term, pod, this.#namespaceLabels)) this.#existingTally(term, snapshot).add(node, by);
    }
    if (this.#selectsAll(other)) for (const { tally } of this.#affinity) tally.add(node, by);
    for (const { term, tally } of this.#anti) if (termSelects(term, other, this.#namespaceLabels)) tally.add(node, by);
  }

  /** A trial may bring a term that no placed pod has. */
  #existingTally(term: AffinityTerm, { table, pods }: Snapshot): DomainTally {
    const known = this.#existingAnti.find((entry) => entry.term.key === term.key);
    if (known !== undefined) return known.tally;
    const tally = new DomainTally(pods.nothing.sum(table.topology(term.topologyKey)));
    this.#existingAnti.push({ term, tally });
    return tally;
  }

  #selectsAll(pod: PodFacts): boolean {
    return this.#affinity.length > 0 && this.#affinity.every(({ term }) => termSelects(term, pod, this.#namespaceLabels));
  }

  get repelsNowhere(): boolean { return this.#existingAnti.every(({ tally }) => tally.total === 0); }

  /** The first pod of a group that wants to be together may go anywhere: it would wait for itself for ever. */
  #isFirstOfGroup(pod: PodInfo): boolean {
    return this.#affinity.every(({ tally }) => tally.total === 0) && this.#selectsAll(pod);
  }

  #isAttracted(row: number, firstOfGroup: boolean): boolean {
    let allThere = true;
    for (const { tally } of this.#affinity) {
      if (!tally.hasDomain(row)) return false;
      if (tally.at(row) <= 0) allThere = false;
    }
    return allThere || firstOfGroup;
  }

  filter(pod: PodInfo, { row }: NodeInfo): Status {
    if (!this.#isAttracted(row, this.#isFirstOfGroup(pod))) return unresolvable(reasonAffinityRules);
    if (this.#anti.some(({ tally }) => tally.at(row) > 0)) return unschedulable(reasonAntiAffinityRules);
    return this.#existingAnti.some(({ tally }) => tally.at(row) > 0) ? unschedulable(reasonExistingAntiAffinityRules) : success;
  }

  filterRows(pod: PodInfo, rows: Int32Array, count: number): number {
    let kept = count;
    if (this.#affinity.length > 0) {
      const firstOfGroup = this.#isFirstOfGroup(pod);
      kept = keepRows(rows, kept, (row) => this.#isAttracted(row, firstOfGroup));
    }
    for (const { tally } of this.#anti) if (tally.total > 0) kept = tally.keepEmpty(rows, kept);
    for (const { tally } of this.#existingAnti) if (tally.total > 0) kept = tally.keepEmpty(rows, kept);
    return kept;
  }
}

function keepRows(rows: Int32Array, count: number, holds: (row: number) => boolean): number {
  let kept = 0;
  for (let i = 0; i < count; i += 1) {
    const row = rows[i] as number;
    if (holds(row)) { rows[kept] = row; kept += 1; }
  }
  return kept;
}

/** What the index counts, as this pod sees it. */
export function affinityState(pod: PodInfo, { table, pods, namespaceLabels }: Snapshot): AffinityState {
  const tallyOf = (term: AffinityTerm, question: PodQuestion): TermTally => ({ term, tally: new DomainTally(pods.matching(question).sum(table.topology(term.topologyKey))) });
  const existing = pods.pointingAt(pod).filter(({ kind, pods: { total } }) => kind === 'required-anti-affinity' && total > 0)
    .map(({ term, pods: counts }) => ({ term, tally: new DomainTally(counts.sum(table.topology(term.topologyKey))) }));
  const together = selectedByAll(pod.requiredAffinity, namespaceLabels);
  return new AffinityState(
    namespaceLabels, existing,
    pod.requiredAffinity.map((term) => tallyOf(term, together)),
    pod.requiredAntiAffinity.map((term) => tallyOf(term, selectedByAll([term], namespaceLabels))),
  );
}
