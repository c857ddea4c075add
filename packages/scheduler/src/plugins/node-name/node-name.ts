import type { EnqueueExtensions, FilterPlugin } from '../../framework/interface.ts';
import { success, unresolvable } from '../../framework/status.ts';

export const reasonNodeName = "node(s) didn't match the requested node name";

export const nodeName: FilterPlugin & EnqueueExtensions = {
  name: 'NodeName',
  filter(_state, pod, node) {
    const wanted = pod.pod.spec?.nodeName ?? '';
    return wanted === '' || wanted === node.name ? success : unresolvable(reasonNodeName);
  },
  eventsToRegister: () => [{ resource: 'Node', actions: ['Add'] }],
};
