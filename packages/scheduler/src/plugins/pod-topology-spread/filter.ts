import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import { success, unresolvable, unschedulable, type Status } from '../../framework/status.ts';
import { compileRequiredNodeAffinity, type NodeMatcher } from '../../selectors/node-selector.ts';
import { countMatching, counts, hasAllKeys, isIncluded, type Constraint } from './constraints.ts';

export const reasonSpread = "node(s) didn't match pod topology spread constraints";
export const reasonSpreadLabel = "node(s) didn't match pod topology spread constraints (missing required label)";

/** Pods by domain for each constraint, and the least of them. */
export class SpreadState implements StateData {
  readonly constraints: readonly Constraint[];
  readonly affinity: NodeMatcher | undefined;
  readonly counts: readonly Map<string, number>[];
  #minima: (number | undefined)[];

  constructor(constraints: readonly Constraint[], affinity: NodeMatcher | undefined, counted: readonly Map<string, number>[]) {
    this.constraints = constraints;
    this.affinity = affinity;
    this.counts = counted;
    this.#minima = constraints.map(() => undefined);
  }

  clone(): SpreadState {
    return new SpreadState(this.constraints, this.affinity, this.counts.map((map) => new Map(map)));
  }

  /** With fewer domains than minDomains the least counts as none. */
  minimum(index: number): number {
    let least = this.#minima[index];
    if (least === undefined) {
      const domains = this.counts[index] as Map<string, number>;
      const tooFew = domains.size < (this.constraints[index] as Constraint).minDomains;
      least = tooFew ? 0 : domains.values().reduce((min, count) => Math.min(min, count), Number.POSITIVE_INFINITY);
      this.#minima[index] = least;
    }
    return least;
  }

  /** A pod comes to or leaves `node` on a trial. */
  update(pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1): void {
    if (!hasAllKeys(node, this.constraints)) return;
    for (const [index, constraint] of this.constraints.entries()) {
      if (!counts(other, pod.namespace, constraint.matches) || !isIncluded(constraint, pod, node, this.affinity)) continue;
      const domain = node.labels[constraint.topologyKey] as string;
      const map = this.counts[index] as Map<string, number>;
      map.set(domain, (map.get(domain) ?? 0) + by);
      this.#minima[index] = undefined;
    }
  }
}

export function spreadState(pod: PodInfo, constraints: readonly Constraint[], snapshot: Snapshot): SpreadState {
  const affinity = compileRequiredNodeAffinity(pod.pod);
  const maps = constraints.map(() => new Map<string, number>());
  for (const node of snapshot.nodes) {
    if (!hasAllKeys(node, constraints)) continue;
    for (const [index, constraint] of constraints.entries()) {
      if (!isIncluded(constraint, pod, node, affinity)) continue;
      const domain = node.labels[constraint.topologyKey] as string;
      const map = maps[index] as Map<string, number>;
      map.set(domain, (map.get(domain) ?? 0) + countMatching(node, pod.namespace, constraint.matches));
    }
  }
  return new SpreadState(constraints, affinity, maps);
}

export function filterSpread(state: SpreadState, pod: PodInfo, node: NodeInfo): Status {
  for (const [index, constraint] of state.constraints.entries()) {
    const domain = Object.hasOwn(node.labels, constraint.topologyKey) ? node.labels[constraint.topologyKey] : undefined;
    if (domain === undefined) return unresolvable(reasonSpreadLabel);
    const self = constraint.matches(pod.labels) ? 1 : 0;
    const here = state.counts[index]?.get(domain) ?? 0;
    if (here + self - state.minimum(index) > constraint.maxSkew) return unschedulable(reasonSpread);
  }
  return success;
}
