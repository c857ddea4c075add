import { grownInts } from './arrays.ts';
import type { NodeTable } from './node-table.ts';
import type { Topology } from './topology.ts';

/** Which rows are summed, as `NodeTable.mask` makes it. */
export interface RowSelection {
  readonly key: string;
  readonly bits: Uint8Array;
}

/** A count for each domain of a topology, over all or over selected rows. Live: read it before the next change. */
export interface DomainCounts {
  readonly topology: Topology;
  readonly counts: Int32Array;
  /** Over all domains. Rows without a domain do not count. */
  readonly total: number;
}

interface Sum extends DomainCounts {
  counts: Int32Array;
  total: number;
  readonly selection: RowSelection | undefined;
  topologyVersion: number;
  tableVersion: number;
}

/**
 * Something counted a row, and its sums by domain. A change costs one addition for each sum that somebody has asked for; a
 * sum is made anew only after nodes have moved between domains or selections.
 */
export class RowCounts {
  readonly #table: NodeTable;
  readonly #sums = new Map<string, Sum>();
  /** May be shorter than the table: what is not there is 0. */
  byRow: Int32Array;
  total = 0;

  constructor(table: NodeTable) {
    this.#table = table;
    this.byRow = grownInts(new Int32Array(0), table.height);
  }

  at(row: number): number {
    return this.byRow[row] ?? 0;
  }

  add(row: number, by: number): void {
    if (row >= this.byRow.length) this.byRow = grownInts(this.byRow, row + 1);
    this.byRow[row] = (this.byRow[row] as number) + by;
    this.total += by;
    for (const sum of this.#sums.values()) if (this.#isCurrent(sum)) addToSum(sum, row, by);
  }

  sum(topology: Topology, selection?: RowSelection): DomainCounts {
    const key = selection === undefined ? topology.key : `${topology.key} ${selection.key}`;
    let sum = this.#sums.get(key);
    if (sum !== undefined && this.#isCurrent(sum)) return sum;
    // The selection's bits may be a new array.
    sum = { topology, selection, counts: new Int32Array(topology.domains), total: 0, topologyVersion: topology.version, tableVersion: this.#table.version };
    const height = Math.min(this.#table.height, this.byRow.length);
    for (let row = 0; row < height; row += 1) {
      const count = this.byRow[row] as number;
      if (count !== 0) addToSum(sum, row, count);
    }
    this.#sums.set(key, sum);
    return sum;
  }

  #isCurrent(sum: Sum): boolean {
    return sum.topologyVersion === sum.topology.version && (sum.selection === undefined || sum.tableVersion === this.#table.version);
  }
}

function addToSum(sum: Sum, row: number, by: number): void {
  if (sum.selection !== undefined && sum.selection.bits[row] !== 1) return;
  const domain = sum.topology.domainOf[row] as number;
  if (domain < 0) return;
  sum.counts[domain] = (sum.counts[domain] as number) + by;
  sum.total += by;
}
