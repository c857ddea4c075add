import type { EnqueueExtensions, FilterPlugin } from '../../framework/interface.ts';
import { success, unresolvable } from '../../framework/status.ts';

const reasonNodeName = "node(s) didn't match the requested node name";

export const nodeName: FilterPlugin & EnqueueExtensions = {
  name: 'NodeName',
  // Verdicts are remembered for pods without a node only.
  filtersByNodeAlone: true,
  filter(_state, pod, node) {
    const wanted = pod.pod.spec?.nodeName ?? '';
    return wanted === '' || wanted === node.name ? success : unresolvable(reasonNodeName);
  },
  filterRows(_state, { pod }, snapshot, rows, count) {
    const wanted = pod.spec?.nodeName ?? '';
    if (wanted === '') return count;
    const row = snapshot.node(wanted)?.row ?? -1;
    if (row < 0 || !rows.subarray(0, count).includes(row)) return 0;
    rows[0] = row;
    return 1;
  },
  eventsToRegister: () => [{ resource: 'Node', actions: ['Add'] }],
};
