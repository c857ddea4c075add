import type { Pod } from 'kubernetes-types/core/v1';
import { podInfoOf } from '../../cache/pod-info.ts';
import type { Snapshot } from '../../cache/snapshot.ts';
import type { ClusterEvent } from '../../framework/events.ts';
import type { AnyPlugin } from '../../framework/interface.ts';
import type { StateData } from '../../framework/cycle-state.ts';
import { skip, success } from '../../framework/status.ts';
import type { Labels } from '../../selectors/labels.ts';
import { termSelects } from '../../table/pod-index.ts';
import { affinityState, type AffinityState } from './filter.ts';
import { affinityScoreState, normalizeAffinity, scoreAffinity, scoreAffinityRows, type AffinityArgs, type AffinityScoreState } from './score.ts';

const name = 'InterPodAffinity';
const scoreKey = `${name}/score`;

/** Another pod matters if a required term of either points at the other one, before or after the change. */
function podHint(namespaceLabels: (namespace: string) => Labels): (pod: Pod, event: ClusterEvent) => boolean {
  return (waitingPod, event) => {
    const waiting = podInfoOf(waitingPod);
    return [event.before, event.after].some((object) => {
      if (object === undefined) return false;
      const other = podInfoOf(object as Pod);
      return [...waiting.requiredAffinity, ...waiting.requiredAntiAffinity].some((term) => termSelects(term, other, namespaceLabels))
        || other.requiredAntiAffinity.some((term) => termSelects(term, waiting, namespaceLabels));
    });
  };
}

interface FilterState extends StateData {
  readonly affinity: AffinityState;
  readonly snapshot: Snapshot;
}

function filterState(affinity: AffinityState, snapshot: Snapshot): FilterState {
  return { affinity, snapshot, clone: () => filterState(affinity.clone(), snapshot) };
}

export function interPodAffinity(args: AffinityArgs, namespaceLabels: (namespace: string) => Labels): AnyPlugin {
  return {
    name,
    preFilter(state, pod, snapshot) {
      const data = affinityState(pod, snapshot);
      // Kept even if skipped: a trial may put a pod on a node that repels this one.
      state.write(name, filterState(data, snapshot));
      const idle = pod.requiredAffinity.length + pod.requiredAntiAffinity.length === 0 && data.repelsNowhere;
      return { status: idle ? skip : success };
    },
    addPod(state, pod, toAdd, node) {
      const data = state.read<FilterState>(name);
      data?.affinity.update(pod, toAdd, node, 1, data.snapshot);
      if (toAdd.requiredAntiAffinity.length > 0) state.skippedFilters.delete(name);
    },
    removePod(state, pod, toRemove, node) {
      const data = state.read<FilterState>(name);
      data?.affinity.update(pod, toRemove, node, -1, data.snapshot);
    },
    filter: (state, pod, node) => (state.read<FilterState>(name) as FilterState).affinity.filter(pod, node),
    filterRows: (state, pod, _snapshot, rows, count) => (state.read<FilterState>(name) as FilterState).affinity.filterRows(pod, rows, count),
    preScore(state, pod, _candidates, snapshot) {
      const data = affinityScoreState(args, pod, snapshot);
      if (data === undefined) return skip;
      state.write(scoreKey, data);
      return success;
    },
    score: (state, _pod, node) => scoreAffinity(state.read<AffinityScoreState>(scoreKey) as AffinityScoreState, node),
    scoreRows: (state, _pod, candidates, scores) => scoreAffinityRows(state.read<AffinityScoreState>(scoreKey) as AffinityScoreState, candidates, scores),
    normalize: (_state, _pod, { count }, scores) => normalizeAffinity(scores, count),
    eventsToRegister: () => [
      { resource: 'AssignedPod', actions: ['Add', 'Delete', 'UpdatePodLabel'], hint: podHint(namespaceLabels) },
      { resource: 'Node', actions: ['Add', 'UpdateNodeLabel'] },
      { resource: 'Namespace', actions: ['Add', 'Update'] },
      { resource: 'UnscheduledPod', actions: ['UpdatePodLabel'] },
    ],
  };
}
