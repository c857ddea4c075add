import { Simulation } from '@coxswain/host/sim';
import type { Node, NodeSpec, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { SchedulerCache } from '../cache/cache.ts';
import { podInfoOf } from '../cache/pod-info.ts';
import { defaultPluginArgs, type PluginArgs } from '../config.ts';
import { Candidates } from '../framework/candidates.ts';
import { CycleState } from '../framework/cycle-state.ts';
import type { AnyPlugin } from '../framework/interface.ts';
import type { PluginName } from '../plugins/names.ts';
import type { PluginHandle } from '../plugins/handle.ts';
import { registry } from '../plugins/registry.ts';
import { testHandle } from './handle.ts';

const { host } = new Simulation({ seed: 1 }).start('table', 'table');

/** What one plugin is asked about. */
export interface Question {
  readonly pod: Pod;
  readonly nodes: readonly Node[];
  readonly placed?: readonly Pod[];
  readonly args?: Partial<PluginArgs>;
  readonly handle?: Partial<Omit<PluginHandle, 'framework' | 'schedulerName'>>;
}

/** With capacity as far as given; hostname as its only label besides. */
export function tableNode(name: string, labels: Readonly<Record<string, string>> = {}, allocatable: Readonly<Record<string, string>> = {}, spec: NodeSpec = {}): Node {
  return { metadata: { name, labels }, spec, status: { allocatable } };
}

let made = 0;

/** `requests` of each container; none: no container. */
export function tablePod(labels: Readonly<Record<string, string>> = {}, requests: readonly Readonly<Record<string, string>>[] = [], spec: Partial<PodSpec> = {}): Pod {
  made += 1;
  const containers = requests.map((each, at) => ({ name: `c${at}`, image: 'i', resources: { requests: each } }));
  return { metadata: { name: `p${made}`, namespace: 'default', uid: `u${made}`, labels }, spec: { containers, ...spec } };
}

function prepared(name: PluginName, { pod, nodes, placed = [], args = {}, handle = {} }: Question) {
  const cache = new SchedulerCache((namespace) => handle.namespaceLabels?.(namespace));
  for (const node of nodes) cache.setNode(node);
  for (const other of placed) cache.setPod(other);
  const plugin: AnyPlugin = registry[name]({ ...defaultPluginArgs, ...args }, { ...testHandle(host, handle), schedulerName: 'x', framework: () => { throw new Error('not used'); } });
  return { plugin, state: new CycleState(), info: podInfoOf(pod), snapshot: cache.snapshot() };
}

/** Normalized scores in the order of the nodes, or that the plugin passes. */
export function scoresOf(name: PluginName, question: Question): readonly number[] | 'skipped' {
  const { plugin, state, info, snapshot } = prepared(name, question);
  const rows = Int32Array.from(question.nodes, ({ metadata }) => snapshot.node(metadata?.name ?? '')?.row ?? -1);
  const candidates = new Candidates(snapshot.table, rows, rows.length);
  if (plugin.preScore?.(state, info, candidates, snapshot).code === 'Skip') return 'skipped';
  const scores = Float64Array.from(rows, (_, i) => plugin.score?.(state, info, candidates.nodeAt(i)) ?? Number.NaN);
  plugin.normalize?.(state, info, candidates, scores);
  return [...scores];
}

/** '' where the node passes, else why not; one string if the pod is refused everywhere. */
export function verdictsOf(name: PluginName, question: Question): readonly string[] | string {
  const { plugin, state, info, snapshot } = prepared(name, question);
  const pre = plugin.preFilter?.(state, info, snapshot);
  if (pre?.status.code === 'Skip') return question.nodes.map(() => '');
  if (pre !== undefined && pre.status.code !== 'Success') return `${pre.status.code}: ${pre.status.reasons.join(', ')}`;
  return question.nodes.map(({ metadata }) => {
    const node = snapshot.node(metadata?.name ?? '');
    const status = node === undefined ? undefined : plugin.filter?.(state, info, node);
    return status === undefined || status.code === 'Success' ? '' : `${status.code}: ${status.reasons.join(', ')}`;
  });
}
