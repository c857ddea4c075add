import { randomBelow, type Random } from '@coxswain/host';
import type { NodeInfo } from './cache/node-info.ts';
import type { PodInfo } from './cache/pod-info.ts';
import type { Snapshot } from './cache/snapshot.ts';
import type { CycleState } from './framework/cycle-state.ts';
import { Diagnosis } from './framework/diagnosis.ts';
import type { Framework, Nominator } from './framework/framework.ts';
import { fromPlugin, isRejected, unresolvable } from './framework/status.ts';

export type Decision =
  | { readonly kind: 'placed'; readonly nodeName: string; readonly evaluated: number; readonly feasible: number }
  | { readonly kind: 'unfit'; readonly diagnosis: Diagnosis; readonly nodeCount: number }
  | { readonly kind: 'no-nodes' }
  | { readonly kind: 'error'; readonly message: string };

export interface DecideOptions {
  readonly nominator: Nominator;
  readonly nominatedNodeName: string;
  readonly random: Random;
  /** 0: by the size of the cluster. */
  readonly percentageOfNodesToScore: number;
  /** Where the search begins; the caller moves it on by `evaluated`, so that all nodes get their turn. */
  readonly startIndex: number;
}

/** Below this many feasible nodes the search goes on. */
const minFeasibleNodes = 100;

/** How many feasible nodes are enough: all of a small cluster, 50% down to 5% of large ones. */
export function feasibleNodesToFind(nodeCount: number, percentage: number): number {
  if (nodeCount < minFeasibleNodes) return nodeCount;
  const wanted = percentage > 0 ? percentage : Math.max(5, 50 - Math.floor(nodeCount / 125));
  return wanted >= 100 ? nodeCount : Math.max(minFeasibleNodes, Math.floor((nodeCount * wanted) / 100));
}

interface Search {
  readonly feasible: NodeInfo[];
  readonly evaluated: number;
  readonly error: string | undefined;
}

function search(framework: Framework, state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], diagnosis: Diagnosis, options: DecideOptions): Search {
  const enough = framework.hasScore ? feasibleNodesToFind(nodes.length, options.percentageOfNodesToScore) : 1;
  const feasible: NodeInfo[] = [];
  let evaluated = 0;
  for (; evaluated < nodes.length && feasible.length < enough; evaluated += 1) {
    const node = nodes[(options.startIndex + evaluated) % nodes.length] as NodeInfo;
    const status = framework.filterWithNominated(state, pod, node, options.nominator);
    if (status.code === 'Success') feasible.push(node);
    else if (isRejected(status)) diagnosis.reject(node.name, status);
    else return { feasible, evaluated, error: status.reasons.join(', ') };
  }
  return { feasible, evaluated, error: undefined };
}

/** The node that preemption made room on is tried first; if it will do, there is no need to look further. */
function searchNominated(framework: Framework, state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], options: DecideOptions): Search | undefined {
  const node = nodes.find(({ name }) => name === options.nominatedNodeName);
  if (node === undefined) return undefined;
  const passes = framework.filterWithNominated(state, pod, node, options.nominator).code === 'Success';
  return passes ? { feasible: [node], evaluated: 1, error: undefined } : undefined;
}

/** One of the best, each with the same chance. */
function pickBest(nodes: readonly NodeInfo[], scores: Float64Array, random: Random): NodeInfo {
  let best: NodeInfo[] = [];
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [i, node] of nodes.entries()) {
    const score = scores[i] as number;
    if (score > bestScore) { best = [node]; bestScore = score; }
    else if (score === bestScore) best.push(node);
  }
  return (best.length === 1 ? best[0] : best[randomBelow(random, best.length)]) as NodeInfo;
}

/** Chooses a node for the pod, or says why there is none. Changes nothing but `state`. */
export function decide(framework: Framework, state: CycleState, pod: PodInfo, snapshot: Snapshot, options: DecideOptions): Decision {
  const nodeCount = snapshot.nodes.length;
  if (nodeCount === 0) return { kind: 'no-nodes' };
  const diagnosis = new Diagnosis();
  const pre = framework.preFilter(state, pod, snapshot);
  if (isRejected(pre.status)) {
    diagnosis.preFilterMessage = pre.status.reasons.join(', ');
    diagnosis.absent = pre.status;
    diagnosis.blame(pre.status);
    return { kind: 'unfit', diagnosis, nodeCount };
  }
  if (pre.status.code !== 'Success') return { kind: 'error', message: `running PreFilter plugin "${pre.status.plugin}": ${pre.status.reasons.join(', ')}` };
  let { nodes } = snapshot;
  if (pre.nodeNames !== undefined) {
    nodes = [...pre.nodeNames].map((name) => snapshot.node(name)).filter((node) => node !== undefined);
    diagnosis.absent = fromPlugin(unresolvable(`node(s) didn't satisfy plugin(s) [${pre.narrowedBy.toSorted().join(' ')}]`), pre.narrowedBy[0] ?? '');
    diagnosis.blame(diagnosis.absent);
  }
  const { feasible, evaluated, error } = searchNominated(framework, state, pod, nodes, options) ?? search(framework, state, pod, nodes, diagnosis, options);
  if (error !== undefined) return { kind: 'error', message: error };
  const [first] = feasible;
  if (first === undefined) return { kind: 'unfit', diagnosis, nodeCount };
  if (feasible.length === 1) return { kind: 'placed', nodeName: first.name, evaluated, feasible: 1 };
  const scored = framework.preScore(state, pod, feasible, snapshot);
  if (scored.code !== 'Success') return { kind: 'error', message: `running PreScore plugin "${scored.plugin}": ${scored.reasons.join(', ')}` };
  const best = pickBest(feasible, framework.score(state, pod, feasible), options.random);
  return { kind: 'placed', nodeName: best.name, evaluated, feasible: feasible.length };
}
