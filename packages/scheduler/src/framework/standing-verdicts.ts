import type { Snapshot } from '../cache/snapshot.ts';
import type { Nominator } from './framework.ts';
import type { RowStatuses } from './row-statuses.ts';

/**
 * Which rows have changed since they were last looked at: the node, its pods, or the promises of it. Good for one snapshot and one
 * nominator; what has been remembered for others is of no use.
 */
export class ChangedRows {
  #snapshot: Snapshot | undefined;
  #nominator: Nominator | undefined;
  #touches = 0;
  #promises = 0;

  /** Tells of them, some twice; false: any may have changed. From now on those count that change later. */
  look(snapshot: Snapshot, nominator: Nominator, changed: (row: number) => void): boolean {
    const known = snapshot === this.#snapshot && nominator === this.#nominator
      && snapshot.table.touches.since(this.#touches, changed) && nominator.changes.since(this.#promises, changed);
    this.begin(snapshot, nominator);
    return known;
  }

  begin(snapshot: Snapshot, nominator: Nominator): void {
    // From here on it notes changes by this snapshot's rows.
    nominator.stamps(snapshot);
    this.#snapshot = snapshot;
    this.#nominator = nominator;
    this.#touches = snapshot.table.touches.end;
    this.#promises = nominator.changes.end;
  }

  forget(): void {
    this.#snapshot = undefined;
    this.#nominator = undefined;
  }
}

/**
 * Why each node refuses pods of certain needs, kept while few nodes change between one such pod and the next, so that a full
 * cluster is not searched for each of thousands of equal pods.
 */
export class StandingVerdicts {
  readonly #changed = new ChangedRows();
  #isStale = new Uint8Array(0);
  statuses: RowStatuses | undefined;

  /** All were searched, just now. */
  begin(snapshot: Snapshot, nominator: Nominator, statuses: RowStatuses): void {
    this.#changed.begin(snapshot, nominator);
    this.statuses = statuses;
  }

  /** Rows that must be judged anew, into `out`; answers how many. -1: nothing is known. */
  stale(snapshot: Snapshot, nominator: Nominator, out: Int32Array): number {
    if (this.statuses === undefined) return -1;
    const { height } = this.statuses;
    if (this.#isStale.length < height) this.#isStale = new Uint8Array(height);
    let count = 0;
    const known = this.#changed.look(snapshot, nominator, (row) => {
      if (row >= height || this.#isStale[row] === 1) return;
      this.#isStale[row] = 1;
      out[count] = row;
      count += 1;
    });
    for (let i = 0; i < count; i += 1) this.#isStale[out[i] as number] = 0;
    if (known && !this.statuses.isFull) return count;
    this.forget();
    return -1;
  }

  forget(): void {
    this.#changed.forget();
    this.statuses = undefined;
  }
}
