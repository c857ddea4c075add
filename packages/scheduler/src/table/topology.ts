import { grownInts } from './arrays.ts';

/** No such label on the node, or no such node. */
export const noDomain = -1;

/** One topology key: the domain (a small number for each value of the label) of every row. */
export class Topology {
  readonly key: string;
  /** By row. */
  domainOf: Int32Array = new Int32Array(0);
  /** Rows by domain; a domain whose last node has gone keeps its number. */
  readonly nodesIn: number[] = [];
  /** Grows whenever a row changes its domain: what was summed by domain is to be summed again. */
  version = 0;
  readonly #ids = new Map<string, number>();

  constructor(key: string) {
    this.key = key;
  }

  get domains(): number { return this.nodesIn.length; }

  idOf(value: string): number | undefined {
    return this.#ids.get(value);
  }

  set(row: number, value: string | undefined): void {
    if (row >= this.domainOf.length) this.domainOf = grownInts(this.domainOf, row + 1, noDomain);
    const before = this.domainOf[row] as number;
    const after = value === undefined ? noDomain : this.#intern(value);
    if (before === after) return;
    if (before !== noDomain) this.nodesIn[before] = (this.nodesIn[before] as number) - 1;
    if (after !== noDomain) this.nodesIn[after] = (this.nodesIn[after] as number) + 1;
    this.domainOf[row] = after;
    this.version += 1;
  }

  #intern(value: string): number {
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.nodesIn.length;
      this.#ids.set(value, id);
      this.nodesIn.push(0);
    }
    return id;
  }
}
