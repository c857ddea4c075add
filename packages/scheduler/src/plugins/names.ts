/** In upstream's order, which is the order in which they run. */
export const pluginNames = [
  'SchedulingGates', 'PrioritySort', 'NodeUnschedulable', 'NodeName', 'TaintToleration', 'NodeAffinity', 'NodePorts', 'NodeResourcesFit',
  'VolumeRestrictions', 'NodeVolumeLimits', 'VolumeBinding', 'VolumeZone',
  'PodTopologySpread', 'InterPodAffinity', 'DynamicResources', 'DefaultPreemption', 'NodeResourcesBalancedAllocation', 'ImageLocality', 'DefaultBinder',
] as const;

/** Only where a profile enables them. */
export const optionalPluginNames = ['Coscheduling', 'DataLocality', 'Deadline'] as const;

export type PluginName = (typeof pluginNames)[number] | (typeof optionalPluginNames)[number];

/** Each orders the queue: a profile has one of them. */
export const queueSortNames: readonly PluginName[] = ['PrioritySort', 'Coscheduling', 'Deadline'];

export const defaultWeights: Readonly<Partial<Record<PluginName, number>>> = { TaintToleration: 3, NodeAffinity: 2, PodTopologySpread: 2, InterPodAffinity: 2 };

/** Plugins of kube-scheduler that are not built. */
export const unbuiltPlugins: readonly string[] = ['EBSLimits', 'GCEPDLimits', 'AzureDiskLimits'];
