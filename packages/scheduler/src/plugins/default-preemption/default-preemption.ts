import { randomBelow, rfc3339Seconds, type Host, type Random } from '@coxswain/host';
import { isFenced, isNotFound, type EventRecorder } from '@coxswain/client';
import type { PodDeletions, PodStatusPatches } from '@coxswain/client/fast-path';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { Leadership } from '../../leadership.ts';
import type { Extenders } from '../../extender/extenders.ts';
import { fitMessage, type Diagnosis } from '../../framework/diagnosis.ts';
import type { Framework, Nominator } from '../../framework/framework.ts';
import type { AnyPlugin, PostFilterResult, PreemptionCandidate, PreemptionReport } from '../../framework/interface.ts';
import type { RowSubset } from '../../framework/row-statuses.ts';
import { failed, success, unresolvable, unschedulable, type Status } from '../../framework/status.ts';
import type { AwaitedVictims } from './awaited-victims.ts';
import { pickCandidate, type Candidate } from './candidates.ts';
import { DryRuns, type Trials } from './dry-runs.ts';

const name = 'DefaultPreemption';

export interface PreemptionArgs {
  readonly minCandidateNodesPercentage: number;
  readonly minCandidateNodesAbsolute: number;
}

export interface PreemptionHandle {
  readonly host: Host;
  readonly podStatuses: Pick<PodStatusPatches, 'patch'>;
  readonly podDeletions: Pick<PodDeletions, 'delete'>;
  readonly leadership?: Leadership | undefined;
  readonly recorder: EventRecorder;
  readonly awaitedVictims: AwaitedVictims;
  activate(uids: Iterable<string>): void;
  readonly schedulerName: string;
  framework(): Framework;
  nominator(): Nominator & { nominate(pod: PodInfo, nodeName: string): void };
  budgets(): readonly PodDisruptionBudget[];
  readonly extenders: Extenders;
  snapshot(): Snapshot;
}

