import { append, type Timers } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../cache/node-info.ts';
import type { PodInfo } from '../cache/pod-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import type { RowLog } from '../table/row-log.ts';
import { Candidates } from './candidates.ts';
import type { CycleState } from './cycle-state.ts';
import type { Diagnosis } from './diagnosis.ts';
import { eachByItself } from './each-by-itself.ts';
import type {
  AnyPlugin, EnqueueExtensions, FilterPlugin, PermitPlugin, PostFilterResult, PreemptionReport, PreFilterPlugin,
  QueueSortPlugin,
} from './interface.ts';
import type { PluginSets, WeightedScore } from './plugin-sets.ts';
import { ByNeeds, PromisedRows, RowVerdicts } from './row-verdicts.ts';
import { StandingVerdicts } from './standing-verdicts.ts';
import { failed, fromPlugin, isRejected, success, unresolvable, unschedulable, type Status } from './status.ts';

/** What one plugin gave to each candidate. */
export interface PluginScores {
  readonly plugin: string;
  readonly weight: number;
  readonly raw: Float64Array;
  readonly normalized: Float64Array;
}

/** Pods that were promised a node by preemption and are not on it yet. */
export interface Nominator {
  nominatedOn(nodeName: string): readonly PodInfo[];
  /** No pod is promised any node. */
  readonly isEmpty: boolean;
  /** By row: 0, or a number that differs whenever other pods are promised the node. Live. */
  stamps(snapshot: Snapshot): Float64Array;
  /** Rows, of the snapshot that `stamps` was asked for last, whose promises have changed. */
  readonly changes: RowLog;
  /** '' if it is promised none. */
  nodeOf(uid: string): string;
  /** Of those that were promised a node. */
  readonly anyWithAffinity: boolean;
}

export interface PreFilterOutcome {
  readonly status: Status;
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** Plugins that narrowed `nodeNames`. */
  readonly narrowedBy: readonly string[];
}

const maxInterned = 1000;

/** Pods that name their node are asked about by tests and trials only. */
function isFree({ pod }: PodInfo): boolean {
  return (pod.spec?.nodeName ?? '') === '';
}

/** An error says where it came from, as upstream words it. */
function atPoint(point: string, status: Status, plugin: string): Status {
  // It speaks for others, who have said all.
  if (status.plugin !== '') return status;
  return isRejected(status) ? fromPlugin(status, plugin) : { ...failed(`running ${point} plugin ${JSON.stringify(plugin)}: ${status.reasons.join(', ')}`), plugin };
}

/** Runs one profile's plugins at each extension point. */
export class Framework {
  readonly profileName: string;
  readonly #sets: PluginSets;
  readonly #timers: Timers;
  readonly #preFilters: ReadonlyMap<string, PreFilterPlugin>;
  /** So many of the first filters judge a node by itself. */
  readonly #filtersByNodeAlone: number;
  readonly #scoresByNodeAlone: readonly WeightedScore[];
  readonly #otherScores: readonly WeightedScore[];
  readonly #rowVerdicts = new ByNeeds(() => new RowVerdicts());
  readonly #besidePromised = new ByNeeds(() => new PromisedRows<Status>());
  readonly #standing = new ByNeeds(() => new StandingVerdicts());
  readonly #interned = new Map<string, Status>();
  #totals = new Float64Array(0);
  #scores = new Float64Array(0);

  constructor(profileName: string, sets: PluginSets, timers: Timers) {
    this.profileName = profileName;
    this.#sets = sets;
    this.#timers = timers;
    this.#preFilters = new Map(sets.preFilter.map((plugin) => [plugin.name, plugin]));
    const others = sets.filter.findIndex(({ filtersByNodeAlone }) => filtersByNodeAlone !== true);
    this.#filtersByNodeAlone = others < 0 ? this.filterCount : others;
    this.#scoresByNodeAlone = sets.score.filter(({ plugin }) => plugin.scoresByNodeAlone === true);
    this.#otherScores = sets.score.filter(({ plugin }) => plugin.scoresByNodeAlone !== true);
  }

