import type { PodInfo } from './cache/pod-info.ts';
import type { Snapshot } from './cache/snapshot.ts';
import type { CycleState } from './framework/cycle-state.ts';
import { Diagnosis } from './framework/diagnosis.ts';
import { RowStatuses } from './framework/row-statuses.ts';
import type { StandingVerdicts } from './framework/standing-verdicts.ts';
import type { Framework, Nominator } from './framework/framework.ts';
import type { PromisedRows } from './framework/row-verdicts.ts';
import type { Status } from './framework/status.ts';

export interface SearchOptions {
  /** Tried first; if it will do, there is no need to look further. */
  readonly nominatedNodeName: string;
  /** If given, only these. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** Place in the order of nodes at which to begin; the end is followed by the beginning. */
  readonly startIndex: number;
  /** The search ends with this many feasible nodes. */
  readonly enough: number;
}

/** At least this many nodes are judged together. */
const minPiece = 256;
/** In the place of a filter's: the pods that were promised the node are in the way. */
const refusedByPromise = 255;

/** The search for nodes on which one pod fits. What it found lies in arrays of the table: good until the next search. */
export class Search {
  readonly #framework: Framework;
  readonly #state: CycleState;
  readonly #pod: PodInfo;
  readonly #snapshot: Snapshot;
  readonly #nominator: Nominator;
  readonly #piece: Int32Array;
  readonly #rejecters: Uint8Array;
  #besidePromised: PromisedRows<Status> | undefined;
  #order: Int32Array;
  #startIndex = 0;
  #standing: StandingVerdicts | undefined;
  #refusedAsBefore = false;
  #byNomination = false;
  /** Rows; the first `count` are meant. */
  readonly feasible: Int32Array;
  count = 0;
  /** How many nodes were looked at; the next search begins behind them. */
  evaluated = 0;

  constructor(framework: Framework, state: CycleState, pod: PodInfo, snapshot: Snapshot, nominator: Nominator) {
    this.#framework = framework;
    this.#state = state;
    this.#pod = pod;
    this.#snapshot = snapshot;
    this.#nominator = nominator;
    this.#order = snapshot.rows;
    const buffers = snapshot.table.buffers();
    this.#piece = buffers.piece;
    this.#rejecters = buffers.rejecters;
    this.feasible = buffers.feasible;
  }

