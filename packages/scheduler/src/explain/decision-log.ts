import type { Nomination } from '../queue/nominations.ts';
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
  /** Those that stood, as long as they are remembered. */
  readonly nominations: () => readonly Nomination[] | undefined;
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

/** The last decisions, by pod. */
export class DecisionLog {
  readonly #capacity: number;
  readonly #byPod = new Map<string, DecisionRecord[]>();
  #records: DecisionRecord[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(record: DecisionRecord): void {
    this.#records.push(record);
    const own = this.#byPod.get(record.pod.key);
    if (own === undefined) this.#byPod.set(record.pod.key, [record]);
    else own.push(record);
    if (this.#records.length >= 2 * this.#capacity) this.#trim();
  }

  #trim(): void {
    this.#records = this.#records.slice(-this.#capacity);
    this.#byPod.clear();
    for (const record of this.#records) {
      const own = this.#byPod.get(record.pod.key);
      if (own === undefined) this.#byPod.set(record.pod.key, [record]);
      else own.push(record);
    }
  }

  /** Of `namespace/name`, oldest first. */
  of(key: string): readonly DecisionRecord[] {
    return this.#byPod.get(key) ?? [];
  }
}
