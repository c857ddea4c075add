import type { NodeAffinity, TopologySpreadConstraint } from 'kubernetes-types/core/v1';
import type { ExtensionPoint } from './framework/plugin-sets.ts';
import type { ExtenderConfig } from './extender/http-extender.ts';
import type { CoschedulingArgs } from './plugins/coscheduling/coscheduling.ts';
import type { DataLocalityArgs } from './plugins/data-locality/data-locality.ts';
import type { DeadlineArgs } from './plugins/deadline/deadline.ts';
import { defaultWeights, pluginNames, type PluginName } from './plugins/names.ts';
import type { FitArgs, ResourceWeight } from './plugins/node-resources/scoring-strategy.ts';
import type { VolumeBindingArgs } from './plugins/volume-binding/volume-binding.ts';

export interface PluginArgs {
  readonly nodeAffinity: { readonly addedAffinity?: NodeAffinity };
  readonly nodeResourcesFit: FitArgs;
  readonly balancedAllocation: { readonly resources: readonly ResourceWeight[] };
  readonly podTopologySpread: { readonly defaultingType: 'System' | 'List'; readonly defaultConstraints: readonly TopologySpreadConstraint[] };
  readonly volumeBinding: VolumeBindingArgs;
  readonly interPodAffinity: { readonly hardPodAffinityWeight: number; readonly ignorePreferredTermsOfExistingPods: boolean };
  readonly defaultPreemption: { readonly minCandidateNodesPercentage: number; readonly minCandidateNodesAbsolute: number };
  readonly coscheduling: CoschedulingArgs;
  readonly dataLocality: DataLocalityArgs;
  readonly deadline: DeadlineArgs;
}

export interface EnabledPlugin {
  readonly name: PluginName;
  /** For Score. */
  readonly weight: number;
}

/** Which plugins are asked where. A point that is absent takes every plugin of `multiPoint` that has it. */
export interface ProfileConfig {
  readonly schedulerName: string;
  readonly percentageOfNodesToScore: number | undefined;
  readonly multiPoint: readonly EnabledPlugin[];
  /** Per point: taken out of multiPoint's ('*' all), and put in. */
  readonly points: Readonly<Partial<Record<ExtensionPoint, { readonly disabled: ReadonlySet<string>; readonly enabled: readonly EnabledPlugin[] }>>>;
  readonly args: PluginArgs;
}

export interface LeaderElectionConfig {
  readonly leaderElect: boolean;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  readonly resourceName: string;
  readonly resourceNamespace: string;
}

export interface SchedulerConfig {
  readonly profiles: readonly ProfileConfig[];
  readonly extenders: readonly ExtenderConfig[];
  readonly percentageOfNodesToScore: number;
  readonly podInitialBackoffMs: number;
  readonly podMaxBackoffMs: number;
  readonly podMaxUnschedulableMs: number;
  /** The API server serves resource.k8s.io/v1beta1, and devices are allocated (upstream's feature DynamicResourceAllocation). */
  readonly dynamicResources: boolean;
  /** A pod that an event may have helped does not wait for the end of its back-off while there is nothing else to decide (upstream's feature SchedulerPopFromBackoffQ). */
  readonly popFromBackoff: boolean;
  readonly leaderElection: LeaderElectionConfig;
  /** Unique to this process; names it in the Lease. */
  readonly identity: string;
}

const cpuAndMemory: readonly ResourceWeight[] = [{ name: 'cpu', weight: 1 }, { name: 'memory', weight: 1 }];

export const defaultPluginArgs: PluginArgs = {
  nodeAffinity: {},
  nodeResourcesFit: { ignoredResources: [], ignoredResourceGroups: [], scoringStrategy: { type: 'LeastAllocated', resources: cpuAndMemory } },
  balancedAllocation: { resources: cpuAndMemory },
  podTopologySpread: { defaultingType: 'System', defaultConstraints: [] },
  volumeBinding: { bindTimeoutMs: 600_000 },
  interPodAffinity: { hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false },
  defaultPreemption: { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 },
  coscheduling: { permitWaitingTimeMs: 60_000 },
  dataLocality: { zoneScorePercent: 50 },
  deadline: { defaultLaxityMs: 3_600_000 },
};

export const defaultProfile: ProfileConfig = {
  schedulerName: 'default-scheduler',
  percentageOfNodesToScore: undefined,
  multiPoint: pluginNames.map((name) => ({ name, weight: defaultWeights[name] ?? 1 })),
  points: {},
  args: defaultPluginArgs,
};

/** kube-scheduler's defaults. */
export function defaultSchedulerConfig(identity: string): SchedulerConfig {
  return {
    profiles: [defaultProfile],
    extenders: [],
    dynamicResources: false,
    popFromBackoff: true,
    percentageOfNodesToScore: 0,
    podInitialBackoffMs: 1000,
    podMaxBackoffMs: 10_000,
    podMaxUnschedulableMs: 300_000,
    leaderElection: {
      leaderElect: true, leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000,
      resourceName: 'kube-scheduler', resourceNamespace: 'kube-system',
    },
    identity,
  };
}

/** Coscheduling is asked somewhere. */
export function hasGangs({ multiPoint, points }: ProfileConfig): boolean {
  return [...multiPoint, ...Object.values(points).flatMap(({ enabled }) => enabled)].some(({ name }) => name === 'Coscheduling');
}

/** Needs the informers of pod groups. */
export function usesGangs({ profiles }: SchedulerConfig): boolean {
  return profiles.some(hasGangs);
}
