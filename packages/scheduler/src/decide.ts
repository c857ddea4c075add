import { randomBelow, type Random } from '@coxswain/host';
import type { PodInfo } from './cache/pod-info.ts';
import type { Snapshot } from './cache/snapshot.ts';
import { Candidates } from './framework/candidates.ts';
import type { CycleState } from './framework/cycle-state.ts';
import { Diagnosis } from './framework/diagnosis.ts';
import type { Framework, Nominator } from './framework/framework.ts';
import { fromPlugin, isRejected, unresolvable, type Status } from './framework/status.ts';
import { Search } from './search.ts';

export type Decision =
  | { readonly kind: 'placed'; readonly nodeName: string; readonly evaluated: number; readonly feasible: number }
  | { readonly kind: 'unfit'; readonly diagnosis: Diagnosis; readonly nodeCount: number }
  | { readonly kind: 'no-nodes' }
  | { readonly kind: 'error'; readonly message: string };

export type Refusal = Exclude<Decision, { kind: 'placed' }>;

export interface FindOptions {
  readonly nominator: Nominator;
  readonly nominatedNodeName: string;
  /** 0: by the size of the cluster. */
  readonly percentageOfNodesToScore: number;
  /** Where the search begins; the caller moves it on by `evaluated`, so that all nodes get their turn. */
  readonly startIndex: number;
  /** If given, only these: others have let no more pass. */
  readonly within?: ReadonlySet<string>;
  /** Others will choose among them: as many are found as if there were scores. */
  readonly forOthers?: boolean;
}

export interface DecideOptions extends FindOptions {
  readonly random: Random;
  /** Points that others than the profile's plugins give, on top of theirs. */
  readonly bonusOf?: (nodeName: string) => number;
}

/** Below this many feasible nodes the search goes on. */
const minFeasibleNodes = 100;

/** How many feasible nodes are enough: all of a small cluster, 50% down to 5% of large ones. */
export function feasibleNodesToFind(nodeCount: number, percentage: number): number {
  if (nodeCount < minFeasibleNodes) return nodeCount;
  const wanted = percentage > 0 ? percentage : Math.max(5, 50 - Math.floor(nodeCount / 125));
  return wanted >= 100 ? nodeCount : Math.max(minFeasibleNodes, Math.floor((nodeCount * wanted) / 100));
}

/** Place among the candidates of one of the best, each with the same chance. */
function pickBest(count: number, scores: Float64Array, random: Random): number {
  let best = 0;
  let score = scores[0] as number;
  let equals = 1;
  for (let i = 1; i < count; i += 1) {
    const other = scores[i] as number;
    if (other > score) { best = i; score = other; equals = 1; }
    else if (other === score) equals += 1;
  }
  if (equals === 1) return best;
  for (let i = best, turn = randomBelow(random, equals); ; i += 1) {
    if (scores[i] !== score) continue;
    if (turn === 0) return i;
    turn -= 1;
  }
}

function unfitEverywhere(status: Status, nodeCount: number): Refusal {
  const diagnosis = new Diagnosis();
  diagnosis.preFilterMessage = status.reasons.join(', ');
  diagnosis.absent = status;
  diagnosis.blame(status);
  return { kind: 'unfit', diagnosis, nodeCount };
}

function failedAt(point: string, status: Status): Refusal {
  return { kind: 'error', message: `running ${point} plugin "${status.plugin}": ${status.reasons.join(', ')}` };
}

/** Nodes on which the pod fits; good until the next search. */
export interface Found {
  readonly kind: 'found';
  readonly candidates: Candidates;
  readonly evaluated: number;
  /** Why others were refused; may be asked until the next search. */
  readonly diagnose: () => Diagnosis;
}

/** PreFilter and Filter. */
export function findNodes(framework: Framework, state: CycleState, pod: PodInfo, snapshot: Snapshot, options: FindOptions): Found | Refusal {
  const nodeCount = snapshot.nodes.length;
  if (nodeCount === 0) return { kind: 'no-nodes' };
  const pre = framework.preFilter(state, pod, snapshot);
  if (isRejected(pre.status)) return unfitEverywhere(pre.status, nodeCount);
  if (pre.status.code !== 'Success') return failedAt('PreFilter', pre.status);
  const search = new Search(framework, state, pod, snapshot, options.nominator);
  const enough = framework.hasScore || options.forOthers === true ? feasibleNodesToFind(nodeCount, options.percentageOfNodesToScore) : 1;
  const nodeNames = options.within === undefined ? pre.nodeNames : pre.nodeNames?.intersection(options.within) ?? options.within;
  search.run({ nominatedNodeName: options.nominatedNodeName, nodeNames, startIndex: options.startIndex, enough });
  const candidates = new Candidates(snapshot.table, search.feasible, search.count);
  if (candidates.count > 0) return { kind: 'found', candidates, evaluated: search.evaluated, diagnose: () => search.diagnose() };
  const diagnosis = search.diagnose();
  if (pre.nodeNames !== undefined) {
    diagnosis.absent = fromPlugin(unresolvable(`node(s) didn't satisfy plugin(s) [${pre.narrowedBy.toSorted().join(' ')}]`), pre.narrowedBy[0] ?? '');
    diagnosis.blame(diagnosis.absent);
  }
  return { kind: 'unfit', diagnosis, nodeCount };
}

/** PreScore and Score, and one of the best. */
function chooseNode(framework: Framework, state: CycleState, pod: PodInfo, snapshot: Snapshot, { candidates, evaluated }: Found, { random, bonusOf }: DecideOptions): Decision {
  const placed = (i: number): Decision => ({ kind: 'placed', nodeName: candidates.nodeAt(i).name, evaluated, feasible: candidates.count });
  if (candidates.count === 1) return placed(0);
  const scored = framework.preScore(state, pod, candidates, snapshot);
  if (scored.code !== 'Success') return failedAt('PreScore', scored);
  const totals = framework.score(state, pod, candidates, snapshot);
  if (bonusOf !== undefined) for (let i = 0; i < candidates.count; i += 1) totals[i] = (totals[i] as number) + bonusOf(candidates.nodeAt(i).name);
  return placed(pickBest(candidates.count, totals, random));
}

/** Chooses a node for the pod, or says why there is none. Changes nothing but `state`. */
export function decide(framework: Framework, state: CycleState, pod: PodInfo, snapshot: Snapshot, options: DecideOptions): Decision {
  const found = findNodes(framework, state, pod, snapshot, options);
  return found.kind === 'found' ? chooseNode(framework, state, pod, snapshot, found, options) : found;
}
