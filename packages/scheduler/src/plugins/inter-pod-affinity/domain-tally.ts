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

  hasDomain(row: number): boolean {
    return this.topology.domainOf[row] !== noDomain;
  }
}
