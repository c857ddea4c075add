import type { Pod } from 'kubernetes-types/core/v1';
import type { EnqueueExtensions, PreEnqueuePlugin } from '../../framework/interface.ts';
import { success, unresolvable } from '../../framework/status.ts';

/** Keeps pods out of the active queue until every scheduling gate is gone. */
export const schedulingGates: PreEnqueuePlugin & EnqueueExtensions = {
  name: 'SchedulingGates',
  preEnqueue(pod: Pod) {
    const gates = pod.spec?.schedulingGates ?? [];
    return gates.length === 0 ? success : unresolvable(`waiting for scheduling gates: [${gates.map((gate) => gate.name).join(' ')}]`);
  },
  eventsToRegister: () => [{ resource: 'UnscheduledPod', actions: ['UpdatePodSchedulingGatesEliminated'] }],
};
