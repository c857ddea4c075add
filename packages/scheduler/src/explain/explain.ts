import { rfc3339Seconds } from '@coxswain/host';
import type { SchedulerCache } from '../cache/cache.ts';
import type { PodInfo } from '../cache/pod-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import { feasibleNodesToFind } from '../decide.ts';
import type { ExtenderReport } from '../extender/extenders.ts';
import { Candidates } from '../framework/candidates.ts';
import { CycleState } from '../framework/cycle-state.ts';
import type { Framework } from '../framework/framework.ts';
import { isRejected, type Status } from '../framework/status.ts';
import { Nominations, type Nomination } from '../queue/nominations.ts';
import { Search } from '../search.ts';
import type { Storage } from '../storage/storage.ts';
import { suggestChanges } from './changes.ts';
import type { DecisionRecord, GangReport } from './decision-log.ts';
import type { Explanation, NodeScore, NodeVerdict, RejectionGroup } from './explanation.ts';

export interface ExplainOptions {
  /** Also tell of every node that was looked at. */
  readonly everyNode: boolean;
}

const scoresShown = 10;
const examplesShown = 3;

const unasked: ExtenderReport = { refused: new Map(), passed: new Set(), points: new Map() };

type Told = Pick<Explanation, 'nodes' | 'rejections' | 'scores' | 'verdicts' | 'changes'>;

function groupsOf(verdicts: readonly NodeVerdict[]): RejectionGroup[] {
  const groups = new Map<string, { plugin: string; reasons: readonly string[]; count: number; examples: string[] }>();
  for (const { node, feasible, plugin, reasons } of verdicts) {
    if (feasible) continue;
    const key = JSON.stringify([plugin, reasons]);
    const group = groups.get(key) ?? { plugin, reasons, count: 0, examples: [] };
    group.count += 1;
    if (group.examples.length < examplesShown) group.examples.push(node);
    groups.set(key, group);
  }
  return [...groups.values()].toSorted((a, b) => b.count - a.count);
}

function scoresOf(framework: Framework, state: CycleState, record: DecisionRecord, candidates: Candidates, snapshot: Snapshot, { points }: ExtenderReport = unasked): NodeScore[] {
  if (candidates.count < 2 || framework.preScore(state, record.pod, candidates, snapshot).code !== 'Success') return [];
  const parts = framework.scoreByPlugin(state, record.pod, candidates);
  return Array.from({ length: candidates.count }, (_, i): NodeScore => {
    const plugins = parts.map(({ plugin, weight, raw, normalized }) => ({ plugin, weight, raw: raw[i] as number, normalized: normalized[i] as number }));
    const { name } = candidates.nodeAt(i);
    const given = points.get(name) ?? 0;
    if (points.size > 0) plugins.push({ plugin: 'extenders', weight: 1, raw: given, normalized: given });
    return { node: name, total: plugins.reduce((sum, { weight, normalized }) => sum + weight * normalized, 0), plugins };
  }).toSorted((a, b) => b.total - a.total || Number(b.node === record.nodeName) - Number(a.node === record.nodeName));
}

function nominatorOf(nominations: readonly Nomination[]): Nominations {
  const out = new Nominations();
  for (const { pod, nodeName } of nominations) out.nominate(pod, nodeName);
  return out;
}

function everywhere(snapshot: Snapshot, { plugin, reasons }: Status): NodeVerdict[] {
  return snapshot.nodes.map(({ name }) => ({ node: name, feasible: false, plugin, reasons }));
}

/** Of a node that plugins let pass; nothing if extenders were not asked about it. */
function beyondPlugins(node: string, extenders: ExtenderReport | undefined): NodeVerdict[] {
  if (extenders === undefined || extenders.passed.has(node)) return [{ node, feasible: true, plugin: '', reasons: [] }];
  const refusal = extenders.refused.get(node);
  return refusal === undefined ? [] : [{ node, feasible: false, plugin: `extender ${refusal.extender}`, reasons: [refusal.reason] }];
}

function rowsLeft({ feasible, count }: Search, { table }: Snapshot, extenders: ExtenderReport | undefined): Int32Array {
  const found = Int32Array.from(feasible.subarray(0, count));
  return extenders === undefined ? found : found.filter((row) => extenders.passed.has(table.nodeAt(row).name));
}

