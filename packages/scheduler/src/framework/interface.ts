import type { Pod } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../cache/node-info.ts';
import type { PodInfo } from '../cache/pod-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import type { Candidates } from './candidates.ts';
import type { CycleState } from './cycle-state.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { ClusterEvent, EventAction, EventResource } from './events.ts';
import type { Status } from './status.ts';

/**
 * The extension points in the order in which a pod meets them. From PreFilter to Reserve everything is synchronous:
 * one pod is decided on one snapshot, and no event can come in between. Only effects (PostFilter's victims, Permit's wait,
 * PreBind, Bind) await.
 */
export interface Plugin {
  readonly name: string;
}

/** May the pod enter the active queue? Anything but Success keeps it out until an event of the plugin. */
export interface PreEnqueuePlugin extends Plugin {
  preEnqueue(pod: Pod): Status;
}

/** Exactly one is enabled. */
export interface QueueSortPlugin extends Plugin {
  less(a: QueuedPod, b: QueuedPod): boolean;
}

export interface QueuedPod {
  readonly podInfo: PodInfo;
  /** Monotonic time at which the pod was (re)queued. */
  readonly timestampMs: number;
}

export interface PreFilterResult {
  readonly status: Status;
  /** If given, only these nodes need be looked at. */
  readonly nodeNames?: ReadonlySet<string>;
}

export interface PreFilterPlugin extends Plugin {
  /** Skip also passes over the plugin's Filter. */
  preFilter(state: CycleState, pod: PodInfo, snapshot: Snapshot): PreFilterResult;
  /** Keeps the plugin's state right while pods are put on and taken off `node` on a trial. */
  addPod?(state: CycleState, pod: PodInfo, toAdd: PodInfo, node: NodeInfo): void;
  removePod?(state: CycleState, pod: PodInfo, toRemove: PodInfo, node: NodeInfo): void;
}

/** Must be a function of its arguments and the state its PreFilter left. */
export interface FilterPlugin extends Plugin {
  /** The answer depends on nothing but the pod's `needsKey` and that node with the sums of its pods: it is remembered until these change. */
  readonly filtersByNodeAlone?: true;
  /** Also asked about a trial's copy of a node; the only one that gives reasons. */
  filter(state: CycleState, pod: PodInfo, node: NodeInfo): Status;
  /**
   * The same for many nodes at once: of the first `count` of `rows` keeps, in order and in place, those that `filter` would let
   * pass, and answers how many. Without it each node is asked by itself.
   */
  filterRows?(state: CycleState, pod: PodInfo, snapshot: Snapshot, rows: Int32Array, count: number): number;
}

export interface PostFilterResult {
  readonly status: Status;
  /** undefined leaves the nomination as it is, '' clears it. */
  readonly nominatedNodeName: string | undefined;
  /** What was thought of, for explanations. */
  readonly report?: PreemptionReport;
  /** Goes on beside later decisions. Never rejects. */
  readonly work?: Promise<void>;
}

/** What preemption would cost on the nodes on which it could help. */
export interface PreemptionReport {
  readonly message: string;
  /** Some of them, the chosen one among them. */
  readonly candidates: readonly PreemptionCandidate[];
}

export interface PreemptionCandidate {
  readonly node: string;
  /** `namespace/name`, most important first. */
  readonly victims: readonly string[];
  readonly budgetsViolated: number;
  readonly chosen: boolean;
}

/** Called when no node passed; the first that answers Success ends the round. */
export interface PostFilterPlugin extends Plugin {
  postFilter(state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis): Promise<PostFilterResult>;
}

/** Skip also passes over the plugin's Score. */
export interface PreScorePlugin extends Plugin {
  preScore(state: CycleState, pod: PodInfo, candidates: Candidates, snapshot: Snapshot): Status;
}

export const maxNodeScore = 100;

/** Scores nodes, then may bring all of them to 0..100. */
export interface ScorePlugin extends Plugin {
  /** As for filters; such a plugin has neither PreScore nor normalize. */
  readonly scoresByNodeAlone?: true;
  score(state: CycleState, pod: PodInfo, node: NodeInfo): number;
  /** The same for all candidates at once: `scores[i]` becomes what `score` answers for the i-th. */
  scoreRows?(state: CycleState, pod: PodInfo, candidates: Candidates, scores: Float64Array): void;
  /** True if all candidates get the same in the end: then there is nothing to add. */
  sameForAll?(candidates: Candidates): boolean;
  /** In place; only the first `candidates.count` scores are meant. */
  normalize?(state: CycleState, pod: PodInfo, candidates: Candidates, scores: Float64Array): void;
}

export interface ReservePlugin extends Plugin {
  reserve(state: CycleState, pod: PodInfo, nodeName: string): Status;
  /** Called for every Reserve plugin if anything later fails, also if its own reserve was never called. */
  unreserve(state: CycleState, pod: PodInfo, nodeName: string): void;
}

export interface PermitResult {
  readonly status: Status;
  /** With Wait: settles with the verdict. The binding (not the scheduler) waits, for at most `timeoutMs`. */
  readonly verdict?: Promise<Status>;
  readonly timeoutMs?: number;
}

export interface PermitPlugin extends Plugin {
  permit(state: CycleState, pod: PodInfo, nodeName: string): PermitResult;
}

export interface PreBindPlugin extends Plugin {
  /** `signal` aborts when this process must not bind any more: whatever waits for others must end. */
  preBind(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Status>;
}

/** The first that does not answer Skip has bound the pod, or failed to. */
export interface BindPlugin extends Plugin {
  /** Settles when it is known how it ended: until then the pod's room is kept. `signal` as of `preBind`. */
  bind(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Status>;
}

export interface PostBindPlugin extends Plugin {
  postBind(state: CycleState, pod: PodInfo, nodeName: string): void;
}

/** An event that may make a pod schedulable that this plugin rejected. */
export interface EventRegistration {
  readonly resource: EventResource;
  readonly actions: readonly EventAction[];
  /** False: this event does not help that pod. Absent: it always may. A throw counts as true. */
  readonly hint?: (pod: Pod, event: ClusterEvent) => boolean;
}

/** A plugin that rejects pods says what could change its mind; one that does not is asked again at every event. */
export interface EnqueueExtensions extends Plugin {
  eventsToRegister(): readonly EventRegistration[];
}

/** Every method that a plugin may have; which it has decides where it runs. */
export type AnyPlugin = Plugin & Partial<
  PreEnqueuePlugin & QueueSortPlugin & PreFilterPlugin & FilterPlugin & PostFilterPlugin & PreScorePlugin & ScorePlugin
  & ReservePlugin & PermitPlugin & PreBindPlugin & BindPlugin & PostBindPlugin & EnqueueExtensions>;
