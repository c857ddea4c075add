import type { CertificateSigner } from './certificates/signer.ts';

export interface LeaderElectionConfig {
  readonly enabled: boolean;
  readonly identity: string;
  readonly namespace: string;
  readonly leaseName: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

export interface VolumesConfig {
  readonly dynamicProvisioning: boolean;
  /** Volumes of `kubernetes.io/host-path` classes are made on this machine's disk: for clusters of one machine. */
  readonly hostPathProvisioner: boolean;
  /** How often claims without a volume and volumes without a claim are looked at again. */
  readonly binderSyncPeriodMs: number;
}

export interface ControllerManagerConfig {
  readonly leaderElection: LeaderElectionConfig;
  /** `*` all that are on by default, `name` on, `-name` off. */
  readonly controllers: readonly string[];
  readonly allocateNodeCidrs: boolean;
  readonly clusterCidrs: readonly string[];
  readonly nodeCidrMaskSize: { readonly ipv4: number; readonly ipv6: number };
  readonly serviceClusterIpRanges: readonly string[];
  readonly signer?: CertificateSigner | undefined;
  readonly signingDurationMs: number;
  readonly rootCaPem?: string | undefined;
  readonly nodeMonitorPeriodMs: number;
  readonly nodeMonitorGracePeriodMs: number;
  readonly nodeStartupGracePeriodMs: number;
  readonly nodeEvictionRate: number;
  readonly terminatedPodGcThreshold: number;
  readonly volumes: VolumesConfig;
  /** --feature-gates: those that are on. */
  readonly features: ReadonlySet<string>;
  /** Workers by controller name; upstream's default where absent. */
  readonly concurrency: Readonly<Record<string, number>>;
}

/** Upstream's defaults. */
export const defaultConfig: ControllerManagerConfig = {
  leaderElection: {
    enabled: true, identity: 'kube-controller-manager', namespace: 'kube-system', leaseName: 'kube-controller-manager',
    leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000,
  },
  controllers: ['*'],
  allocateNodeCidrs: false, clusterCidrs: [], nodeCidrMaskSize: { ipv4: 24, ipv6: 64 }, serviceClusterIpRanges: [],
  signingDurationMs: 365 * 24 * 3_600_000,
  nodeMonitorPeriodMs: 5_000, nodeMonitorGracePeriodMs: 50_000, nodeStartupGracePeriodMs: 60_000, nodeEvictionRate: 0.1,
  terminatedPodGcThreshold: 12_500,
  volumes: { dynamicProvisioning: true, hostPathProvisioner: false, binderSyncPeriodMs: 15_000 },
  features: new Set(), concurrency: {},
};
