import type { Pod } from 'kubernetes-types/core/v1';
import { podInfoOf, type HostPort } from '../../cache/pod-info.ts';
import type { EnqueueExtensions, FilterPlugin, PreFilterPlugin } from '../../framework/interface.ts';
import { skip, success, unschedulable } from '../../framework/status.ts';

const reasonPorts = "node(s) didn't have free ports for the requested pod ports";

function collide(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0');
}

function frees(waiting: Pod, gone: Pod): boolean {
  const freed = podInfoOf(gone).hostPorts;
  return podInfoOf(waiting).hostPorts.some((port) => freed.some((other) => collide(port, other)));
}

/** Host ports are taken once a node. */
export const nodePorts: PreFilterPlugin & FilterPlugin & EnqueueExtensions = {
  name: 'NodePorts',
  filtersByNodeAlone: true,
  preFilter: (_state, pod) => ({ status: pod.hostPorts.length === 0 ? skip : success }),
  filter: (_state, pod, node) => (pod.hostPorts.some((port) => node.portTaken(port)) ? unschedulable(reasonPorts) : success),
  eventsToRegister: () => [
    { resource: 'AssignedPod', actions: ['Delete'], hint: (pod, event) => frees(pod, event.before as Pod) },
    { resource: 'Node', actions: ['Add'] },
  ],
};
