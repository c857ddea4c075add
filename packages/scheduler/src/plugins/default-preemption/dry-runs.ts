import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { CycleState } from '../../framework/cycle-state.ts';
import type { Framework, Nominator } from '../../framework/framework.ts';
import { ByNeeds, PromisedRows } from '../../framework/row-verdicts.ts';
import { dryRun, type Trial } from './candidates.ts';

/** Who would have to go from one node. */
type DryRun = (node: NodeInfo) => Trial;

function sameObjects(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((object, i) => object === b[i]);
}

/**
 * Dry runs of preemption, remembered for pods of equal needs and priority while neither a node's pods nor the promises of the node
 * nor any disruption budget change. Only where no plugin looks beyond the node: else each is made anew.
 */
export class DryRuns {
  #byNeeds = new ByNeeds(() => new PromisedRows<Trial>());
  #budgets: readonly PodDisruptionBudget[] = [];

  of(framework: Framework, nominator: Nominator, state: CycleState, pod: PodInfo, snapshot: Snapshot, budgets: readonly PodDisruptionBudget[]): DryRun {
    const fresh: DryRun = (node) => dryRun(framework, nominator, state, pod, node, budgets);
    if (!framework.judgesByNodeAlone(state, pod)) return fresh;
    if (!sameObjects(budgets, this.#budgets)) this.#byNeeds = new ByNeeds(() => new PromisedRows());
    this.#budgets = budgets;
    const { table } = snapshot;
    const known = this.#byNeeds.of(`${pod.priority} ${pod.needsKey}`, table);
    const stamps = nominator.stamps(snapshot);
    return (node) => {
      const [at, stamp] = [table.podsAt[node.row] as number, stamps[node.row] as number];
      if (known.has(node.row, at, stamp)) return known.get(node.row) as Trial;
      const trial = fresh(node);
      const isForAll = stamp === 0 || nominator.nominatedOn(node.name).every((other) => other.uid !== pod.uid && !other.hasPodAffinity);
      known.set(node.row, at, isForAll ? stamp : -1, trial);
      return trial;
    };
  }
}