  get filterCount(): number { return this.#sets.filter.length; }
  get hasPostFilter(): boolean { return this.#sets.postFilter.length > 0; }
  get hasScore(): boolean { return this.#sets.score.length > 0; }
  get queueSort(): QueueSortPlugin { return this.#sets.queueSort[0] as QueueSortPlugin; }

  /** Every plugin that is enabled anywhere, once. */
  plugins(): readonly AnyPlugin[] {
    const { score, ...others } = this.#sets;
    const all: AnyPlugin[] = [...Object.values(others).flat(), ...score.map(({ plugin }) => plugin)];
    return [...new Map(all.map((plugin) => [plugin.name, plugin])).values()];
  }

  enqueueExtensions(): readonly EnqueueExtensions[] {
    return this.plugins().filter((plugin): plugin is AnyPlugin & EnqueueExtensions => plugin.eventsToRegister !== undefined);
  }

  preEnqueue(pod: Pod): Status {
    for (const plugin of this.#sets.preEnqueue) {
      const status = plugin.preEnqueue(pod);
      if (status.code !== 'Success') return fromPlugin(status, plugin.name);
    }
    return success;
  }

  preFilter(state: CycleState, pod: PodInfo, snapshot: Snapshot): PreFilterOutcome {
    let nodeNames: ReadonlySet<string> | undefined;
    const narrowedBy: string[] = [];
    for (const plugin of this.#sets.preFilter) {
      const { status, nodeNames: wanted } = plugin.preFilter(state, pod, snapshot);
      if (status.code === 'Skip') { state.skippedFilters.add(plugin.name); continue; }
      if (status.code !== 'Success') return { status: fromPlugin(status, plugin.name), nodeNames: undefined, narrowedBy };
      if (wanted === undefined) continue;
      narrowedBy.push(plugin.name);
      nodeNames = nodeNames === undefined ? wanted : nodeNames.intersection(wanted);
      if (nodeNames.size > 0) continue;
      const names = narrowedBy.toSorted().join(' ');
      const reason = narrowedBy.length === 1 ? `node(s) didn't satisfy plugin ${names}` : `node(s) didn't satisfy plugin(s) [${names}] simultaneously`;
      return { status: fromPlugin(unresolvable(reason), plugin.name), nodeNames: undefined, narrowedBy };
    }
    return { status: success, nodeNames, narrowedBy };
  }

  filter(state: CycleState, pod: PodInfo, node: NodeInfo): Status {
    for (const plugin of this.#sets.filter) {
      if (state.skippedFilters.has(plugin.name)) continue;
      const status = plugin.filter(state, pod, node);
      if (status.code !== 'Success') return fromPlugin(status, plugin.name);
    }
    return success;
  }

  /**
   * With the pods nominated to the node (of the same or higher priority) as if they were there, and without them:
   * both must do, since they may help as well as hinder, and may never come.
   */
  filterWithNominated(state: CycleState, pod: PodInfo, node: NodeInfo, nominator: Nominator): Status {
    const nominated = nominator.nominatedOn(node.name).filter((other) => other.priority >= pod.priority && other.uid !== pod.uid);
    if (nominated.length > 0) {
      const [trialState, trialNode] = [state.clone(), node.clone()];
      for (const other of nominated) this.addPod(trialState, pod, other, trialNode);
      const status = this.filter(trialState, pod, trialNode);
      if (status.code !== 'Success') return status;
    }
    return this.filter(state, pod, node);
  }

  /**
   * Of the first `count` of `rows` keeps those whose nodes `filter` lets pass, and answers how many. `rejecters` holds for each
   * row asked the place of the plugin that refused it, for `statusOfRejected`; those kept have a place past the last.
   */
  filterRows(state: CycleState, pod: PodInfo, snapshot: Snapshot, rows: Int32Array, count: number, rejecters: Uint8Array): number {
    const remembered = isFree(pod) ? this.#filtersByNodeAlone : 0;
    let kept = remembered === 0 ? count : this.#keepByVerdict(state, pod, snapshot, rows, count, rejecters);
    kept = this.#filterFrom(remembered, this.filterCount, state, pod, snapshot, rows, kept, rejecters);
    for (let i = 0; i < kept; i += 1) rejecters[rows[i] as number] = this.filterCount;
    return kept;
  }

  /** The filters from place `from` up to `to`. Rows kept have any place of these in `refusedBy`. */
  #filterFrom(from: number, to: number, state: CycleState, pod: PodInfo, snapshot: Snapshot, rows: Int32Array, count: number, refusedBy: Uint8Array): number {
    let kept = count;
    for (let place = from; place < to && kept > 0; place += 1) {
      const plugin = this.#sets.filter[place] as FilterPlugin;
      if (state.skippedFilters.has(plugin.name)) continue;
      for (let i = 0; i < kept; i += 1) refusedBy[rows[i] as number] = place;
      kept = plugin.filterRows === undefined ? eachByItself(plugin, state, pod, snapshot, rows, kept) : plugin.filterRows(state, pod, snapshot, rows, kept);
    }
    return kept;
  }

  #keepByVerdict(state: CycleState, pod: PodInfo, snapshot: Snapshot, rows: Int32Array, count: number, rejecters: Uint8Array): number {
    const { refusedBy } = this.#verdicts(state, pod, snapshot, rows, count);
    const passes = this.filterCount;
    let kept = 0;
    for (let i = 0; i < count; i += 1) {
      const row = rows[i] as number;
      const place = refusedBy[row] as number;
      if (place === passes) { rows[kept] = row; kept += 1; }
      else rejecters[row] = place;
    }
    return kept;
  }

  /** What the plugins that judge nodes by themselves say of these rows as they are now. */
  #verdicts(state: CycleState, pod: PodInfo, snapshot: Snapshot, rows: Int32Array, count: number): RowVerdicts {
    const { table } = snapshot;
    const verdicts = this.#rowVerdicts.of(pod.needsKey, table);
    const { stale } = table.buffers();
    const found = verdicts.staleAmong(table, rows, count, stale);
    if (found > 0) this.#judge(verdicts, state, pod, snapshot, stale, found);
    return verdicts;
  }

  /** Reorders `rows`. */
  #judge(verdicts: RowVerdicts, state: CycleState, pod: PodInfo, snapshot: Snapshot, rows: Int32Array, count: number): void {
    const { table } = snapshot;
    const { refusedBy, scores } = verdicts;
    const candidates = new Candidates(table, rows, count);
    const totals = this.#sumScores(this.#scoresByNodeAlone, state, pod, candidates);
    for (let i = 0; i < count; i += 1) scores[rows[i] as number] = totals[i] as number;
    const asked = rows.slice(0, count);
    const kept = this.#filterFrom(0, this.#filtersByNodeAlone, state, pod, snapshot, rows, count, refusedBy);
    for (let i = 0; i < kept; i += 1) refusedBy[rows[i] as number] = this.filterCount;
    verdicts.judged(table, asked, count);
  }

