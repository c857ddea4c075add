import { grownBytes, grownFloats } from '../table/arrays.ts';
import type { NodeTable } from '../table/node-table.ts';

/** Pods of so many different needs are remembered; each costs 17 bytes a node. */
const maxNeeds = 64;

/**
 * What the plugins that judge a node by itself say of each row to pods of equal needs. A row is judged anew only when it is asked
 * for and has changed since (`NodeTable.touchedAt`), so that it is never stale, whatever changed it.
 */
export class RowVerdicts {
  /** By row: the place of the filter that refuses, or that past the last. */
  refusedBy: Uint8Array = new Uint8Array(0);
  /** By row: weighted sum of the scores. */
  scores: Float64Array = new Float64Array(0);
  #judgedAt: Float64Array = new Float64Array(0);

  /** Of the first `count` of `rows` those that must be judged anew, into `stale`; answers how many. */
  staleAmong(table: NodeTable, rows: Int32Array, count: number, stale: Int32Array): number {
    if (this.#judgedAt.length < table.height) this.#grow(table.touchedAt.length);
    const { touchedAt } = table;
    const judgedAt = this.#judgedAt;
    let found = 0;
    for (let i = 0; i < count; i += 1) {
      const row = rows[i] as number;
      if (judgedAt[row] !== touchedAt[row]) { stale[found] = row; found += 1; }
    }
    return found;
  }

  /** The first `count` of `rows` have been judged as they are now. */
  judged(table: NodeTable, rows: Int32Array, count: number): void {
    const { touchedAt } = table;
    for (let i = 0; i < count; i += 1) this.#judgedAt[rows[i] as number] = touchedAt[rows[i] as number] as number;
  }

  #grow(length: number): void {
    this.refusedBy = grownBytes(this.refusedBy, length);
    this.scores = grownFloats(this.scores, length);
    // 0 is before every change.
    this.#judgedAt = grownFloats(this.#judgedAt, length);
  }

  forget(): void {
    this.#judgedAt.fill(0);
  }
}

/** The verdicts by needs, those last asked for. */
export class RowVerdictsByNeeds {
  readonly #byNeeds = new Map<string, RowVerdicts>();
  #table: NodeTable | undefined;
  #lastKey = '';
  #last: RowVerdicts | undefined;

  /** `needsKey` as a pod's shape has it. */
  of(needsKey: string, table: NodeTable): RowVerdicts {
    if (this.#last !== undefined && needsKey === this.#lastKey && table === this.#table) return this.#last;
    if (table !== this.#table) this.#byNeeds.clear();
    this.#table = table;
    const verdicts = this.#byNeeds.get(needsKey) ?? this.#fresh();
    this.#byNeeds.delete(needsKey);
    this.#byNeeds.set(needsKey, verdicts);
    this.#lastKey = needsKey;
    this.#last = verdicts;
    return verdicts;
  }

  /** In the place of the one that nobody has asked for for longest. */
  #fresh(): RowVerdicts {
    const [oldest] = this.#byNeeds.size < maxNeeds ? [] : this.#byNeeds;
    if (oldest === undefined) return new RowVerdicts();
    this.#byNeeds.delete(oldest[0]);
    oldest[1].forget();
    return oldest[1];
  }
}
