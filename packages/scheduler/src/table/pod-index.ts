import type { AffinityTerm, PodInfo, WeightedAffinityTerm } from '../cache/pod-info.ts';
import type { Labels } from '../selectors/labels.ts';
import type { NodeTable } from './node-table.ts';
import { RowCounts } from './row-counts.ts';

/** All that a selector can see of a pod. Pods that are equal in it are one class. */
export interface PodFacts {
  readonly namespace: string;
  readonly labels: Labels;
  readonly terminating: boolean;
}

/** A question about pods; equal keys must mean equal predicates. */
export interface PodQuestion {
  readonly key: string;
  readonly matches: (pod: PodFacts) => boolean;
  /** Does the answer depend on labels of namespaces? */
  readonly byNamespaceLabels: boolean;
}

/** How pods that are placed point at others: the four kinds of terms. */
export type TermKind = 'required-affinity' | 'required-anti-affinity' | 'preferred-affinity' | 'preferred-anti-affinity';

/** Pods that have one and the same term, counted a row. */
export interface PlacedTerm {
  readonly kind: TermKind;
  readonly term: AffinityTerm;
  /** 1 for required ones. */
  readonly weight: number;
  readonly pods: RowCounts;
}

interface PodClass extends PodFacts {
  readonly key: string;
  readonly pods: Map<number, number>;
  /** Questions that have this class in them, of the first `asked`. */
  readonly questions: RowCounts[];
  asked: number;
  /** Placed terms that select this class, of the first `pointed`. */
  readonly terms: PlacedTerm[];
  pointed: number;
}

interface Question { readonly question: PodQuestion; readonly counts: RowCounts }

/** More, and all are forgotten; those that are still asked come back at the price of one walk over the classes. */
const maxQuestions = 2000;
/** Terms that no pod has any more are swept when there are this many. */
const maxIdleTerms = 1000;

/**
 * Counts of placed pods that decisions ask for, kept while pods come and go rather than counted when asked: how many pods a
 * selector matches on each node, and how many there have a certain term of affinity or anti-affinity.
 */
export class PodIndex {
  readonly #table: NodeTable;
  readonly #namespaceLabels: (namespace: string) => Labels;
  readonly #classes = new Map<string, PodClass>();
  readonly #questions = new Map<string, RowCounts>();
  #questionList: Question[] = [];
  readonly #terms = new Map<string, PlacedTerm>();
  #termList: PlacedTerm[] = [];

  /** No pods, anywhere. */
  readonly nothing: RowCounts;

  constructor(table: NodeTable, namespaceLabels: (namespace: string) => Labels) {
    this.#table = table;
    this.#namespaceLabels = namespaceLabels;
    this.nothing = new RowCounts(table);
  }