function verdictsOf(snapshot: Snapshot, search: Search, extenders: ExtenderReport | undefined, narrowedBy: readonly string[]): NodeVerdict[] {
  const statuses = search.diagnose().statuses();
  const verdicts: NodeVerdict[] = [];
  for (let i = 0; i < search.count; i += 1) verdicts.push(...beyondPlugins(snapshot.table.nodeAt(search.feasible[i] as number).name, extenders));
  for (const [node, { plugin, reasons, code }] of statuses) if (code !== 'Success') verdicts.push({ node, feasible: false, plugin, reasons });
  if (narrowedBy.length === 0) return verdicts;
  const asked = new Set(statuses.keys());
  const reasons = [`node(s) didn't satisfy plugin(s) [${narrowedBy.toSorted().join(' ')}]`];
  for (const { name } of snapshot.nodes) if (!asked.has(name)) verdicts.push({ node: name, feasible: false, plugin: narrowedBy[0] ?? '', reasons });
  return verdicts;
}

function look(framework: Framework, record: DecisionRecord, nominations: readonly Nomination[], snapshot: Snapshot, { everyNode }: ExplainOptions): Told {
  const state = new CycleState();
  const total = snapshot.nodes.length;
  const pre = framework.preFilter(state, record.pod, snapshot);
  if (isRejected(pre.status)) {
    const verdicts = everywhere(snapshot, pre.status);
    return { nodes: { total, evaluated: 0, feasible: 0 }, rejections: groupsOf(verdicts), scores: [], changes: [], ...(everyNode ? { verdicts } : {}) };
  }
  const search = new Search(framework, state, record.pod, snapshot, nominatorOf(nominations));
  const { options: { nominatedNodeName, percentageOfNodesToScore, startIndex } } = record;
  const extenders = typeof record.extenders === 'object' ? record.extenders : undefined;
  const enough = framework.hasScore || extenders !== undefined ? feasibleNodesToFind(total, percentageOfNodesToScore) : 1;
  search.run({ nominatedNodeName: extenders?.refused.has(nominatedNodeName) === true ? '' : nominatedNodeName, nodeNames: pre.nodeNames, startIndex, enough });
  const verdicts = verdictsOf(snapshot, search, extenders, pre.narrowedBy);
  const rows = rowsLeft(search, snapshot, extenders);
  const candidates = new Candidates(snapshot.table, rows, rows.length);
  const nodes = { total, evaluated: search.evaluated, feasible: rows.length };
  const scores = scoresOf(framework, state, record, candidates, snapshot, extenders);
  return {
    nodes, rejections: groupsOf(verdicts), scores: everyNode ? scores : scores.slice(0, scoresShown),
    changes: search.count > 0 ? [] : suggestChanges(framework, record.pod, snapshot),
    ...(everyNode ? { verdicts } : {}),
  };
}

/** What decisions are made from, each with a memory of what it was. */
export interface Known {
  readonly cache: SchedulerCache;
  readonly storage: Pick<Storage, 'at' | 'earliestPlace'>;
  readonly nominations: Pick<Nominations, 'asOf'>;
}

function outcomeOf({ outcome, gang, unbound }: DecisionRecord): Explanation['outcome'] {
  if (outcome !== 'placed') return outcome;
  if (gang !== undefined) return 'gang';
  return unbound === true ? 'unbound' : outcome;
}

/** undefined: it is too long ago. Takes cache and storage back and forth within one turn. */
export function explain(framework: Framework, { cache, storage, nominations: promised }: Known, record: DecisionRecord, options: ExplainOptions): Explanation | undefined {
  const nominations = promised.asOf(record.nominationsPlace);
  if (record.place < cache.earliestPlace || nominations === undefined || record.extenders === 'forgotten') return undefined;
  const withStorage = record.storagePlace >= storage.earliestPlace;
  // Without claims it hardly matters which volumes there were.
  if (!withStorage && record.pod.claims.length > 0) return undefined;
  const lookBack = (): Told => cache.at(record.place, (snapshot) => look(framework, record, nominations, snapshot, options));
  const told = withStorage ? storage.at(record.storagePlace, lookBack) : lookBack();
  const { namespace, name, uid } = record.pod;
  return {
    kind: 'PodExplanation', namespace, name, uid, scheduler: record.profile, attempt: record.attempt, time: rfc3339Seconds(record.atMs),
    outcome: outcomeOf(record), ...(record.nodeName === '' ? {} : { node: record.nodeName }), message: record.message, ...told,
    ...(record.preemption === undefined ? {} : { preemption: record.preemption }), ...(record.gang === undefined ? {} : { gang: record.gang }),
  };
}

/** Of a pod that is kept out of the queue, now. */
export function explainHeld({ namespace, name, uid }: PodInfo, scheduler: string, nowMs: number, nodeCount: number, message: string, gang: GangReport | undefined): Explanation {
  return {
    kind: 'PodExplanation', namespace, name, uid, scheduler, attempt: 0, time: rfc3339Seconds(nowMs), outcome: 'held', message,
    nodes: { total: nodeCount, evaluated: 0, feasible: 0 }, rejections: [], scores: [], changes: [], ...(gang === undefined ? {} : { gang }),
  };
}