  /** Only filters that judge nodes by themselves have something to say to the pod. */
  judgesByNodeAlone(state: CycleState, pod: PodInfo): boolean {
    return isFree(pod) && this.#sets.filter.every(({ name }, place) => place < this.#filtersByNodeAlone || state.skippedFilters.has(name));
  }

  /** `filterWithNominated`, for reasons that are counted. */
  statusWithNominated(state: CycleState, pod: PodInfo, node: NodeInfo, nominator: Nominator): Status {
    return this.#intern(this.filterWithNominated(state, pod, node, nominator));
  }

  /** Where what all nodes say to such pods can be kept; undefined: this pod is not like others of its needs. */
  standing(state: CycleState, pod: PodInfo, { table }: Snapshot, nominator: Nominator): StandingVerdicts | undefined {
    if (nominator.anyWithAffinity || nominator.nodeOf(pod.uid) !== '' || !this.judgesByNodeAlone(state, pod)) return undefined;
    return this.#standing.of(`${pod.priority} ${pod.needsKey}`, table);
  }

  /** What `statusWithNominated` says of rows with promises: of former pods too, where it can be the same for them. */
  besidePromised(state: CycleState, pod: PodInfo, { table }: Snapshot, nominator: Nominator): PromisedRows<Status> {
    // Its own promise is none to it.
    return nominator.nodeOf(pod.uid) === '' && this.judgesByNodeAlone(state, pod) ? this.#besidePromised.of(`${pod.priority} ${pod.needsKey}`, table) : new PromisedRows();
  }

