import type { KubeletConfig } from '../config.ts';
import { kubeletVersion } from '../kubelet-config.ts';

/** KubeletConfiguration's defaults for a node without files, server or pod network of its own. */
export function hollowKubeletConfig(nodeName: string, nodeIp: string): KubeletConfig {
  return {
    nodeName, nodeIp, kubeletVersion, rootDir: '/var/lib/kubelet', podLogsDir: '/var/log/pods', registerNode: true, registerWithTaints: [], nodeLabels: {},
    maxPods: 110, podPidsLimit: -1, clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', resolvConf: '',
    cgroupRoot: '', cgroupsPerQos: true, cpuCfsQuota: true, cpuCfsQuotaPeriodUs: 100_000, seccompDefault: false, allowedUnsafeSysctls: [], systemReserved: {}, kubeReserved: {},
    nodeStatusUpdateFrequencyMs: 10_000, nodeStatusReportFrequencyMs: 300_000, nodeLeaseDurationSeconds: 40, nodeStatusMaxImages: 50,
    syncFrequencyMs: 60_000, containerLogMaxSizeBytes: 10 * 1024 * 1024, containerLogMaxFiles: 5, containerLogMonitorIntervalMs: 10_000,
    runtimeRequestTimeoutMs: 120_000, maxContainerBackOffMs: 300_000, relistPeriodMs: 1000, server: undefined, kubenet: undefined,
  };
}
