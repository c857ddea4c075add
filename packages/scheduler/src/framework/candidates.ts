import type { NodeInfo } from '../cache/node-info.ts';
import type { NodeTable } from '../table/node-table.ts';

/** Nodes in the order of the search, as rows of the table. */
export class Candidates {
  readonly table: NodeTable;
  /** Only the first `count` are candidates. */
  readonly rows: Int32Array;
  readonly count: number;

  constructor(table: NodeTable, rows: Int32Array, count: number) {
    this.table = table;
    this.rows = rows;
    this.count = count;
  }

  rowAt(i: number): number { return this.rows[i] as number; }
  nodeAt(i: number): NodeInfo { return this.table.nodeAt(this.rows[i] as number); }
}