  /** Why the plugin at `place` of the filters refuses the node, which `filterRows` was just asked about. */
  statusOfRejected(state: CycleState, pod: PodInfo, { table }: Snapshot, row: number, place: number): Status {
    const remembered = place < this.#filtersByNodeAlone && isFree(pod) ? this.#rowVerdicts.of(pod.needsKey, table).statuses : undefined;
    const known = remembered?.[row];
    if (known !== undefined) return known;
    const plugin = this.#sets.filter[place] as FilterPlugin;
    const status = this.#intern(fromPlugin(plugin.filter(state, pod, table.nodeAt(row)), plugin.name));
    if (remembered !== undefined) remembered[row] = status;
    return status;
  }

  /** Equal ones are one and the same, so that thousands are counted fast. */
  #intern(status: Status): Status {
    const key = [status.plugin, status.code, ...status.reasons].join('\0');
    const known = this.#interned.get(key);
    if (known !== undefined) return known;
    if (this.#interned.size >= maxInterned) this.#interned.clear();
    this.#interned.set(key, status);
    return status;
  }

  /** Puts `other` on a trial node and tells the plugins. */
  addPod(state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    node.addPod(other);
    for (const plugin of this.#preFilters.values()) plugin.addPod?.(state, pod, other, node);
  }

  removePod(state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo): void {
    node.removePod(other.uid);
    for (const plugin of this.#preFilters.values()) plugin.removePod?.(state, pod, other, node);
  }

  async postFilter(state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis): Promise<PostFilterResult> {
    const reasons: string[] = [];
    let nominatedNodeName: string | undefined;
    let report: PreemptionReport | undefined;
    for (const plugin of this.#sets.postFilter) {
      const result = await plugin.postFilter(state, pod, snapshot, diagnosis);
      if (!isRejected(result.status)) return result;
      append(reasons, result.status.reasons);
      nominatedNodeName = result.nominatedNodeName ?? nominatedNodeName;
      report = result.report ?? report;
    }
    return { status: unschedulable(...reasons), nominatedNodeName, ...(report === undefined ? {} : { report }) };
  }

  preScore(state: CycleState, pod: PodInfo, candidates: Candidates, snapshot: Snapshot): Status {
    for (const plugin of this.#sets.preScore) {
      const status = plugin.preScore(state, pod, candidates, snapshot);
      if (status.code === 'Skip') state.skippedScores.add(plugin.name);
      else if (status.code !== 'Success') return fromPlugin(status, plugin.name);
    }
    return success;
  }

  /** Weighted sums, less what all candidates have alike: `totals[i]` for the i-th candidate. The array is good until the next call. */
  score(state: CycleState, pod: PodInfo, candidates: Candidates, snapshot: Snapshot): Float64Array {
    if (!isFree(pod)) return this.#sumScores(this.#sets.score, state, pod, candidates);
    const { rows, count } = candidates;
    const { scores } = this.#verdicts(state, pod, snapshot, rows, count);
    return this.#sumScores(this.#otherScores, state, pod, candidates, scores);
  }

  /** `known`: what is there already, by row. */
  #sumScores(plugins: readonly WeightedScore[], state: CycleState, pod: PodInfo, candidates: Candidates, known?: Float64Array): Float64Array {
    const { rows, count } = candidates;
    if (this.#totals.length < count) { this.#totals = new Float64Array(count); this.#scores = new Float64Array(count); }
    const [totals, scores] = [this.#totals, this.#scores];
    if (known === undefined) totals.fill(0, 0, count);
    else for (let i = 0; i < count; i += 1) totals[i] = known[rows[i] as number] as number;
    for (const { plugin, weight } of plugins) {
      if (state.skippedScores.has(plugin.name) || plugin.sameForAll?.(candidates) === true) continue;
      if (plugin.scoreRows === undefined) for (let i = 0; i < count; i += 1) scores[i] = plugin.score(state, pod, candidates.nodeAt(i));
      else plugin.scoreRows(state, pod, candidates, scores);
      plugin.normalize?.(state, pod, candidates, scores);
      for (let i = 0; i < count; i += 1) totals[i] = (totals[i] as number) + weight * (scores[i] as number);
    }
    return totals;
  }

  /** What `score` sums up, plugin by plugin; both arrays are by candidate. For explanations, not for decisions. */
  scoreByPlugin(state: CycleState, pod: PodInfo, candidates: Candidates): readonly PluginScores[] {
    return this.#sets.score.filter(({ plugin }) => !state.skippedScores.has(plugin.name)).map(({ plugin, weight }) => {
      const raw = Float64Array.from({ length: candidates.count }, (_, i) => plugin.score(state, pod, candidates.nodeAt(i)));
      const normalized = Float64Array.from(raw);
      plugin.normalize?.(state, pod, candidates, normalized);
      return { plugin: plugin.name, weight, raw, normalized };
    });
  }

  /** Every plugin that refuses the node, where `filter` stops at the first. */
  rejections(state: CycleState, pod: PodInfo, node: NodeInfo): readonly Status[] {
    return this.#sets.filter.filter((plugin) => !state.skippedFilters.has(plugin.name))
      .map((plugin) => fromPlugin(plugin.filter(state, pod, node), plugin.name)).filter(({ code }) => code !== 'Success');
  }

  reserve(state: CycleState, pod: PodInfo, nodeName: string): Status {
    for (const plugin of this.#sets.reserve) {
      const status = plugin.reserve(state, pod, nodeName);
      if (status.code !== 'Success') return atPoint('Reserve', status, plugin.name);
    }
    return success;
  }

  /** In reverse order of reserve. */
  unreserve(state: CycleState, pod: PodInfo, nodeName: string): void {
    for (const plugin of this.#sets.reserve.toReversed()) plugin.unreserve(state, pod, nodeName);
  }

  /** Everything from Permit to PostBind. Never rejects. */
  async bindingCycle(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Status> {
    const ready = await this.prepareBinding(state, pod, nodeName, signal);
    return ready.code === 'Success' ? this.finishBinding(state, pod, nodeName, signal) : ready;
  }

  /** Permit and PreBind. Never rejects. */
  async prepareBinding(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Status> {
    try {
      for (const plugin of this.#sets.permit) {
        const status = await this.#permit(plugin, state, pod, nodeName);
        if (status.code !== 'Success') return fromPlugin(status, plugin.name);
      }
      for (const plugin of this.#sets.preBind) {
        const status = await plugin.preBind(state, pod, nodeName, signal);
        if (status.code !== 'Success') return atPoint('PreBind', status, plugin.name);
      }
      return state.bindingWaits && signal.aborted ? failed('the scheduler is stopping') : success;
    } catch (error) {
      return failed(error);
    }
  }

  /** Bind and PostBind. Never rejects. */
  async finishBinding(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Status> {
    try {
      const status = await this.#bind(state, pod, nodeName, signal);
      if (status.code === 'Success') for (const plugin of this.#sets.postBind) plugin.postBind(state, pod, nodeName);
      return status;
    } catch (error) {
      return failed(error);
    }
  }

  async #permit(plugin: PermitPlugin, state: CycleState, pod: PodInfo, nodeName: string): Promise<Status> {
    const { status, verdict, timeoutMs = 0 } = plugin.permit(state, pod, nodeName);
    if (status.code !== 'Wait') return status;
    const late = Promise.withResolvers<Status>();
    const timer = this.#timers.after(timeoutMs, () => late.resolve(unschedulable(`timed out waiting on permit plugin ${plugin.name}`)));
    const answer = await Promise.race([late.promise, verdict ?? late.promise]);
    timer.cancel();
    return answer;
  }

  async #bind(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Status> {
    for (const plugin of this.#sets.bind) {
      const status = await plugin.bind(state, pod, nodeName, signal);
      if (status.code !== 'Skip') return status.code === 'Success' ? status : atPoint('Bind', status, plugin.name);
    }
    return failed(`no bind plugin took pod ${pod.key}`);
  }
}
