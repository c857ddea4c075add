import type { Pod } from 'kubernetes-types/core/v1';
import type { PodSandboxConfig, PortMapping } from '../cri/types.ts';
import type { KubeletConfig } from '../config.ts';
import { podDns, podHostname } from './dns.ts';
import { podNameLabel, podNamespaceLabel, podTerminationGracePeriodLabel, podUidLabel } from './labels.ts';
import { isHostNetwork, logDirectoryName, specOf, uidOf } from './pod-facts.ts';
import { podCgroupPath } from './resources.ts';
import { sandboxSecurity } from './security.ts';
import { normalSysctl } from './sysctls.ts';

export function podLabels(pod: Pod): Record<string, string> {
  return {
    ...pod.metadata?.labels,
    [podNameLabel]: pod.metadata?.name ?? '', [podNamespaceLabel]: pod.metadata?.namespace ?? '', [podUidLabel]: uidOf(pod),
  };
}

function portMappings(pod: Pod): PortMapping[] {
  const out: PortMapping[] = [];
  for (const container of [...(specOf(pod).initContainers ?? []), ...specOf(pod).containers]) {
    for (const port of container.ports ?? []) {
      const protocol = port.protocol === 'UDP' || port.protocol === 'SCTP' ? port.protocol : 'TCP';
      out.push({ protocol, containerPort: port.containerPort, hostPort: port.hostPort ?? 0, hostIp: port.hostIP ?? '' });
    }
  }
  return out;
}

function podLogDirectory(config: Pick<KubeletConfig, 'podLogsDir'>, pod: Pod): string {
  return `${config.podLogsDir}/${logDirectoryName(pod)}`;
}

export function sandboxConfig(pod: Pod, config: KubeletConfig, hostResolvConf: string, attempt: number): PodSandboxConfig {
  const { hostname } = podHostname(pod, config.clusterDomain);
  const hostNetwork = isHostNetwork(pod);
  const sysctls = Object.fromEntries((specOf(pod).securityContext?.sysctls ?? []).map((sysctl) => [normalSysctl(sysctl.name), sysctl.value]));
  return {
    metadata: { name: pod.metadata?.name ?? '', uid: uidOf(pod), namespace: pod.metadata?.namespace ?? '', attempt },
    hostname: hostNetwork ? '' : hostname,
    logDirectory: podLogDirectory(config, pod),
    dnsConfig: podDns(pod, config, hostResolvConf),
    portMappings: hostNetwork ? [] : portMappings(pod),
    labels: podLabels(pod),
    annotations: { ...pod.metadata?.annotations, [podTerminationGracePeriodLabel]: String(specOf(pod).terminationGracePeriodSeconds ?? 30) },
    linux: {
      cgroupParent: config.cgroupsPerQos ? podCgroupPath(config.cgroupRoot, pod) : config.cgroupRoot,
      securityContext: sandboxSecurity(pod, { seccompDefault: config.seccompDefault, seccompRoot: `${config.rootDir}/seccomp` }),
      sysctls,
    },
  };
}
