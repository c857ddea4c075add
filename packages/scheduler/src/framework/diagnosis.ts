import { isRejected, unresolvable, type Status } from './status.ts';

/** Why no node would do. */
export class Diagnosis {
  readonly statuses = new Map<string, Status>();
  readonly unschedulablePlugins = new Set<string>();
  readonly pendingPlugins = new Set<string>();
  /** Set if a PreFilter plugin refused the pod on every node. */
  preFilterMessage = '';
  postFilterMessage = '';
  /** Status of nodes that have none of their own. */
  absent: Status = unresolvable();

  reject(nodeName: string, status: Status): void {
    this.statuses.set(nodeName, status);
    this.blame(status);
  }

  blame(status: Status): void {
    if (!isRejected(status) || status.plugin === '') return;
    (status.code === 'Pending' ? this.pendingPlugins : this.unschedulablePlugins).add(status.plugin);
  }

  statusOf(nodeName: string): Status {
    return this.statuses.get(nodeName) ?? this.absent;
  }
}

function histogram(diagnosis: Diagnosis, nodeCount: number): string[] {
  const counts = new Map<string, number>();
  const add = (reason: string, by: number): void => { counts.set(reason, (counts.get(reason) ?? 0) + by); };
  for (const status of diagnosis.statuses.values()) for (const reason of status.reasons) add(reason, 1);
  const absent = nodeCount - diagnosis.statuses.size;
  if (absent > 0) for (const reason of diagnosis.absent.reasons) add(reason, absent);
  return [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted();
}

/** The text users know: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
export function fitErrorMessage(diagnosis: Diagnosis, nodeCount: number): string {
  let message = `0/${nodeCount} nodes are available:`;
  if (diagnosis.preFilterMessage === '') {
    const reasons = histogram(diagnosis, nodeCount);
    if (reasons.length > 0) message += ` ${reasons.join(', ')}.`;
  } else {
    message += ` ${diagnosis.preFilterMessage}.`;
  }
  return diagnosis.postFilterMessage === '' ? message : `${message} ${diagnosis.postFilterMessage}`;
}
