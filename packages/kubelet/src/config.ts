import type { Taint } from 'kubernetes-types/core/v1';

/** KubeletConfiguration and flags, checked and in our units. */
export interface KubeletConfig {
  readonly nodeName: string;
  /** '' chooses the primary address. */
  readonly nodeIp: string;
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly registerNode: boolean;
  readonly registerWithTaints: readonly Taint[];
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly kubeletVersion: string;
  readonly maxPods: number;
  readonly podPidsLimit: number;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  readonly resolvConf: string;
  readonly cgroupRoot: string;
  readonly cgroupsPerQos: boolean;
  readonly cpuCfsQuota: boolean;
  readonly cpuCfsQuotaPeriodUs: number;
  readonly seccompDefault: boolean;
  /** Names, or beginnings of names that end in `*`. */
  readonly allowedUnsafeSysctls: readonly string[];
  readonly systemReserved: Readonly<Record<string, string>>;
  readonly kubeReserved: Readonly<Record<string, string>>;
  readonly nodeStatusUpdateFrequencyMs: number;
  readonly nodeStatusReportFrequencyMs: number;
  readonly nodeLeaseDurationSeconds: number;
  readonly nodeStatusMaxImages: number;
  readonly syncFrequencyMs: number;
  readonly containerLogMaxSizeBytes: number;
  readonly containerLogMaxFiles: number;
  readonly containerLogMonitorIntervalMs: number;
  readonly runtimeRequestTimeoutMs: number;
  readonly maxContainerBackOffMs: number;
  /** How often the runtime is asked for what it runs (upstream: 1 s). */
  readonly relistPeriodMs: number;
  readonly server: KubeletServerConfig | undefined;
  readonly kubenet: KubenetConfig | undefined;
}

export interface KubeletServerConfig {
  readonly address: string;
  readonly port: number;
  readonly clientCaPem: string | undefined;
  readonly anonymous: boolean;
  readonly webhookAuthentication: boolean;
  readonly authenticationCacheMs: number;
  readonly authorization: 'Webhook' | 'AlwaysAllow';
  readonly authorizedCacheMs: number;
  readonly unauthorizedCacheMs: number;
  readonly healthzAddress: string;
  /** 0 serves none. */
  readonly healthzPort: number;
}

export interface KubenetConfig {
  readonly cniConfDir: string;
  /** '' waits for node.spec.podCIDR. */
  readonly podCidr: string;
  /** Destinations that keep the pod's address. Empty: nothing is masqueraded. */
  readonly nonMasqueradeCidrs: readonly string[];
  readonly dataDir: string;
  readonly mtu: number;
}
