import type { Node, Pod, Taint } from 'kubernetes-types/core/v1';
import type { EnqueueExtensions, FilterPlugin } from '../../framework/interface.ts';
import { success, unresolvable } from '../../framework/status.ts';
import { toleratedByAny } from '../../selectors/taints.ts';
import { keepMasked } from '../../table/node-table.ts';

const name = 'NodeUnschedulable';
const reasonUnschedulable = 'node(s) were unschedulable';
const unschedulableTaint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

function accepts(pod: Pod, node: Node | undefined): boolean {
  return node?.spec?.unschedulable !== true || toleratedByAny(pod.spec?.tolerations ?? [], unschedulableTaint);
}

/** Keeps pods off cordoned nodes, unless they tolerate the taint that stands for it. */
export const nodeUnschedulable: FilterPlugin & EnqueueExtensions = {
  name,
  filtersByNodeAlone: true,
  filter: (_state, pod, node) => (accepts(pod.pod, node.node) ? success : unresolvable(reasonUnschedulable)),
  filterRows: (_state, { pod, tolerationsKey }, { table }, rows, count) =>
    keepMasked(table.mask(`${name} ${tolerationsKey}`, ({ node }) => accepts(pod, node)), rows, count),
  eventsToRegister: () => [
    { resource: 'Node', actions: ['Add', 'UpdateNodeUnschedulable'], hint: (pod, event) => accepts(pod, event.after as Node | undefined) },
    { resource: 'UnscheduledPod', actions: ['UpdatePodToleration'] },
  ],
};
