import type { Status } from './status.ts';

/** So many different ones of one object; equal statuses are mostly one and the same. */
const maxStatuses = 2 ** 16 - 1;

/** A status by row of the table of nodes, and how many rows have which. */
export class RowStatuses {
  /** 0: none. */
  readonly #ids: Uint16Array;
  /** Grow only, so that copies share them. */
  readonly #statuses: Status[];
  readonly #idOf: Map<Status, number>;
  readonly #counts: number[];
  #last: Status | undefined;
  #lastId = 0;
  /** Rows that have one. */
  size = 0;

  constructor(height: number, from?: RowStatuses) {
    this.#ids = from === undefined ? new Uint16Array(height) : from.#ids.slice(0, height);
    this.#statuses = from === undefined ? [] : from.#statuses;
    this.#idOf = from === undefined ? new Map() : from.#idOf;
    this.#counts = from === undefined ? [] : [...from.#counts];
    this.size = from === undefined ? 0 : from.size;
  }

  copy(): RowStatuses {
    return new RowStatuses(this.#ids.length, this);
  }

  get height(): number { return this.#ids.length; }
  get isFull(): boolean { return this.#statuses.length >= maxStatuses; }

  at(row: number): Status | undefined {
    const id = this.#ids[row] ?? 0;
    return id === 0 ? undefined : this.#statuses[id - 1];
  }

  set(row: number, status: Status | undefined): void {
    const before = this.#ids[row] as number;
    const id = status === undefined ? 0 : this.#idFor(status);
    if (before === id) return;
    if (before !== 0) this.#count(before, -1);
    if (id !== 0) this.#count(id, 1);
    this.#ids[row] = id;
  }

  #count(id: number, by: 1 | -1): void {
    this.#counts[id - 1] = (this.#counts[id - 1] ?? 0) + by;
    this.size += by;
  }

  #idFor(status: Status): number {
    if (status === this.#last) return this.#lastId;
    let id = this.#idOf.get(status);
    if (id === undefined) {
      this.#statuses.push(status);
      id = this.#statuses.length;
      this.#idOf.set(status, id);
    }
    this.#last = status;
    this.#lastId = id;
    return id;
  }

  counts(): Map<Status, number> {
    const counts = new Map<Status, number>();
    for (const [at, count] of this.#counts.entries()) if ((count ?? 0) > 0) counts.set(this.#statuses[at] as Status, count);
    return counts;
  }

  /** Which of `total` rows have a status that `holds`; undefined: they have none. Good until the next change. */
  holders(total: number, holds: (status: Status | undefined) => boolean): RowSubset {
    const wanted = new Uint8Array(this.#statuses.length + 1);
    wanted[0] = holds(undefined) ? 1 : 0;
    let count = wanted[0] === 1 ? total - this.size : 0;
    for (let at = 0; at < this.#statuses.length; at += 1) {
      if ((this.#counts[at] ?? 0) === 0 || !holds(this.#statuses[at])) continue;
      wanted[at + 1] = 1;
      count += this.#counts[at] as number;
    }
    const ids = this.#ids;
    return { count, has: (row) => wanted[ids[row] ?? 0] === 1 };
  }
}

/** Some of the rows of the nodes. */
export interface RowSubset {
  readonly count: number;
  readonly has: (row: number) => boolean;
}
