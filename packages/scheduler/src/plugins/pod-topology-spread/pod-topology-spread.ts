import type { Node, Pod, TopologySpreadConstraint } from 'kubernetes-types/core/v1';
import { byShape, podInfoOf, type PodInfo } from '../../cache/pod-info.ts';
import type { ClusterEvent } from '../../framework/events.ts';
import type { AnyPlugin, EventRegistration } from '../../framework/interface.ts';
import { skip, success } from '../../framework/status.ts';
import { allOf } from '../../selectors/labels.ts';
import { compileConstraint, compileConstraints, counts, hostnameKey, zoneKey, type Constraint, type KeyedSelector } from './constraints.ts';
import { spreadState, type SpreadState } from './filter.ts';
import { normalizeSpread, scoreSpread, scoreSpreadRows, spreadScoreState, type SpreadScoreState } from './score.ts';

const name = 'PodTopologySpread';
const scoreKey = `${name}/score`;

export interface SpreadArgs {
  readonly defaultingType: 'System' | 'List';
  readonly defaultConstraints: readonly TopologySpreadConstraint[];
}

/** Selectors of the Services, ReplicaSets, … that own the pod. */
export type OwningSelectors = (pod: Pod) => readonly KeyedSelector[];

const systemDefaultConstraints: readonly TopologySpreadConstraint[] = [
  { topologyKey: hostnameKey, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: zoneKey, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

type When = 'DoNotSchedule' | 'ScheduleAnyway';

/** The pod's own constraints, or the defaults if it has none and something selects it. */
function makeConstraintsOf(args: SpreadArgs, owningSelectors: OwningSelectors): (pod: Pod, when: When) => Constraint[] {
  const defaults = args.defaultingType === 'System' ? systemDefaultConstraints : args.defaultConstraints;
  return (pod, when) => {
    if ((pod.spec?.topologySpreadConstraints ?? []).length > 0) return compileConstraints(pod, when);
    const applicable = defaults.filter((constraint) => constraint.whenUnsatisfiable === when);
    if (applicable.length === 0) return [];
    const selectors = owningSelectors(pod);
    if (selectors.length === 0) return [];
    const selector = { key: selectors.map(({ key }) => key).join(' '), matches: allOf(selectors.map(({ matches }) => matches)) };
    return applicable.map((constraint) => compileConstraint(constraint, pod, selector));
  };
}

function podHint(constraintsOf: (pod: Pod, when: When) => Constraint[]): (pod: Pod, event: ClusterEvent) => boolean {
  return (waiting, event) => {
    const constraints = constraintsOf(waiting, 'DoNotSchedule');
    const namespace = waiting.metadata?.namespace ?? '';
    return [event.before, event.after].some((pod) => pod !== undefined
      && constraints.some((constraint) => counts({ ...podInfoOf(pod as Pod), terminating: false }, namespace, constraint.selector.matches)));
  };
}

function nodeHint(constraintsOf: (pod: Pod, when: When) => Constraint[]): (pod: Pod, event: ClusterEvent) => boolean {
  return (waiting, event) => {
    const constraints = constraintsOf(waiting, 'DoNotSchedule');
    return [event.before, event.after].some((node) => node !== undefined
      && constraints.every(({ topologyKey }) => Object.hasOwn((node as Node).metadata?.labels ?? {}, topologyKey)));
  };
}

export function podTopologySpread(args: SpreadArgs, owningSelectors: OwningSelectors): AnyPlugin {
  const constraintsOf = makeConstraintsOf(args, owningSelectors);
  const own: Readonly<Record<When, (pod: PodInfo) => Constraint[]>> = {
    DoNotSchedule: byShape((pod) => compileConstraints(pod, 'DoNotSchedule')), ScheduleAnyway: byShape((pod) => compileConstraints(pod, 'ScheduleAnyway')),
  };
  // The defaults go by Services and owners, which the pod does not show.
  const constraintsFor = (pod: PodInfo, when: When): Constraint[] => ((pod.pod.spec?.topologySpreadConstraints ?? []).length > 0 ? own[when](pod) : constraintsOf(pod.pod, when));
  const events: readonly EventRegistration[] = [
    { resource: 'AssignedPod', actions: ['Add', 'Delete', 'UpdatePodLabel'], hint: podHint(constraintsOf) },
    { resource: 'Node', actions: ['Add', 'Delete', 'UpdateNodeLabel', 'UpdateNodeTaint'], hint: nodeHint(constraintsOf) },
    { resource: 'UnscheduledPod', actions: ['UpdatePodLabel', 'UpdatePodToleration'] },
  ];
  return {
    name,
    preFilter(state, pod, snapshot) {
      const constraints = constraintsFor(pod, 'DoNotSchedule');
      if (constraints.length === 0) return { status: skip };
      state.write(name, spreadState(pod, constraints, snapshot));
      return { status: success };
    },
    addPod: (state, pod, toAdd, node) => state.read<SpreadState>(name)?.update(pod, toAdd, node, 1),
    removePod: (state, pod, toRemove, node) => state.read<SpreadState>(name)?.update(pod, toRemove, node, -1),
    filter: (state, _pod, node) => (state.read<SpreadState>(name) as SpreadState).filter(node),
    filterRows: (state, _pod, _snapshot, rows, count) => (state.read<SpreadState>(name) as SpreadState).filterRows(rows, count),
    preScore(state, pod, candidates, snapshot) {
      const constraints = constraintsFor(pod, 'ScheduleAnyway');
      if (constraints.length === 0) return skip;
      const requireAllKeys = (pod.pod.spec?.topologySpreadConstraints ?? []).length > 0 || args.defaultingType !== 'System';
      state.write(scoreKey, spreadScoreState(pod, constraints, requireAllKeys, candidates, snapshot));
      return success;
    },
    score: (state, _pod, node) => scoreSpread(state.read<SpreadScoreState>(scoreKey) as SpreadScoreState, node),
    scoreRows: (state, _pod, candidates, scores) => scoreSpreadRows(state.read<SpreadScoreState>(scoreKey) as SpreadScoreState, candidates, scores),
    normalize: (state, _pod, candidates, scores) => normalizeSpread(state.read<SpreadScoreState>(scoreKey) as SpreadScoreState, candidates, scores),
    eventsToRegister: () => events,
  };
}
