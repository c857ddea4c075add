import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { CycleState } from '../../framework/cycle-state.ts';
import type { Framework, Nominator } from '../../framework/framework.ts';
import { ByNeeds } from '../../framework/row-verdicts.ts';
import { ChangedRows } from '../../framework/standing-verdicts.ts';
import { dryRun, type Trial } from './candidates.ts';

/** Who would have to go from the node of a row. */
export type DryRun = (row: number) => Trial;

function sameObjects(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((object, i) => object === b[i]);
}

/** By row, while it does not change. */
class Trials {
  readonly #changed = new ChangedRows();
  #byRow: (Trial | undefined)[] = [];

  /** Of rows as they are now. */
  current(snapshot: Snapshot, nominator: Nominator): (Trial | undefined)[] {
    if (!this.#changed.look(snapshot, nominator, (row) => { this.#byRow[row] = undefined; })) this.#byRow = [];
    return this.#byRow;
  }

  forget(): void {
    this.#changed.forget();
    this.#byRow = [];
  }
}

/**
 * Dry runs of preemption, remembered for pods of equal needs and priority while neither a node's pods nor the promises of the node
 * nor any disruption budget change. Only where no plugin looks beyond the node: else each is made anew.
 */
export class DryRuns {
  #byNeeds = new ByNeeds(() => new Trials());
  #budgets: readonly PodDisruptionBudget[] = [];

  of(framework: Framework, nominator: Nominator, state: CycleState, pod: PodInfo, snapshot: Snapshot, budgets: readonly PodDisruptionBudget[]): DryRun {
    const { table } = snapshot;
    const fresh: DryRun = (row) => dryRun(framework, nominator, state, pod, table.nodeAt(row), budgets);
    if (!framework.judgesByNodeAlone(state, pod)) return fresh;
    if (!sameObjects(budgets, this.#budgets)) this.#byNeeds = new ByNeeds(() => new Trials());
    this.#budgets = budgets;
    const known = this.#byNeeds.of(`${pod.priority} ${pod.needsKey}`, table).current(snapshot, nominator);
    const stamps = nominator.stamps(snapshot);
    // Its own promise is none to it.
    const own = snapshot.node(nominator.nodeOf(pod.uid))?.row;
    return (row) => {
      const before = row === own ? undefined : known[row];
      if (before !== undefined) return before;
      const trial = fresh(row);
      const isForAll = stamps[row] === 0 || (row !== own && nominator.nominatedOn(table.nodeAt(row).name).every((other) => !other.hasPodAffinity));
      if (isForAll) known[row] = trial;
      return trial;
    };
  }
}
