import { grownBytes, grownFloats } from '../table/arrays.ts';
import type { NodeTable } from '../table/node-table.ts';
import type { Status } from './status.ts';

/** Pods of so many different needs are remembered; each costs up to 25 bytes a node. */
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
  /** By row: what `refusedBy` said in words, if somebody has asked. */
  readonly statuses: (Status | undefined)[] = [];
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
    const anyStatuses = this.statuses.length > 0;
    for (let i = 0; i < count; i += 1) {
      const row = rows[i] as number;
      this.#judgedAt[row] = touchedAt[row] as number;
      if (anyStatuses) this.statuses[row] = undefined;
    }
  }

  #grow(length: number): void {
    this.refusedBy = grownBytes(this.refusedBy, length);
    this.scores = grownFloats(this.scores, length);
    // 0 is before every change.
    this.#judgedAt = grownFloats(this.#judgedAt, length);
  }

  forget(): void {
    this.#judgedAt.fill(0);
    this.statuses.length = 0;
  }
}

/**
 * What was found out about each row with the pods that were promised its node, while neither the one nor the others change:
 * `at` and `stamp` are numbers that differ whenever they do.
 */
export class PromisedRows<T> {
  #at: Float64Array = new Float64Array(0);
  #stamps: Float64Array = new Float64Array(0);
  readonly #values: (T | undefined)[] = [];

  has(row: number, at: number, stamp: number): boolean {
    return this.#at[row] === at && this.#stamps[row] === stamp;
  }

  get(row: number): T {
    return this.#values[row] as T;
  }

  set(row: number, at: number, stamp: number, value: T): void {
    if (row >= this.#at.length) {
      this.#at = grownFloats(this.#at, row + 1);
      this.#stamps = grownFloats(this.#stamps, row + 1);
    }
    this.#at[row] = at;
    this.#stamps[row] = stamp;
    this.#values[row] = value;
  }

  forget(): void {
    this.#at.fill(0);
    this.#values.length = 0;
  }
}

interface Memory { forget(): void }

/** What is remembered of rows, by the needs of those who ask; those last asked for. */
export class ByNeeds<T extends Memory> {
  readonly #make: () => T;
  readonly #byNeeds = new Map<string, T>();
  #table: NodeTable | undefined;
  #lastKey = '';
  #last: T | undefined;

  constructor(make: () => T) {
    this.#make = make;
  }

  of(needs: string, table: NodeTable): T {
    if (this.#last !== undefined && needs === this.#lastKey && table === this.#table) return this.#last;
    if (table !== this.#table) this.#byNeeds.clear();
    this.#table = table;
    const memory = this.#byNeeds.get(needs) ?? this.#fresh();
    this.#byNeeds.delete(needs);
    this.#byNeeds.set(needs, memory);
    this.#lastKey = needs;
    this.#last = memory;
    return memory;
  }

  /** In the place of the one that nobody has asked for for longest. */
  #fresh(): T {
    const [oldest] = this.#byNeeds.size < maxNeeds ? [] : this.#byNeeds;
    if (oldest === undefined) return this.#make();
    this.#byNeeds.delete(oldest[0]);
    oldest[1].forget();
    return oldest[1];
  }
}
