import type { Node, Pod, Toleration } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { CycleState, StateData } from '../../framework/cycle-state.ts';
import type { EnqueueExtensions, FilterPlugin, PreScorePlugin, ScorePlugin } from '../../framework/interface.ts';
import { success, unresolvable } from '../../framework/status.ts';
import { firstUntolerated, toleratedByAny } from '../../selectors/taints.ts';
import { keepMasked } from '../../table/node-table.ts';
import { scaleToMax } from '../normalize.ts';

const name = 'TaintToleration';

interface PreScoreState extends StateData {
  readonly tolerations: readonly Toleration[];
}

function accepts(pod: Pod, node: Node | undefined): boolean {
  return firstUntolerated(node?.spec?.taints ?? [], pod.spec?.tolerations ?? []) === undefined;
}

/** NoSchedule and NoExecute taints keep pods off that do not tolerate them; PreferNoSchedule ones cost score. */
export const taintToleration: FilterPlugin & PreScorePlugin & ScorePlugin & EnqueueExtensions = {
  name,
  filtersByNodeAlone: true,
  filter(_state, pod, node) {
    const taint = firstUntolerated(node.taints, pod.pod.spec?.tolerations ?? []);
    return taint === undefined ? success : unresolvable(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`);
  },
  filterRows(_state, { pod, tolerationsKey }, { table }, rows, count) {
    const tolerations = pod.spec?.tolerations ?? [];
    return keepMasked(table.mask(`${name} ${tolerationsKey}`, ({ taints }) => firstUntolerated(taints, tolerations) === undefined), rows, count);
  },
  preScore(state: CycleState, pod: PodInfo) {
    const tolerations = (pod.pod.spec?.tolerations ?? []).filter(({ effect = '' }) => effect === '' || effect === 'PreferNoSchedule');
    const data: PreScoreState = { tolerations, clone: () => data };
    state.write(name, data);
    return success;
  },
  score(state: CycleState, _pod: PodInfo, node: NodeInfo) {
    const tolerations = state.read<PreScoreState>(name)?.tolerations ?? [];
    return node.taints.filter((taint) => taint.effect === 'PreferNoSchedule' && !toleratedByAny(tolerations, taint)).length;
  },
  sameForAll: ({ table }) => !table.anySoftTaints,
  scoreRows(state, pod, candidates, scores) {
    const { softTaints } = candidates.table;
    for (let i = 0; i < candidates.count; i += 1) {
      scores[i] = softTaints[candidates.rowAt(i)] === 0 ? 0 : taintToleration.score(state, pod, candidates.nodeAt(i));
    }
  },
  normalize: (_state, _pod, { count }, scores) => scaleToMax(scores, count, true),
  eventsToRegister: () => [
    { resource: 'Node', actions: ['Add', 'UpdateNodeTaint'], hint: (pod, event) => accepts(pod, event.after as Node | undefined) },
    { resource: 'UnscheduledPod', actions: ['UpdatePodToleration'] },
  ],
};
