import type { PodInfo } from '../cache/pod-info.ts';
import type { PreemptionReport } from '../framework/interface.ts';
import type { DecideOptions, Decision } from '../decide.ts';

/** What is needed to take a decision again: it is a function of the cache at `place` and of these. */
export interface DecisionRecord {
  readonly pod: PodInfo;
  readonly profile: string;
  readonly attempt: number;
  readonly atMs: number;
  /** Of the cache's journal. */
  readonly place: number;
  /** Of the nominations' journal. */
  readonly nominationsPlace: number;
  readonly options: Pick<DecideOptions, 'nominatedNodeName' | 'percentageOfNodesToScore' | 'startIndex'>;
  readonly outcome: Decision['kind'];
  /** '' unless it was placed. */
  readonly nodeName: string;
  /** How many nodes were looked at until enough were found. */
  readonly evaluated: number;
  /** What the pod's condition says, filled in when it failed. */
  message: string;
  preemption?: PreemptionReport;
}

/** The last decisions. Noting one is a single write, as it is done for every pod; whoever asks, which is seldom, looks through all of them. */
export class DecisionLog {
  readonly #capacity: number;
  readonly #records: DecisionRecord[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(record: DecisionRecord): void {
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** Of `namespace/name`, oldest first. */
  of(key: string): readonly DecisionRecord[] {
    return [...this.#records.slice(this.#next), ...this.#records.slice(0, this.#next)].filter(({ pod }) => pod.key === key);
  }
}
