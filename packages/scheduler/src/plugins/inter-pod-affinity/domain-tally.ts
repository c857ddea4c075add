import type { NodeInfo } from '../../cache/node-info.ts';
import type { DomainCounts } from '../../table/row-counts.ts';
import { noDomain, type Topology } from '../../table/topology.ts';

/**
 * Counts by domain as they stand, and what a trial (preemption, promised pods) adds to them and takes away. Only the trial's part is
 * copied.
 */
export class DomainTally {
  readonly topology: Topology;
  readonly #base: DomainCounts;
  readonly #trial: Map<number, number>;
  #total: number;

  constructor(base: DomainCounts, trial: Map<number, number> = new Map(), total: number = base.total) {
    this.topology = base.topology;
    this.#base = base;
    this.#trial = trial;
    this.#total = total;
  }

  get total(): number { return this.#total; }

  clone(): DomainTally {
    return new DomainTally(this.#base, new Map(this.#trial), this.#total);
  }

  add(node: NodeInfo, by: number): void {
    const domain = this.topology.domainOf[node.row] as number;
    if (domain === noDomain) return;
    this.#trial.set(domain, (this.#trial.get(domain) ?? 0) + by);
    this.#total += by;
  }

  /** 0 for nodes without a domain. */
  at(row: number): number {
    const domain = this.topology.domainOf[row] as number;
    if (domain === noDomain) return 0;
    const count = this.#base.counts[domain] as number;
    return this.#trial.size === 0 ? count : count + (this.#trial.get(domain) ?? 0);
  }

  /** Of the first `count` of `rows` keeps those where nothing is counted; answers how many. */
  keepEmpty(rows: Int32Array, count: number): number {
    const { domainOf } = this.topology;
    const { counts } = this.#base;
    const trial = this.#trial.size === 0 ? undefined : this.#trial;
    let kept = 0;
    for (let i = 0; i < count; i += 1) {
      const row = rows[i] as number;
      const domain = domainOf[row] as number;
      if (domain !== noDomain && (counts[domain] as number) + (trial?.get(domain) ?? 0) > 0) continue;
      rows[kept] = row;
      kept += 1;
    }
    return kept;
  }

  hasDomain(row: number): boolean {
    return this.topology.domainOf[row] !== noDomain;
  }
}
