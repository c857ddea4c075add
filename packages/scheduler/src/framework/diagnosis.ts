import type { NodeInfo } from '../cache/node-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import { RowStatuses, type RowSubset } from './row-statuses.ts';
import { isRejected, unresolvable, type Code, type Status } from './status.ts';

/** Why no node would do. */
export class Diagnosis {
  readonly #rows: RowStatuses;
  readonly #nodes: readonly NodeInfo[];
  /** Said by others than plugins. */
  readonly #byName = new Map<string, Status>();
  readonly unschedulablePlugins = new Set<string>();
  readonly pendingPlugins = new Set<string>();
  /** Set if a PreFilter plugin refused the pod on every node. */
  preFilterMessage = '';
  postFilterMessage = '';
  /** Status of nodes that have none of their own. */
  absent: Status = unresolvable();

  /** `rows`: of these nodes, not to be changed any more. */
  constructor(rows: RowStatuses = new RowStatuses(0), nodes: readonly NodeInfo[] = []) {
    this.#rows = rows;
    this.#nodes = nodes;
    for (const status of rows.counts().keys()) this.blame(status);
  }

  /** In the place of what plugins said, if they said something. */
  overrule(nodeName: string, status: Status): void {
    this.#byName.set(nodeName, status);
  }

  blame(status: Status): void {
    if (!isRejected(status) || status.plugin === '') return;
    (status.code === 'Pending' ? this.pendingPlugins : this.unschedulablePlugins).add(status.plugin);
  }

  statusOf({ name, row }: NodeInfo): Status {
    return (this.#byName.size === 0 ? undefined : this.#byName.get(name)) ?? this.#rows.at(row) ?? this.absent;
  }

  /** Which of the snapshot's nodes have this code. */
  rowsWith(code: Code, { rows, table }: Snapshot): RowSubset {
    if (this.#byName.size === 0) return this.#rows.holders(rows.length, (status = this.absent) => status.code === code);
    const has = (row: number): boolean => this.statusOf(table.nodeAt(row)).code === code;
    return { count: rows.reduce((count, row) => count + (has(row) ? 1 : 0), 0), has };
  }

  /** Of the nodes that have one of their own. For explanations, not for decisions. */
  statuses(): ReadonlyMap<string, Status> {
    const own = this.#nodes.filter(({ row }) => this.#rows.at(row) !== undefined);
    return new Map([...own.map((node) => [node.name, this.statusOf(node)] as const), ...this.#byName]);
  }

  /** How many nodes have which status; `absent` for those of `nodeCount` that have none of their own. */
  counts(nodeCount: number): ReadonlyMap<Status, number> {
    const counts = this.#rows.counts();
    let known = this.#rows.size;
    if (this.#byName.size > 0) {
      counts.clear();
      const statuses = this.statuses();
      known = statuses.size;
      for (const status of statuses.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    if (nodeCount > known) counts.set(this.absent, (counts.get(this.absent) ?? 0) + nodeCount - known);
    return counts;
  }
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable` */
export function fitMessage(counts: ReadonlyMap<Status, number>, nodeCount: number): string {
  const byReason = new Map<string, number>();
  for (const [{ reasons }, count] of counts) for (const reason of reasons) byReason.set(reason, (byReason.get(reason) ?? 0) + count);
  const parts = [...byReason].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${nodeCount} nodes are available:${parts.length > 0 ? ` ${parts.join(', ')}.` : ''}`;
}

/** The text users know, with what preemption said. */
export function fitErrorMessage(diagnosis: Diagnosis, nodeCount: number): string {
  const message = diagnosis.preFilterMessage === '' ? fitMessage(diagnosis.counts(nodeCount), nodeCount)
    : `0/${nodeCount} nodes are available: ${diagnosis.preFilterMessage}.`;
  return diagnosis.postFilterMessage === '' ? message : `${message} ${diagnosis.postFilterMessage}`;
}
