import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import { success, unresolvable, unschedulable, type Status } from '../../framework/status.ts';
import type { DomainCounts } from '../../table/row-counts.ts';
import { noDomain } from '../../table/topology.ts';
import { counts, includedNodes, questionOf, type Constraint } from './constraints.ts';

const reasonSpread = "node(s) didn't match pod topology spread constraints";
const reasonSpreadLabel = "node(s) didn't match pod topology spread constraints (missing required label)";

/** One constraint with what is counted for it. */
interface Tally {
  readonly constraint: Constraint;
  /** Pods by domain, over included nodes. */
  readonly pods: DomainCounts;
  /** Included nodes by domain: a domain with none does not exist for this pod. */
  readonly nodes: DomainCounts;
  readonly included: Uint8Array;
  /** The pod itself counts where it goes. */
  readonly self: 0 | 1;
}

/** Pods by domain for each constraint, and the least of them. */
export class SpreadState implements StateData {
  readonly #tallies: readonly Tally[];
  /** By constraint: what a trial adds to a domain. */
  readonly #trials: readonly Map<number, number>[];
  readonly #minima: (number | undefined)[];

  constructor(tallies: readonly Tally[], trials: readonly Map<number, number>[] = tallies.map(() => new Map())) {
    this.#tallies = tallies;
    this.#trials = trials;
    this.#minima = tallies.map(() => undefined);
  }

  clone(): SpreadState {
    return new SpreadState(this.#tallies, this.#trials.map((trial) => new Map(trial)));
  }

  #countIn(index: number, domain: number): number {
    const { pods } = this.#tallies[index] as Tally;
    const trial = this.#trials[index] as Map<number, number>;
    return (pods.counts[domain] as number) + (trial.size === 0 ? 0 : (trial.get(domain) ?? 0));
  }

  /** With fewer domains than minDomains the least counts as none. */
  #minimum(index: number): number {
    let least = this.#minima[index];
    if (least !== undefined) return least;
    const { nodes, constraint } = this.#tallies[index] as Tally;
    least = Number.POSITIVE_INFINITY;
    let domains = 0;
    for (let domain = 0; domain < nodes.counts.length; domain += 1) {
      if (nodes.counts[domain] === 0) continue;
      domains += 1;
      least = Math.min(least, this.#countIn(index, domain));
    }
    if (domains < constraint.minDomains) least = 0;
    this.#minima[index] = least;
    return least;
  }

  /** A pod comes to or leaves `node` on a trial. */
  update(pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1): void {
    for (const [index, { constraint, pods, included }] of this.#tallies.entries()) {
      if (included[node.row] !== 1 || !counts(other, pod.namespace, constraint.selector.matches)) continue;
      const domain = pods.topology.domainOf[node.row] as number;
      const trial = this.#trials[index] as Map<number, number>;
      trial.set(domain, (trial.get(domain) ?? 0) + by);
      this.#minima[index] = undefined;
    }
  }

  filter({ row }: NodeInfo): Status {
    for (const [index, { constraint, pods, self }] of this.#tallies.entries()) {
      const domain = pods.topology.domainOf[row] as number;
      if (domain === noDomain) return unresolvable(reasonSpreadLabel);
      if (this.#countIn(index, domain) + self - this.#minimum(index) > constraint.maxSkew) return unschedulable(reasonSpread);
    }
    return success;
  }

  filterRows(rows: Int32Array, count: number): number {
    let kept = count;
    for (const [index, { constraint, pods: { topology: { domainOf } }, self }] of this.#tallies.entries()) {
      const most = constraint.maxSkew - self + this.#minimum(index);
      const among = kept;
      kept = 0;
      for (let i = 0; i < among; i += 1) {
        const row = rows[i] as number;
        const domain = domainOf[row] as number;
        if (domain !== noDomain && this.#countIn(index, domain) <= most) { rows[kept] = row; kept += 1; }
      }
    }
    return kept;
  }
}

export function spreadState(pod: PodInfo, constraints: readonly Constraint[], { table, pods }: Snapshot): SpreadState {
  const keys = constraints.map(({ topologyKey }) => topologyKey);
  return new SpreadState(constraints.map((constraint): Tally => {
    const topology = table.topology(constraint.topologyKey);
    const selection = includedNodes(constraint, keys, pod, table);
    return {
      constraint, included: selection.bits,
      pods: pods.matching(questionOf(constraint, pod.namespace)).sum(topology, selection),
      nodes: table.nodesIn(topology, selection),
      self: constraint.selector.matches(pod.labels) ? 1 : 0,
    };
  }));
}
