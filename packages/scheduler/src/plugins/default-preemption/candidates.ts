import { parseRfc3339 } from '@coxswain/host';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { CycleState } from '../../framework/cycle-state.ts';
import type { Framework, Nominator } from '../../framework/framework.ts';
import { unresolvable, type Status } from '../../framework/status.ts';
import { compileLabelSelector } from '../../selectors/labels.ts';

/** A node, and who would have to go. */
export interface Candidate {
  readonly nodeName: string;
  /** Most important first. */
  readonly victims: readonly PodInfo[];
  /** How many of them a disruption budget protects. */
  readonly violations: number;
  /** `costsACandidate` numbers: smaller is better, the first that differs decides. */
  readonly costs: readonly number[];
}

export const costsACandidate = 5;

/** Why a node is none, or that it is one. */
export type Trial = { readonly candidate: Candidate } | { readonly candidate?: undefined; readonly refused: Status };

const noVictims = unresolvable('No preemption victims found for incoming pod');

function startMs(pod: PodInfo): number {
  const text = pod.pod.status?.startTime ?? pod.pod.metadata?.creationTimestamp;
  return text === undefined ? Number.POSITIVE_INFINITY : parseRfc3339(String(text));
}

/** Higher priority, then running for longer. */
function byImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startMs(a) - startMs(b) || 0;
}

/** Splits pods, in order, into those whose eviction a budget forbids and the others. Each eviction uses its budget up. */
function splitByBudgets(pods: readonly PodInfo[], budgets: readonly PodDisruptionBudget[]): { violating: PodInfo[]; others: PodInfo[] } {
  const state = budgets.map((budget) => ({
    namespace: budget.metadata?.namespace,
    // An empty selector of a budget selects everything in policy/v1.
    matches: compileLabelSelector(budget.spec?.selector),
    disrupted: budget.status?.disruptedPods ?? {},
    left: budget.status?.disruptionsAllowed ?? 0,
  }));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const pod of pods) {
    let forbidden = false;
    for (const budget of state) {
      if (budget.namespace !== pod.namespace || Object.keys(pod.labels).length === 0 || !budget.matches(pod.labels)) continue;
      if (Object.hasOwn(budget.disrupted, pod.name)) continue;
      budget.left -= 1;
      if (budget.left < 0) forbidden = true;
    }
    (forbidden ? violating : others).push(pod);
  }
  return { violating, others };
}

/** Start of the most important victims: the one among them that runs for longest. */
function earliestStart(victims: readonly PodInfo[]): number {
  const highest = victims[0]?.priority;
  return Math.min(...victims.filter((pod) => pod.priority === highest).map(startMs));
}

/** `victims`: most important first. */
export function candidateOf(nodeName: string, victims: readonly PodInfo[], violations: number): Candidate {
  return { nodeName, victims, violations, costs: [
    violations,
    victims[0]?.priority ?? Number.NEGATIVE_INFINITY,
    // Shifted so that many pods of negative priority do not weigh less than few.
    victims.reduce((sum, pod) => sum + pod.priority + 2 ** 31, 0),
    victims.length,
    -earliestStart(victims),
  ] };
}

/** Takes all lower pods off on a trial, then lets back as many as possible, the protected and the important first. */
export function dryRun(framework: Framework, nominator: Nominator, state: CycleState, pod: PodInfo, node: NodeInfo, budgets: readonly PodDisruptionBudget[]): Trial {
  const [trialState, trialNode] = [state.clone(), node.clone()];
  const lower = [...node.pods.values()].filter((other) => other.priority < pod.priority);
  if (lower.length === 0) return { refused: noVictims };
  for (const other of lower) framework.removePod(trialState, pod, other, trialNode);
  const judge = (): Status => framework.filterWithNominated(trialState, pod, trialNode, nominator);
  const emptied = framework.statusWithNominated(trialState, pod, trialNode, nominator);
  if (emptied.code !== 'Success') return { refused: emptied };
  const { violating, others } = splitByBudgets(lower.toSorted(byImportance), budgets);
  const victims: PodInfo[] = [];
  const reprieve = (other: PodInfo): boolean => {
    framework.addPod(trialState, pod, other, trialNode);
    if (judge().code === 'Success') return true;
    framework.removePod(trialState, pod, other, trialNode);
    victims.push(other);
    return false;
  };
  const violations = violating.filter((other) => !reprieve(other)).length;
  for (const other of others) reprieve(other);
  return victims.length === 0 ? { refused: noVictims } : { candidate: candidateOf(node.name, victims.toSorted(byImportance), violations) };
}


function isLess(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i += 1) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (x !== y) return x < y;
  }
  return false;
}

/** The candidate that hurts least; the first of equals. */
export function pickCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let best = candidates[0];
  if (best === undefined) return undefined;
  for (const candidate of candidates) if (isLess(candidate.costs, best.costs)) best = candidate;
  return best;
}
