import type { Node, NodeAddress, NodeCondition, NodeStatus } from 'kubernetes-types/core/v1';
import { rfc3339Seconds } from '@coxswain/host';
import type { KubeletConfig } from '../config.ts';
import { quantityNumber } from '../quantity.ts';
import type { Image } from '../cri/types.ts';
import type { FilesystemInfo, MachineInfo } from '../system.ts';

export interface NodeStatusInput {
  readonly config: KubeletConfig;
  readonly machine: MachineInfo;
  readonly filesystem: FilesystemInfo;
  readonly runtimeVersion: string;
  readonly images: readonly Image[];
  readonly hostIp: string;
  readonly port: number;
  /** Why the node is not ready; empty if it is. */
  readonly problems: readonly string[];
  readonly old: NodeStatus | undefined;
  readonly nowMs: number;
}

function nodeAddresses(hostIp: string, hostname: string): NodeAddress[] {
  return [...(hostIp === '' ? [] : [{ type: 'InternalIP', address: hostIp }]), { type: 'Hostname', address: hostname }];
}

export function capacity(config: KubeletConfig, machine: MachineInfo, filesystem: FilesystemInfo): Record<string, string> {
  return {
    cpu: String(machine.cpus), memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`, pods: String(config.maxPods),
    'ephemeral-storage': `${Math.floor(filesystem.capacityBytes / 1024)}Ki`, 'hugepages-1Gi': '0', 'hugepages-2Mi': '0',
  };
}

/** Capacity less what is reserved for the system, the kubelet, and for memory and disk the default eviction thresholds. */
export function allocatable(config: KubeletConfig, machine: MachineInfo, filesystem: FilesystemInfo): Record<string, string> {
  const reserved = (name: string): number => quantityNumber(config.systemReserved[name]) + quantityNumber(config.kubeReserved[name]);
  const milliCpu = Math.max(0, Math.round((machine.cpus - reserved('cpu')) * 1000));
  const evictionMemoryBytes = 100 * 1024 * 1024;
  const memoryBytes = Math.max(0, machine.memoryBytes - reserved('memory') - evictionMemoryBytes);
  return {
    ...capacity(config, machine, filesystem),
    cpu: milliCpu % 1000 === 0 ? String(milliCpu / 1000) : `${milliCpu}m`,
    memory: `${Math.floor(memoryBytes / 1024)}Ki`,
    'ephemeral-storage': String(Math.floor(filesystem.capacityBytes * 0.9 - reserved('ephemeral-storage'))),
  };
}

type Verdict = readonly [type: string, status: 'True' | 'False', reason: string, message: string];

function verdicts(problems: readonly string[]): readonly Verdict[] {
  const ready: Verdict = problems.length === 0 ? ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'] : ['Ready', 'False', 'KubeletNotReady', problems.join(', ')];
  return [
    ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ready,
  ];
}

function conditions(input: NodeStatusInput): NodeCondition[] {
  const now = rfc3339Seconds(input.nowMs);
  const own = verdicts(input.problems).map(([type, status, reason, message]) => {
    const old = input.old?.conditions?.find((condition) => condition.type === type);
    return { type, status, lastHeartbeatTime: now, lastTransitionTime: old?.status === status ? old.lastTransitionTime ?? now : now, reason, message };
  });
  const others = (input.old?.conditions ?? []).filter((condition) => !own.some((mine) => mine.type === condition.type));
  return [...others, ...own];
}

export function nodeStatus(input: NodeStatusInput): NodeStatus {
  const { config, machine, filesystem } = input;
  const images = [...input.images].sort((a, b) => b.size - a.size).slice(0, config.nodeStatusMaxImages < 0 ? undefined : config.nodeStatusMaxImages);
  return {
    addresses: nodeAddresses(input.hostIp, config.nodeName),
    allocatable: allocatable(config, machine, filesystem),
    capacity: capacity(config, machine, filesystem),
    conditions: conditions(input),
    daemonEndpoints: { kubeletEndpoint: { Port: input.port } },
    images: images.map((image) => ({ names: [...image.repoDigests, ...image.repoTags].slice(0, 5), sizeBytes: image.size })),
    nodeInfo: {
      architecture: machine.architecture, bootID: machine.bootId, containerRuntimeVersion: input.runtimeVersion, kernelVersion: machine.kernelVersion,
      kubeProxyVersion: config.kubeletVersion, kubeletVersion: config.kubeletVersion, machineID: machine.machineId, operatingSystem: machine.operatingSystem,
      osImage: machine.osImage, systemUUID: machine.systemUuid,
    },
  };
}

export function initialNode(config: KubeletConfig, machine: MachineInfo): Node {
  const labels = {
    'beta.kubernetes.io/arch': machine.architecture, 'beta.kubernetes.io/os': machine.operatingSystem,
    'kubernetes.io/arch': machine.architecture, 'kubernetes.io/hostname': config.nodeName, 'kubernetes.io/os': machine.operatingSystem,
    ...config.nodeLabels,
  };
  return {
    apiVersion: 'v1', kind: 'Node',
    metadata: { name: config.nodeName, labels, annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' } },
    spec: config.registerWithTaints.length === 0 ? {} : { taints: [...config.registerWithTaints] },
  };
}