/** undefined: the pod may preempt. */
function whyNot(pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis): string | undefined {
  if (pod.pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const nominated = pod.pod.status?.nominatedNodeName ?? '';
  const node = nominated === '' ? undefined : snapshot.node(nominated);
  // The room it was promised there will never come.
  if (node === undefined || diagnosis.statusOf(node).code === 'UnschedulableAndUnresolvable') return undefined;
  const leaving = node.pods.values().some((other) => other.priority < pod.priority && other.terminating
    && other.pod.status?.conditions?.some((condition) => condition.type === 'DisruptionTarget' && condition.status === 'True' && condition.reason === 'PreemptionByScheduler') === true);
  return leaving ? 'not eligible due to a terminating pod on the nominated node.' : undefined;
}

function candidateCount(nodeCount: number, args: PreemptionArgs): number {
  return Math.min(nodeCount, Math.max(Math.floor((nodeCount * args.minCandidateNodesPercentage) / 100), args.minCandidateNodesAbsolute));
}

interface Found {
  readonly candidates: readonly Candidate[];
  /** The one that hurts least; the first of equals. */
  readonly best: Candidate | undefined;
  readonly message: string;
}

const unhelpful = unresolvable('Preemption is not helpful for scheduling');

/** Counts runs of the same, as neighbours mostly say. */
class Tally {
  readonly #counts = new Map<Status, number>();
  #last: Status | undefined;
  #run = 0;
  total = 0;

  add(status: Status): void {
    if (status !== this.#last) this.counts();
    this.#last = status;
    this.#run += 1;
    this.total += 1;
  }

  counts(): Map<Status, number> {
    if (this.#last !== undefined) this.#counts.set(this.#last, (this.#counts.get(this.#last) ?? 0) + this.#run);
    this.#run = 0;
    return this.#counts;
  }
}

/** Place in the order of nodes of one of those that count, each with the same chance. */
function placeOf(which: number, rows: Int32Array, { count, has }: RowSubset): number {
  if (count === rows.length) return which;
  let left = which;
  for (let at = 0; at < rows.length; at += 1) {
    if (!has(rows[at] as number)) continue;
    if (left === 0) return at;
    left -= 1;
  }
  return 0;
}

function findCandidates(random: Random, args: PreemptionArgs, trials: Trials, snapshot: Snapshot, diagnosis: Diagnosis): Found {
  const { rows, nodes } = snapshot;
  const potential = diagnosis.rowsWith('Unschedulable', snapshot);
  const wanted = candidateCount(potential.count, args);
  let at = potential.count === 0 ? 0 : placeOf(randomBelow(random, potential.count), rows, potential);
  const candidates: Candidate[] = [];
  const refusals = new Tally();
  let [harmless, best] = [0, -1];
  // Those that break no budget are worth looking on for.
  for (let left = rows.length; left > 0 && (candidates.length < wanted || harmless === 0); left -= 1, at = at + 1 === rows.length ? 0 : at + 1) {
    const row = rows[at] as number;
    if (!potential.has(row)) continue;
    const candidate = trials.candidate(row);
    if (candidate === undefined) {
      refusals.add(trials.refusal(row));
      continue;
    }
    candidates.push(candidate);
    if (harmless === 0 && candidate.violations === 0) harmless += 1;
    if (best < 0 || trials.isLess(row, best)) best = row;
  }
  const counts = refusals.counts();
  if (nodes.length > refusals.total) counts.set(unhelpful, nodes.length - refusals.total);
  const message = fitMessage(counts, nodes.length);
  return { candidates, best: best < 0 ? undefined : trials.candidate(best), message };
}

async function evict(handle: PreemptionHandle, pod: PodInfo, victim: PodInfo, nodeName: string): Promise<void> {
  const key = { namespace: victim.namespace, name: victim.name };
  const condition = {
    type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', lastTransitionTime: rfc3339Seconds(handle.host.clock.nowMs()),
    message: `${handle.schedulerName}: preempting to accommodate a higher priority pod`,
  };
  try {
    if (!victim.terminating) await handle.podDeletions.delete({ ...key, uid: victim.uid, status: { conditions: [condition] } });
  } catch (error) {
    if (isFenced(error)) handle.leadership?.lost();
    // It went by itself.
    if (!isNotFound(error)) throw error;
  }
  handle.recorder.event({ ...victim.pod, apiVersion: 'v1', kind: 'Pod' }, 'Normal', 'Preempted', `Preempted by pod ${pod.uid} on node ${nodeName}`,
    { action: 'Preempting', related: { ...pod.pod, apiVersion: 'v1', kind: 'Pod' } });
}

/** Pods of lower priority that were promised the same node must look again. */
async function clearLowerNominations(handle: PreemptionHandle, pod: PodInfo, nodeName: string): Promise<void> {
  const lower = handle.nominator().nominatedOn(nodeName).filter((other) => other.priority < pod.priority && other.uid !== pod.uid);
  for (const other of lower) handle.nominator().nominate(other, '');
  await Promise.all(lower.map(({ namespace, name: podName, uid, key }) => handle.podStatuses.patch({ namespace, name: podName, uid, status: { nominatedNodeName: null } })
    .catch((error: unknown) => handle.host.log.warn('nomination was not cleared', { pod: key, error: String(error) }))));
}

const candidatesTold = 20;

/** Of candidates that were not chosen: the same is told to pod after pod. */
const toldOf = new WeakMap<Candidate, PreemptionCandidate>();

function tellOf(candidate: Candidate, chosen: boolean): PreemptionCandidate {
  const { nodeName, victims, violations } = candidate;
  return { node: nodeName, victims: victims.map(({ key }) => key), budgetsViolated: violations, chosen };
}

function reportOf(message: string, candidates: readonly Candidate[], chosen: Candidate | undefined): PreemptionReport {
  const told: PreemptionCandidate[] = chosen === undefined ? [] : [tellOf(chosen, true)];
  for (let i = 0; i < candidates.length && told.length < candidatesTold; i += 1) {
    const candidate = candidates[i] as Candidate;
    if (candidate === chosen) continue;
    const text = toldOf.get(candidate) ?? tellOf(candidate, false);
    toldOf.set(candidate, text);
    told.push(text);
  }
  return { message, candidates: told };
}

/** The making of room that is under way, beside other decisions: until it has ended its pod does not preempt anew. */
class Preempting {
  readonly #handle: PreemptionHandle;
  /** Of the pods that room is made for; those that asked again meanwhile. */
  readonly #asked = new Map<string, boolean>();

  constructor(handle: PreemptionHandle) {
    this.#handle = handle;
  }

  isFor({ uid }: PodInfo): boolean {
    if (!this.#asked.has(uid)) return false;
    this.#asked.set(uid, true);
    return true;
  }

  async evictAll(pod: PodInfo, { victims, nodeName }: Candidate): Promise<void> {
    this.#asked.set(pod.uid, false);
    this.#handle.awaitedVictims.expect(pod.uid, victims.map(({ uid }) => uid));
    let failedWith: unknown;
    try {
      await Promise.all([...victims.map((victim) => evict(this.#handle, pod, victim, nodeName)), clearLowerNominations(this.#handle, pod, nodeName)]);
    } catch (error) {
      failedWith = error;
      this.#handle.awaitedVictims.forget(pod.uid);
      this.#handle.host.log.error('preemption failed', { pod: pod.key, node: nodeName, error: String(error) });
    }
    const asked = this.#asked.get(pod.uid) === true;
    this.#asked.delete(pod.uid);
    // The event that it waits for may have come already, or never comes.
    if (asked || failedWith !== undefined) this.#handle.activate([pod.uid]);
  }
}

/** Makes room for a pod by removing pods of lower priority from the node where that hurts least. */
export function defaultPreemption(args: PreemptionArgs, handle: PreemptionHandle): AnyPlugin {
  const dryRuns = new DryRuns();
  const preempting = new Preempting(handle);
  return {
    name,
    async postFilter(state, pod, snapshot, diagnosis): Promise<PostFilterResult> {
      const reason = preempting.isFor(pod) ? 'waiting for the preemption for this pod to be finished' : whyNot(pod, snapshot, diagnosis);
      if (reason !== undefined) return { status: unschedulable(`preemption: ${reason}`), nominatedNodeName: undefined, report: reportOf(reason, [], undefined) };
      const trials = dryRuns.of(handle.framework(), handle.nominator(), state, pod, snapshot, handle.budgets());
      const { candidates: found, best, message } = findCandidates(handle.host.random, args, trials, snapshot, diagnosis);
      let candidates: readonly Candidate[];
      try {
        candidates = await handle.extenders.preempt(pod, found, () => handle.snapshot());
      } catch (error) {
        return { status: failed(error), nominatedNodeName: undefined };
      }
      const chosen = candidates === found ? best : pickCandidate(candidates);
      const report = reportOf(message, candidates, chosen);
      if (chosen === undefined) return { status: unschedulable(`preemption: ${message}`), nominatedNodeName: '', report };
      return { status: success, nominatedNodeName: chosen.nodeName, report, work: preempting.evictAll(pod, chosen) };
    },
  };
}
