import type { NodeInfo } from '../cache/node-info.ts';
import type { PodInfo } from '../cache/pod-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import { decide, findNodes, type DecideOptions, type Decision } from '../decide.ts';
import { CycleState } from '../framework/cycle-state.ts';
import type { Diagnosis } from '../framework/diagnosis.ts';
import type { Framework } from '../framework/framework.ts';
import type { Status } from '../framework/status.ts';
import { extenderName, type ExtenderRefusal, type ExtenderReport, type Extenders } from './extenders.ts';

export interface Decided {
  readonly decision: Decision;
  /** Of the last look at the cluster. */
  readonly state: CycleState;
  /** undefined: they were not asked, or could not answer. */
  readonly extenders?: ExtenderReport;
}

/** Kept over all times that they are asked of one pod. */
interface Said {
  readonly refused: Map<string, Status>;
  readonly by: Map<string, ExtenderRefusal>;
}

function nodesOf({ candidates }: { readonly candidates: { readonly count: number; nodeAt(i: number): NodeInfo } }): NodeInfo[] {
  return Array.from({ length: candidates.count }, (_, i) => candidates.nodeAt(i));
}

function alsoRefused(diagnosis: Diagnosis, refused: ReadonlyMap<string, Status>): void {
  for (const [name, status] of refused) diagnosis.overrule(name, status);
  diagnosis.unschedulablePlugins.add(extenderName);
}

/**
 * A decision in which extenders have a say. The cluster is looked at, they are asked, and it is looked at again: while they
 * thought, pods and nodes have come and gone. Guaranteed: the node chosen is there and passes every filter of the profile at the
 * moment in which this resolves (the caller must assume the pod in that turn), and each extender that counts let it pass, though
 * of the cluster as it was when it was asked; nodes that have come since are not considered. Not guaranteed: that an extender
 * would still agree. No other decision is taken meanwhile, so that extenders may keep count of what they grant, as with upstream.
 */
export async function decideWithExtenders(framework: Framework, pod: PodInfo, snapshot: () => Snapshot, options: DecideOptions, extenders: Extenders): Promise<Decided> {
  const said: Said = { refused: new Map(), by: new Map() };
  let { nominatedNodeName } = options;
  for (;;) {
    const state = new CycleState();
    const first = findNodes(framework, state, pod, snapshot(), { ...options, nominatedNodeName, forOthers: true });
    if (first.kind !== 'found') return { decision: first, state };
    const { evaluated } = first;
    const nodes = nodesOf(first);
    const promised = nominatedNodeName !== '' && nodes.length === 1 && nodes[0]?.name === nominatedNodeName;
    let passed: readonly NodeInfo[];
    try {
      const answer = await extenders.filter(pod, nodes);
      for (const [name, status] of answer.refused) said.refused.set(name, status);
      for (const [name, refusal] of answer.by) said.by.set(name, refusal);
      passed = answer.nodes;
    } catch (error) {
      if (!promised) return { decision: { kind: 'error', message: error instanceof Error ? error.message : String(error) }, state };
      passed = [];
    }
    if (passed.length > 0) return lookAgain(framework, pod, snapshot, { ...options, nominatedNodeName }, await choices(pod, passed, extenders), said, evaluated);
    if (!promised) return nowhere(framework, pod, snapshot(), options, said);
    nominatedNodeName = '';
  }
}

interface Choices { readonly names: ReadonlySet<string>; readonly points: ReadonlyMap<string, number> }

async function choices(pod: PodInfo, nodes: readonly NodeInfo[], extenders: Extenders): Promise<Choices> {
  // A node may be cleared while they think, but keeps its name.
  const names = new Set(nodes.map(({ name }) => name));
  return { names, points: nodes.length > 1 ? await extenders.scores(pod, nodes) : new Map() };
}

function lookAgain(
  framework: Framework, pod: PodInfo, snapshot: () => Snapshot, options: DecideOptions, { names, points }: Choices, { refused, by }: Said, evaluated: number,
): Decided {
  const state = new CycleState();
  const decision = decide(framework, state, pod, snapshot(), { ...options, within: names, bonusOf: (name) => points.get(name) ?? 0 });
  if (decision.kind === 'unfit') alsoRefused(decision.diagnosis, refused);
  return { decision: decision.kind === 'placed' ? { ...decision, evaluated } : decision, state, extenders: { refused: by, passed: names, points } };
}

/** They let nothing pass: what they said is told beside what the plugins say now. */
function nowhere(framework: Framework, pod: PodInfo, snapshot: Snapshot, options: DecideOptions, { refused, by }: Said): Decided {
  const state = new CycleState();
  const found = findNodes(framework, state, pod, snapshot, { ...options, nominatedNodeName: '', forOthers: true });
  const decision: Decision = found.kind === 'found' ? { kind: 'unfit', diagnosis: found.diagnose(), nodeCount: snapshot.nodes.length } : found;
  if (decision.kind === 'unfit') alsoRefused(decision.diagnosis, refused);
  return { decision, state, extenders: { refused: by, passed: new Set(), points: new Map() } };
}
