import type { PluginArgs } from '../config.ts';
import type { AnyPlugin } from '../framework/interface.ts';
import { coscheduling } from './coscheduling/coscheduling.ts';
import { dataLocality } from './data-locality/data-locality.ts';
import { deadline } from './deadline/deadline.ts';
import { defaultBinder } from './default-binder/default-binder.ts';
import { defaultPreemption } from './default-preemption/default-preemption.ts';
import type { PluginHandle } from './handle.ts';
import { dynamicResources } from './dynamic-resources/dynamic-resources.ts';
import { imageLocality } from './image-locality/image-locality.ts';
import { interPodAffinity } from './inter-pod-affinity/inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity/node-affinity.ts';
import { nodeName } from './node-name/node-name.ts';
import { nodePorts } from './node-ports/node-ports.ts';
import { nodeResourcesBalancedAllocation } from './node-resources/balanced-allocation.ts';
import { nodeResourcesFit } from './node-resources/fit.ts';
import { nodeUnschedulable } from './node-unschedulable/node-unschedulable.ts';
import { podTopologySpread } from './pod-topology-spread/pod-topology-spread.ts';
import { prioritySort } from './priority-sort/priority-sort.ts';
import { schedulingGates } from './scheduling-gates/scheduling-gates.ts';
import { taintToleration } from './taint-toleration/taint-toleration.ts';
import type { PluginName } from './names.ts';
import { nodeVolumeLimits } from './node-volume-limits/node-volume-limits.ts';
import { volumeBinding } from './volume-binding/volume-binding.ts';
import { volumeRestrictions } from './volume-restrictions/volume-restrictions.ts';
import { volumeZone } from './volume-zone/volume-zone.ts';

/** Every plugin there is. */
export const registry: Readonly<Record<PluginName, (args: PluginArgs, handle: PluginHandle) => AnyPlugin>> = {
  SchedulingGates: () => schedulingGates,
  PrioritySort: () => prioritySort,
  NodeUnschedulable: () => nodeUnschedulable,
  NodeName: () => nodeName,
  TaintToleration: () => taintToleration,
  NodeAffinity: (args) => nodeAffinity(args.nodeAffinity.addedAffinity),
  NodePorts: () => nodePorts,
  NodeResourcesFit: (args) => nodeResourcesFit(args.nodeResourcesFit),
  VolumeRestrictions: (_args, handle) => volumeRestrictions(handle.storage),
  NodeVolumeLimits: (_args, handle) => nodeVolumeLimits(handle.storage),
  VolumeBinding: (args, handle) => volumeBinding(args.volumeBinding, handle),
  VolumeZone: (_args, handle) => volumeZone(handle.storage),
  PodTopologySpread: (args, handle) => podTopologySpread(args.podTopologySpread, (pod) => handle.owningSelectors(pod)),
  InterPodAffinity: (args, handle) => interPodAffinity(args.interPodAffinity, (namespace) => handle.namespaceLabels(namespace)),
  DynamicResources: (_args, handle) => dynamicResources(handle.resourceClaims, handle),
  DefaultPreemption: (args, handle) => defaultPreemption(args.defaultPreemption, handle),
  NodeResourcesBalancedAllocation: (args) => nodeResourcesBalancedAllocation(args.balancedAllocation.resources),
  ImageLocality: () => imageLocality,
  DefaultBinder: (_args, handle) => defaultBinder(handle),
  Coscheduling: (_args, handle) => coscheduling(handle.gangs),
  DataLocality: (args, handle) => dataLocality(args.dataLocality, handle.storage),
  Deadline: (args) => deadline(args.deadline),
};
