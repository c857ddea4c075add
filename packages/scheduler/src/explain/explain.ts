import { rfc3339Seconds } from '@coxswain/host';
import type { SchedulerCache } from '../cache/cache.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import { feasibleNodesToFind } from '../decide.ts';
import { Candidates } from '../framework/candidates.ts';
import { CycleState } from '../framework/cycle-state.ts';
import type { Framework } from '../framework/framework.ts';
import { isRejected, type Status } from '../framework/status.ts';
import { Nominations, type Nomination } from '../queue/nominations.ts';
import { Search } from '../search.ts';
import { suggestChanges } from './changes.ts';
import type { DecisionRecord } from './decision-log.ts';
import type { Explanation, NodeScore, NodeVerdict, RejectionGroup } from './explanation.ts';

export interface ExplainOptions {
  /** Also tell of every node that was looked at. */
  readonly everyNode: boolean;
}

const scoresShown = 10;
const examplesShown = 3;

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

function scoresOf(framework: Framework, state: CycleState, record: DecisionRecord, candidates: Candidates, snapshot: Snapshot): NodeScore[] {
  if (candidates.count < 2 || framework.preScore(state, record.pod, candidates, snapshot).code !== 'Success') return [];
  const parts = framework.scoreByPlugin(state, record.pod, candidates);
  return Array.from({ length: candidates.count }, (_, i): NodeScore => {
    const plugins = parts.map(({ plugin, weight, raw, normalized }) => ({ plugin, weight, raw: raw[i] as number, normalized: normalized[i] as number }));
    return { node: candidates.nodeAt(i).name, total: plugins.reduce((sum, { weight, normalized }) => sum + weight * normalized, 0), plugins };
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

function verdictsOf(snapshot: Snapshot, search: Search, record: DecisionRecord, narrowedBy: readonly string[]): NodeVerdict[] {
  const statuses = search.diagnose().statuses();
  const feasible = new Set<string>();
  for (let i = 0; i < search.count; i += 1) feasible.add(snapshot.table.nodeAt(search.feasible[i] as number).name);
  const verdicts: NodeVerdict[] = [...feasible].map((node) => ({ node, feasible: true, plugin: '', reasons: [] }));
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
  const enough = framework.hasScore ? feasibleNodesToFind(total, percentageOfNodesToScore) : 1;
  search.run({ nominatedNodeName, nodeNames: pre.nodeNames, startIndex, enough });
  const verdicts = verdictsOf(snapshot, search, record, pre.narrowedBy);
  const candidates = new Candidates(snapshot.table, Int32Array.from(search.feasible.subarray(0, search.count)), search.count);
  const nodes = { total, evaluated: search.evaluated, feasible: search.count };
  const scores = scoresOf(framework, state, record, candidates, snapshot);
  return {
    nodes, rejections: groupsOf(verdicts), scores: everyNode ? scores : scores.slice(0, scoresShown),
    changes: search.count > 0 ? [] : suggestChanges(framework, record.pod, snapshot),
    ...(everyNode ? { verdicts } : {}),
  };
}

/** undefined: it is too long ago. Takes the cache back and forth within one turn. */
export function explain(framework: Framework, cache: SchedulerCache, promised: Pick<Nominations, 'asOf'>, record: DecisionRecord, options: ExplainOptions): Explanation | undefined {
  const nominations = promised.asOf(record.nominationsPlace);
  if (record.place < cache.earliestPlace || nominations === undefined) return undefined;
  const told = cache.at(record.place, (snapshot) => look(framework, record, nominations, snapshot, options));
  const { namespace, name, uid } = record.pod;
  return {
    kind: 'PodExplanation', namespace, name, uid, scheduler: record.profile, attempt: record.attempt, time: rfc3339Seconds(record.atMs),
    outcome: record.outcome, ...(record.nodeName === '' ? {} : { node: record.nodeName }), message: record.message, ...told,
    ...(record.preemption === undefined ? {} : { preemption: record.preemption }),
  };
}
