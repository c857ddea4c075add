import type { KubeletConfig } from '../../src/index.ts';

export function testConfig(directory: string, cgroupRoot: string, overrides: Partial<KubeletConfig> = {}): KubeletConfig {
  return {
    nodeName: 'node-1', nodeIp: '', rootDir: `${directory}/kubelet`, podLogsDir: `${directory}/pod-logs`, registerNode: true, registerWithTaints: [], nodeLabels: {},
    kubeletVersion: 'v1.32.0', maxPods: 110, podPidsLimit: -1, clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', resolvConf: '/etc/resolv.conf',
    cgroupRoot, cgroupsPerQos: true, cpuCfsQuota: true, cpuCfsQuotaPeriodUs: 100_000, seccompDefault: false, allowedUnsafeSysctls: [], systemReserved: {}, kubeReserved: {},
    nodeStatusUpdateFrequencyMs: 10_000, nodeStatusReportFrequencyMs: 300_000, nodeLeaseDurationSeconds: 40, nodeStatusMaxImages: 50, syncFrequencyMs: 60_000,
    containerLogMaxSizeBytes: 10 * 1024 * 1024, containerLogMaxFiles: 5, containerLogMonitorIntervalMs: 10_000,
    runtimeRequestTimeoutMs: 120_000, maxContainerBackOffMs: 300_000, relistPeriodMs: 1000, server: undefined, kubenet: undefined,
    ...overrides,
  };
}
