import type { Pod } from 'kubernetes-types/core/v1';
import { podInfoOf, termMatches } from '../../cache/pod-info.ts';
import type { ClusterEvent } from '../../framework/events.ts';
import type { AnyPlugin } from '../../framework/interface.ts';
import { skip, success } from '../../framework/status.ts';
import type { Labels } from '../../selectors/labels.ts';
import { affinityState, type AffinityState } from './filter.ts';
import { affinityScoreState, normalizeAffinity, type AffinityArgs, type AffinityScoreState } from './score.ts';

const name = 'InterPodAffinity';

/** Another pod matters if a required term of either points at the other one, before or after the change. */
function podHint(namespaceLabels: (namespace: string) => Labels): (pod: Pod, event: ClusterEvent) => boolean {
  return (waitingPod, event) => {
    const waiting = podInfoOf(waitingPod);
    return [event.before, event.after].some((object) => {
      if (object === undefined) return false;
      const other = podInfoOf(object as Pod);
      return [...waiting.requiredAffinity, ...waiting.requiredAntiAffinity].some((term) => termMatches(term, other, namespaceLabels))
        || other.requiredAntiAffinity.some((term) => termMatches(term, waiting, namespaceLabels));
    });
  };
}

export function interPodAffinity(args: AffinityArgs, namespaceLabels: (namespace: string) => Labels): AnyPlugin {
  return {
    name,
    preFilter(state, pod, snapshot) {
      const data = affinityState(pod, snapshot);
      // Kept even if skipped: a trial may put a pod on a node that repels this one.
      state.write(name, data);
      const idle = pod.requiredAffinity.length + pod.requiredAntiAffinity.length === 0 && data.repelsNowhere;
      return { status: idle ? skip : success };
    },
    addPod(state, pod, toAdd, node) {
      state.read<AffinityState>(name)?.addExisting(pod, toAdd, node, 1);
      state.read<AffinityState>(name)?.addIncoming(pod, toAdd, node, 1);
      if (toAdd.requiredAntiAffinity.length > 0) state.skippedFilters.delete(name);
    },
    removePod(state, pod, toRemove, node) {
      state.read<AffinityState>(name)?.addExisting(pod, toRemove, node, -1);
      state.read<AffinityState>(name)?.addIncoming(pod, toRemove, node, -1);
    },
    filter: (state, pod, node) => (state.read<AffinityState>(name) as AffinityState).filter(pod, node),
    preScore(state, pod, _nodes, snapshot) {
      const data = affinityScoreState(args, pod, snapshot);
      if (data === undefined) return skip;
      state.write(`${name}/score`, data);
      return success;
    },
    score: (state, _pod, node) => (state.read<AffinityScoreState>(`${name}/score`) as AffinityScoreState).sums.sumAt(node),
    normalize: (_state, _pod, _nodes, scores) => normalizeAffinity(scores),
    eventsToRegister: () => [
      { resource: 'AssignedPod', actions: ['Add', 'Delete', 'UpdatePodLabel'], hint: podHint(namespaceLabels) },
      { resource: 'Node', actions: ['Add', 'UpdateNodeLabel'] },
      { resource: 'Namespace', actions: ['Add', 'Update'] },
      { resource: 'UnscheduledPod', actions: ['UpdatePodLabel'] },
    ],
  };
}