  get classCount(): number { return this.#classes.size; }

  add(pod: PodInfo, row: number): void { this.#count(pod, row, 1); }
  remove(pod: PodInfo, row: number): void { this.#count(pod, row, -1); }

  #count(pod: PodInfo, row: number, by: 1 | -1): void {
    const podClass = this.#classOf(pod);
    const here = (podClass.pods.get(row) ?? 0) + by;
    if (here === 0) podClass.pods.delete(row);
    else podClass.pods.set(row, here);
    for (const counts of this.#questionsOf(podClass)) counts.add(row, by);
    if (podClass.pods.size === 0) this.#classes.delete(podClass.key);
    if (pod.hasPodAffinity) this.#countTerms(pod, row, by);
  }

  #classOf(pod: PodInfo): PodClass {
    const { classKey: key, namespace, labels, terminating } = pod;
    let found = this.#classes.get(key);
    if (found === undefined) {
      found = { key, namespace, labels, terminating, pods: new Map(), questions: [], asked: 0, terms: [], pointed: 0 };
      this.#classes.set(key, found);
    }
    return found;
  }

  #questionsOf(podClass: PodClass): readonly RowCounts[] {
    for (; podClass.asked < this.#questionList.length; podClass.asked += 1) {
      const { question, counts } = this.#questionList[podClass.asked] as Question;
      if (question.matches(podClass)) podClass.questions.push(counts);
    }
    return podClass.questions;
  }

  /** Pods that the question matches, a row. Live. */
  matching(question: PodQuestion): RowCounts {
    const known = this.#questions.get(question.key);
    if (known !== undefined) return known;
    if (this.#questionList.length >= maxQuestions) this.#forgetQuestions();
    const counts = new RowCounts(this.#table);
    this.#questions.set(question.key, counts);
    this.#questionList.push({ question, counts });
    for (const podClass of this.#classes.values()) {
      this.#questionsOf(podClass);
      if (question.matches(podClass)) for (const [row, pods] of podClass.pods) counts.add(row, pods);
    }
    return counts;
  }

  #forgetQuestions(): void {
    this.#questions.clear();
    this.#questionList = [];
    for (const podClass of this.#classes.values()) { podClass.questions.length = 0; podClass.asked = 0; }
  }

  /** Labels of a namespace have changed: what was answered by them is answered anew. */
  namespaceChanged(): void {
    if (this.#questionList.some(({ question }) => question.byNamespaceLabels)) this.#forgetQuestions();
    if (this.#termList.some(({ term }) => term.namespaceSelector !== undefined)) this.#forgetPointed();
  }

  #forgetPointed(): void {
    for (const podClass of this.#classes.values()) { podClass.terms.length = 0; podClass.pointed = 0; }
  }

  #countTerms(pod: PodInfo, row: number, by: 1 | -1): void {
    for (const term of pod.requiredAffinity) this.#countTerm('required-affinity', term, 1, row, by);
    for (const term of pod.requiredAntiAffinity) this.#countTerm('required-anti-affinity', term, 1, row, by);
    for (const term of pod.preferredAffinity) this.#countTerm('preferred-affinity', term, term.weight, row, by);
    for (const term of pod.preferredAntiAffinity) this.#countTerm('preferred-anti-affinity', term, term.weight, row, by);
  }

  #countTerm(kind: TermKind, term: AffinityTerm | WeightedAffinityTerm, weight: number, row: number, by: 1 | -1): void {
    const key = `${kind} ${weight} ${term.key}`;
    let placed = this.#terms.get(key);
    if (placed === undefined) {
      this.#sweepTerms();
      placed = { kind, term, weight, pods: new RowCounts(this.#table) };
      this.#terms.set(key, placed);
      this.#termList.push(placed);
    }
    placed.pods.add(row, by);
  }

  #sweepTerms(): void {
    if (this.#termList.length < maxIdleTerms || this.#termList.length % maxIdleTerms !== 0) return;
    if (this.#termList.filter(({ pods }) => pods.total === 0).length < this.#termList.length / 2) return;
    for (const [key, { pods }] of this.#terms) if (pods.total === 0) this.#terms.delete(key);
    this.#termList = [...this.#terms.values()];
    this.#forgetPointed();
  }

  /** Terms of placed pods that select `pod`. Some may belong to no pod any more (`pods.total` is 0). */
  pointingAt(pod: PodInfo): readonly PlacedTerm[] {
    if (this.#termList.length === 0) return [];
    const known = this.#classes.get(pod.classKey);
    const podClass: PodClass = known ?? { ...pod, key: pod.classKey, pods: new Map(), questions: [], asked: 0, terms: [], pointed: 0 };
    for (; podClass.pointed < this.#termList.length; podClass.pointed += 1) {
      const placed = this.#termList[podClass.pointed] as PlacedTerm;
      if (termSelects(placed.term, podClass, this.#namespaceLabels)) podClass.terms.push(placed);
    }
    return podClass.terms;
  }
}

/** Does the term select such a pod? */
export function termSelects(term: AffinityTerm, pod: PodFacts, namespaceLabels: (namespace: string) => Labels): boolean {
  const inNamespace = term.namespaces.has(pod.namespace)
    || (term.namespaceSelector !== undefined && term.namespaceSelector(namespaceLabels(pod.namespace)));
  return inNamespace && term.selector(pod.labels);
}
