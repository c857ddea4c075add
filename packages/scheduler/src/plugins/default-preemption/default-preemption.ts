import { randomBelow, rfc3339Seconds, type Host } from '@coxswain/host';
import { isNotFound, type EventRecorder } from '@coxswain/client';
import type { PodDeletions, PodStatusPatches } from '@coxswain/client/fast-path';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { Extenders } from '../../extender/extenders.ts';
import { fitMessage, type Diagnosis } from '../../framework/diagnosis.ts';
import type { Framework, Nominator } from '../../framework/framework.ts';
import type { AnyPlugin, PostFilterResult, PreemptionReport } from '../../framework/interface.ts';
import { failed, success, unresolvable, unschedulable, type Status } from '../../framework/status.ts';
import { pickCandidate, type Candidate } from './candidates.ts';
import { DryRuns, type DryRun } from './dry-runs.ts';

const name = 'DefaultPreemption';

export interface PreemptionArgs {
  readonly minCandidateNodesPercentage: number;
  readonly minCandidateNodesAbsolute: number;
}

export interface PreemptionHandle {
  readonly host: Host;
  readonly podStatuses: Pick<PodStatusPatches, 'patch'>;
  readonly podDeletions: Pick<PodDeletions, 'delete'>;
  readonly recorder: EventRecorder;
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

interface Search { readonly candidates: readonly Candidate[]; readonly message: string }

const unhelpful = unresolvable('Preemption is not helpful for scheduling');

function findCandidates(handle: PreemptionHandle, args: PreemptionArgs, dryRunOf: DryRun, snapshot: Snapshot, diagnosis: Diagnosis): Search {
  const potential = diagnosis.rowsWith('Unschedulable', snapshot);
  const wanted = candidateCount(potential.length, args);
  const offset = potential.length === 0 ? 0 : randomBelow(handle.host.random, potential.length);
  const candidates: Candidate[] = [];
  const refusals = new Map<Status, number>();
  let [refused, harmless] = [0, 0];
  // Those that break no budget are worth looking on for.
  for (let i = 0; i < potential.length && (candidates.length < wanted || harmless === 0); i += 1) {
    const trial = dryRunOf(potential[(offset + i) % potential.length] as number);
    if (trial.candidate !== undefined) {
      candidates.push(trial.candidate);
      if (trial.candidate.violations === 0) harmless += 1;
      continue;
    }
    refusals.set(trial.refused, (refusals.get(trial.refused) ?? 0) + 1);
    refused += 1;
  }
  const nodeCount = snapshot.nodes.length;
  return { candidates, message: fitMessage(nodeCount === refused ? refusals : refusals.set(unhelpful, nodeCount - refused), nodeCount) };
}

async function evict(handle: PreemptionHandle, pod: PodInfo, victim: PodInfo, nodeName: string): Promise<void> {
  const key = { namespace: victim.namespace, name: victim.name };
  const condition = {
    type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', lastTransitionTime: rfc3339Seconds(handle.host.clock.nowMs()),
    message: `${handle.schedulerName}: preempting to accommodate a higher priority pod`,
  };
  try {
    if (!victim.terminating) {
      await handle.podStatuses.patch({ ...key, uid: victim.uid, status: { conditions: [condition] } });
      await handle.podDeletions.delete({ ...key, uid: victim.uid });
    }
  } catch (error) {
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

function reportOf(message: string, candidates: readonly Candidate[], chosen: Candidate | undefined): PreemptionReport {
  const others = candidates.filter((candidate) => candidate !== chosen).slice(0, candidatesTold - 1);
  const told = [...(chosen === undefined ? [] : [chosen]), ...others];
  return { message, candidates: told.map((candidate) => ({
    node: candidate.nodeName, victims: candidate.victims.map(({ key }) => key), budgetsViolated: candidate.violations, chosen: candidate === chosen,
  })) };
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
    let failedWith: unknown;
    try {
      await Promise.all([...victims.map((victim) => evict(this.#handle, pod, victim, nodeName)), clearLowerNominations(this.#handle, pod, nodeName)]);
    } catch (error) {
      failedWith = error;
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
      const { candidates: found, message } = findCandidates(handle, args, dryRuns.of(handle.framework(), handle.nominator(), state, pod, snapshot, handle.budgets()), snapshot, diagnosis);
      let candidates: readonly Candidate[];
      try {
        candidates = await handle.extenders.preempt(pod, found, () => handle.snapshot());
      } catch (error) {
        return { status: failed(error), nominatedNodeName: undefined };
      }
      const chosen = pickCandidate(candidates);
      const report = reportOf(message, candidates, chosen);
      if (chosen === undefined) return { status: unschedulable(`preemption: ${message}`), nominatedNodeName: '', report };
      return { status: success, nominatedNodeName: chosen.nodeName, report, work: preempting.evictAll(pod, chosen) };
    },
  };
}
