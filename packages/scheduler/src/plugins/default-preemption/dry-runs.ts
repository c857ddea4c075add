import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { CycleState } from '../../framework/cycle-state.ts';
import type { Framework, Nominator } from '../../framework/framework.ts';
import { ByNeeds } from '../../framework/row-verdicts.ts';
import { ChangedRows } from '../../framework/standing-verdicts.ts';
import type { Status } from '../../framework/status.ts';
import { grownFloats } from '../../table/arrays.ts';
import { costsACandidate, dryRun, type Candidate, type Trial } from './candidates.ts';

interface Asked {
  readonly pod: PodInfo;
  readonly snapshot: Snapshot;
  readonly nominator: Nominator;
  readonly run: (row: number) => Trial;
}

/** Who would have to go from each node, by row. What was asked for is good until the next change. */
export class Trials {
  readonly #changed = new ChangedRows();
  readonly #candidates: (Candidate | undefined)[] = [];
  readonly #refusals: (Status | undefined)[] = [];
  /** A column, as hundreds are compared for each pod. */
  #costs: Float64Array = new Float64Array(0);
  /** What other pods may not be told. */
  readonly #onlyForThis: number[] = [];
  #asked: Asked | undefined;

  /** For that pod; what is known already of rows that have not changed holds for it too. */
  for(asked: Asked): this {
    const { pod, snapshot, nominator } = asked;
    if (!this.#changed.look(snapshot, nominator, (row) => { this.#forgetRow(row); })) this.#forgetRows();
    for (const row of this.#onlyForThis.splice(0)) this.#forgetRow(row);
    // Its own promise is none to it.
    const own = snapshot.node(nominator.nodeOf(pod.uid))?.row;
    if (own !== undefined) this.#forgetRow(own);
    this.#asked = asked;
    return this;
  }

  /** undefined: it is none, see `refusal`. */
  candidate(row: number): Candidate | undefined {
    const known = this.#candidates[row];
    return known !== undefined || this.#refusals[row] !== undefined ? known : this.#run(row);
  }

  refusal(row: number): Status {
    return this.#refusals[row] as Status;
  }

  /** Of candidates: making room on the first hurts less. */
  isLess(row: number, other: number): boolean {
    const costs = this.#costs;
    for (let i = 0; i < costsACandidate; i += 1) {
      const [mine, theirs] = [costs[row * costsACandidate + i] as number, costs[other * costsACandidate + i] as number];
      if (mine !== theirs) return mine < theirs;
    }
    return false;
  }

  #run(row: number): Candidate | undefined {
    const { pod, snapshot, nominator, run } = this.#asked as Asked;
    const trial = run(row);
    this.#candidates[row] = trial.candidate;
    if (trial.candidate === undefined) this.#refusals[row] = trial.refused;
    else this.#noteCosts(row, trial.candidate);
    const promised = nominator.nominatedOn(snapshot.table.nodeAt(row).name);
    if (promised.some((other) => other.uid === pod.uid || other.hasPodAffinity)) this.#onlyForThis.push(row);
    return trial.candidate;
  }

  #noteCosts(row: number, { costs }: Candidate): void {
    const end = (row + 1) * costsACandidate;
    if (this.#costs.length < end) this.#costs = grownFloats(this.#costs, end);
    this.#costs.set(costs, row * costsACandidate);
  }

  #forgetRow(row: number): void {
    this.#candidates[row] = undefined;
    this.#refusals[row] = undefined;
  }

  #forgetRows(): void {
    this.#candidates.length = 0;
    this.#refusals.length = 0;
  }

  forget(): void {
    this.#changed.forget();
    this.#forgetRows();
  }
}

function sameObjects(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((object, i) => object === b[i]);
}

/**
 * Dry runs of preemption, remembered for pods of equal needs and priority while neither a node's pods nor the promises of the node
 * nor any disruption budget change. Only where no plugin looks beyond the node: else each is made anew.
 */
export class DryRuns {
  #byNeeds = new ByNeeds(() => new Trials());
  #budgets: readonly PodDisruptionBudget[] = [];

  of(framework: Framework, nominator: Nominator, state: CycleState, pod: PodInfo, snapshot: Snapshot, budgets: readonly PodDisruptionBudget[]): Trials {
    const { table } = snapshot;
    if (!sameObjects(budgets, this.#budgets)) this.#byNeeds = new ByNeeds(() => new Trials());
    this.#budgets = budgets;
    const trials = framework.judgesByNodeAlone(state, pod) ? this.#byNeeds.of(`${pod.priority} ${pod.needsKey}`, table) : new Trials();
    return trials.for({ pod, snapshot, nominator, run: (row) => dryRun(framework, nominator, state, pod, table.nodeAt(row), budgets) });
  }
}