  run(options: SearchOptions): void {
    if (options.nodeNames !== undefined) this.#order = this.#rowsOf(options.nodeNames);
    this.#startIndex = options.startIndex;
    this.#byNomination = this.#tryNominated(options.nominatedNodeName, options.nodeNames !== undefined);
    if (this.#byNomination) return;
    const total = this.#order.length;
    if (options.nodeNames === undefined) this.#standing = this.#framework.standing(this.#state, this.#pod, this.#snapshot, this.#nominator);
    this.#refusedAsBefore = this.#standRefused();
    if (this.#refusedAsBefore) { this.evaluated = total; return; }
    for (let size = Math.max(minPiece, options.enough); this.evaluated < total && this.count < options.enough; size *= 2) {
      this.#searchPiece(options, Math.min(size, total - this.evaluated));
    }
  }

  /** Every node has refused such a pod before, and those that have changed since refuse it again. */
  #standRefused(): boolean {
    const { statuses } = this.#standing ?? {};
    const stale = this.#standing?.stale(this.#snapshot, this.#nominator, this.#piece) ?? -1;
    if (statuses === undefined || stale < 0) return false;
    const { table } = this.#snapshot;
    let count = 0;
    for (let i = 0; i < stale; i += 1) {
      const row = this.#piece[i] as number;
      if (table.nodeAt(row)?.node !== undefined) { this.#piece[count] = row; count += 1; }
    }
    const rows = this.#piece.slice(0, count);
    this.#judgePiece(count);
    for (const row of rows) statuses.set(row, this.#statusOf(row));
    return statuses.size === this.#order.length;
  }

  #rowsOf(names: ReadonlySet<string>): Int32Array {
    const rows: number[] = [];
    for (const name of names) {
      const node = this.#snapshot.node(name);
      if (node !== undefined) rows.push(node.row);
    }
    return Int32Array.from(rows);
  }

  #tryNominated(name: string, narrowed: boolean): boolean {
    const node = name === '' ? undefined : this.#snapshot.node(name);
    if (node === undefined || (narrowed && !this.#order.includes(node.row))) return false;
    if (this.#framework.filterWithNominated(this.#state, this.#pod, node, this.#nominator).code !== 'Success') return false;
    this.feasible[0] = node.row;
    this.count = 1;
    this.evaluated = 1;
    return true;
  }

  #searchPiece({ startIndex, enough }: SearchOptions, size: number): void {
    const [order, piece] = [this.#order, this.#piece];
    const first = (startIndex + this.evaluated) % order.length;
    const untilEnd = Math.min(size, order.length - first);
    piece.set(order.subarray(first, first + untilEnd));
    if (untilEnd < size) piece.set(order.subarray(0, size - untilEnd), untilEnd);
    const kept = this.#judgePiece(size);
    const taken = Math.min(kept, enough - this.count);
    this.feasible.set(piece.subarray(0, taken), this.count);
    this.count += taken;
    this.evaluated += this.count < enough || taken === size ? size : this.#lookedAt(first, size, piece[taken - 1] as number);
  }

  /** Of the first `size` of the piece keeps those that let the pod pass, and answers how many. */
  #judgePiece(size: number): number {
    const kept = this.#framework.filterRows(this.#state, this.#pod, this.#snapshot, this.#piece, size, this.#rejecters);
    return this.#nominator.isEmpty ? kept : this.#respectPromises(kept);
  }

  /** Nodes up to and with `last`. */
  #lookedAt(first: number, size: number, last: number): number {
    let i = 0;
    while (i < size - 1 && this.#order[(first + i) % this.#order.length] !== last) i += 1;
    return i + 1;
  }

  /** Where others were promised room, the pod must fit beside them too. */
  #respectPromises(count: number): number {
    const [piece, { table }] = [this.#piece, this.#snapshot];
    const stamps = this.#nominator.stamps(this.#snapshot);
    let kept = 0;
    for (let i = 0; i < count; i += 1) {
      const row = piece[i] as number;
      if (stamps[row] !== 0 && this.#statusBesidePromised(row, table.touchedAt[row] as number, stamps[row] as number).code !== 'Success') {
        this.#rejecters[row] = refusedByPromise;
        continue;
      }
      piece[kept] = row;
      kept += 1;
    }
    return kept;
  }

  #statusBesidePromised(row: number, at: number, stamp: number): Status {
    this.#besidePromised ??= this.#framework.besidePromised(this.#state, this.#pod, this.#snapshot, this.#nominator);
    if (this.#besidePromised.has(row, at, stamp)) return this.#besidePromised.get(row);
    const node = this.#snapshot.table.nodeAt(row);
    const promised = this.#nominator.nominatedOn(node.name);
    // Pods with affinity ask more than the node.
    const isForAll = promised.every((other) => !other.hasPodAffinity);
    const status = this.#framework.statusWithNominated(this.#state, this.#pod, node, this.#nominator);
    this.#besidePromised.set(row, at, isForAll ? stamp : -1, status);
    return status;
  }

  /** Why each node was refused that the search looked at. Good until the next search. */
  diagnose(): Diagnosis {
    const { nodes, table } = this.#snapshot;
    if (this.#refusedAsBefore && this.#standing?.statuses !== undefined) return new Diagnosis(this.#standing.statuses.copy(), nodes);
    const statuses = new RowStatuses(table.height);
    for (let i = 0; i < this.evaluated && !this.#byNomination; i += 1) {
      const row = this.#order[(this.#startIndex + i) % this.#order.length] as number;
      statuses.set(row, this.#statusOf(row));
    }
    if (statuses.size < nodes.length) return new Diagnosis(statuses, nodes);
    this.#standing?.begin(this.#snapshot, this.#nominator, statuses);
    return new Diagnosis(statuses.copy(), nodes);
  }

  /** Of a row that was just judged; undefined: it lets the pod pass. */
  #statusOf(row: number): Status | undefined {
    const place = this.#rejecters[row] as number;
    if (place === this.#framework.filterCount) return undefined;
    return place === refusedByPromise ? (this.#besidePromised as PromisedRows<Status>).get(row) : this.#framework.statusOfRejected(this.#state, this.#pod, this.#snapshot, row, place);
  }
}
