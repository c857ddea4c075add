import type { PodInfo } from '../cache/pod-info.ts';
import type { ExtenderReport } from '../extender/extenders.ts';
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
  /** Of the storage's past. */
  readonly storagePlace: number;
  readonly options: Pick<DecideOptions, 'nominatedNodeName' | 'percentageOfNodesToScore' | 'startIndex'>;
  /** `gang`: it was given back since its gang was, without having been tried. */
  readonly outcome: Decision['kind'] | 'gang';
  /** '' unless it was placed. */
  readonly nodeName: string;
  /** How many nodes were looked at until enough were found. */
  readonly evaluated: number;
  /** What the pod's condition says, filled in when it failed. */
  message: string;
  preemption?: PreemptionReport;
  /** Without these it cannot be told again. */
  extenders?: ExtenderReport | 'forgotten';
  /** It was given back with its gang, whatever was decided. */
  gang?: GangReport;
  /** It was placed, and its binding came to nothing. */
  unbound?: true;
}

export function noteUnbound(record: DecisionRecord, message: string): void {
  record.unbound = true;
  record.message = message;
}

/** Of a gang that could not be admitted. */
export interface GangReport {
  /** `namespace/name` of its PodGroup. */
  readonly group: string;
  /** undefined: there is no such PodGroup. */
  readonly minMember: number | undefined;
  /** Of its pods: those with a node or with an assumed one, and all that are there. */
  readonly placed: number;
  readonly members: number;
  /** `namespace/name` of the member for which there was no room. */
  readonly culprit?: string;
}

/** Names of nodes that extenders spoke of, over all decisions. */
const maxExtenderNodes = 100_000;

function sizeOf({ passed, refused }: ExtenderReport): number {
  return passed.size + refused.size;
}

/** The last decisions. Noting one is a single write, as it is done for every pod; whoever asks, which is seldom, looks through all of them. */
export class DecisionLog {
  readonly #capacity: number;
  readonly #records: DecisionRecord[] = [];
  readonly #withExtenders = new Set<DecisionRecord>();
  #extenderNodes = 0;
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(record: DecisionRecord): void {
    const gone = this.#records[this.#next];
    if (gone?.extenders !== undefined) this.#forgetExtenders(gone);
    this.#records[this.#next] = record;
    if (record.extenders !== undefined) this.#keepExtenders(record);
    this.#next = (this.#next + 1) % this.#capacity;
  }

  #keepExtenders(record: DecisionRecord): void {
    if (typeof record.extenders !== 'object') return;
    this.#withExtenders.add(record);
    this.#extenderNodes += sizeOf(record.extenders);
    for (const oldest of this.#withExtenders) {
      if (this.#extenderNodes <= maxExtenderNodes) return;
      this.#forgetExtenders(oldest);
    }
  }

  #forgetExtenders(record: DecisionRecord): void {
    if (typeof record.extenders !== 'object') return;
    this.#extenderNodes -= sizeOf(record.extenders);
    this.#withExtenders.delete(record);
    record.extenders = 'forgotten';
  }

  /** Of `namespace/name`, oldest first. */
  of(key: string): readonly DecisionRecord[] {
    return [...this.#records.slice(this.#next), ...this.#records.slice(0, this.#next)].filter(({ pod }) => pod.key === key);
  }
}
