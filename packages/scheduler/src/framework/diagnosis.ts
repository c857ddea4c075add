import type { NodeInfo } from '../cache/node-info.ts';
import { isRejected, unresolvable, type Status } from './status.ts';

interface Tally { readonly status: Status; count: number }

/** Why no node would do. */
export class Diagnosis {
  /** By row of the table of nodes. */
  readonly #byRow: (Status | undefined)[];
  readonly #nodes: NodeInfo[] = [];
  /** Said by others than plugins. */
  readonly #byName = new Map<string, Status>();
  /** Equal statuses are mostly one and the same object, and neighbours mostly have the same. */
  readonly #counts = new Map<Status, Tally>();
  #last: Tally | undefined;
  readonly unschedulablePlugins = new Set<string>();
  readonly pendingPlugins = new Set<string>();
  /** Set if a PreFilter plugin refused the pod on every node. */
  preFilterMessage = '';
  postFilterMessage = '';
  /** Status of nodes that have none of their own. */
  absent: Status = unresolvable();

  /** `height`: rows of the table of nodes. */
  constructor(height = 0) {
    this.#byRow = Array.from({ length: height });
  }

  /** For a node that has no status yet. */
  reject(node: NodeInfo, status: Status): void {
    this.#byRow[node.row] = status;
    this.#nodes.push(node);
    this.#count(status);
  }

  /** In the place of what plugins said, if they said something. */
  overrule(nodeName: string, status: Status): void {
    this.#byName.set(nodeName, status);
  }

  #count(status: Status): void {
    if (this.#last?.status !== status) this.#last = this.#counts.get(status) ?? this.#firstOf(status);
    this.#last.count += 1;
  }

  #firstOf(status: Status): Tally {
    const tally = { status, count: 0 };
    this.#counts.set(status, tally);
    this.blame(status);
    return tally;
  }

  blame(status: Status): void {
    if (!isRejected(status) || status.plugin === '') return;
    (status.code === 'Pending' ? this.pendingPlugins : this.unschedulablePlugins).add(status.plugin);
  }

  statusOf({ name, row }: NodeInfo): Status {
    return (this.#byName.size === 0 ? undefined : this.#byName.get(name)) ?? this.#byRow[row] ?? this.absent;
  }

  /** Of the nodes that have one of their own. For explanations, not for decisions. */
  statuses(): ReadonlyMap<string, Status> {
    return new Map([...this.#nodes.map((node) => [node.name, this.statusOf(node)] as const), ...this.#byName]);
  }

  /** How many nodes have which status; `absent` for those of `nodeCount` that have none of their own. */
  counts(nodeCount: number): ReadonlyMap<Status, number> {
    const counts = new Map(this.#counts.values().map(({ status, count }) => [status, count]));
    let known = this.#nodes.length;
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
