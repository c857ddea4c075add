import type { Container, Pod } from 'kubernetes-types/core/v1';
import type { LinuxContainerResources } from '../cri/types.ts';
import { milliValue, quantityNumber, wholeValue } from '../quantity.ts';
import type { CgroupLimits } from '../system.ts';
import { allContainers, appContainers, initContainers, isSidecar, specOf } from './pod-facts.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const qosResources = ['cpu', 'memory'] as const;

export function qosClass(pod: Pod): QosClass {
  const given = pod.status?.qosClass;
  if (given === 'Guaranteed' || given === 'Burstable' || given === 'BestEffort') return given;
  let any = false;
  let guaranteed = true;
  for (const container of allContainers(pod)) {
    for (const name of qosResources) {
      const request = quantityNumber(container.resources?.requests?.[name]);
      const limit = quantityNumber(container.resources?.limits?.[name]);
      if (request > 0 || limit > 0) any = true;
      if (limit === 0 || (request !== 0 && request !== limit)) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

const minShares = 2;
const maxShares = 262_144;
const minQuotaUs = 1000;

export function milliCpuToShares(milliCpu: number): number {
  return milliCpu === 0 ? minShares : Math.min(maxShares, Math.max(minShares, Math.floor(milliCpu * 1024 / 1000)));
}

function milliCpuToQuotaUs(milliCpu: number, periodUs: number): number {
  return milliCpu === 0 ? 0 : Math.max(minQuotaUs, Math.floor(milliCpu * periodUs / 1000));
}

/** A limit without a request is the request (the API server defaults it so; mirrored for pods from elsewhere). */
export function requestOf(container: Container, name: string): string | undefined {
  return (container.resources?.requests?.[name] ?? container.resources?.limits?.[name]);
}

export function limitOf(container: Container, name: string): string | undefined {
  return container.resources?.limits?.[name];
}

/** Upstream's table: the more of the node's memory a burstable container asked for, the later it is killed. */
export function oomScoreAdj(pod: Pod, container: Container, nodeMemoryBytes: number): number {
  if (specOf(pod).priorityClassName === 'system-node-critical') return -997;
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const requested = wholeValue(container.resources?.requests?.['memory']);
  const score = 1000 - Math.floor((1000 * requested) / nodeMemoryBytes);
  return Math.min(999, Math.max(3, score));
}

export interface CfsSettings { readonly enabled: boolean; readonly periodUs: number }

export function containerResources(pod: Pod, container: Container, nodeMemoryBytes: number, cfs: CfsSettings): LinuxContainerResources {
  const quota = cfs.enabled ? milliCpuToQuotaUs(milliValue(limitOf(container, 'cpu')), cfs.periodUs) : 0;
  return {
    cpuShares: milliCpuToShares(milliValue(requestOf(container, 'cpu'))),
    ...(quota === 0 ? {} : { cpuQuota: quota, cpuPeriod: cfs.periodUs }),
    memoryLimitInBytes: wholeValue(limitOf(container, 'memory')),
    oomScoreAdj: oomScoreAdj(pod, container, nodeMemoryBytes),
  };
}

interface PodTotal { readonly value: number; readonly complete: boolean }

/** App containers and sidecars run together; each init container runs beside the sidecars before it. `complete`: all have the value. */
function total(pod: Pod, read: (container: Container) => number): PodTotal {
  let complete = true;
  const amount = (container: Container): number => {
    const value = read(container);
    if (value === 0) complete = false;
    return value;
  };
  let sidecars = 0;
  let initPeak = 0;
  for (const container of initContainers(pod)) {
    const value = amount(container);
    if (isSidecar(container)) sidecars += value;
    initPeak = Math.max(initPeak, isSidecar(container) ? sidecars : sidecars + value);
  }
  let apps = sidecars;
  for (const container of appContainers(pod)) apps += amount(container);
  return { value: Math.max(apps, initPeak), complete };
}

export function podRequest(pod: Pod, name: string): number {
  const overhead = quantityNumber(specOf(pod).overhead?.[name]);
  return total(pod, (container) => quantityNumber(requestOf(container, name))).value + overhead;
}

/** Limits of the pod's own cgroup. A limit of the pod exists only if every container has one. */
export function podCgroupLimits(pod: Pod, cfs: CfsSettings, pids: number): CgroupLimits {
  const shares = milliCpuToShares(milliValue(total(pod, (container) => milliValue(requestOf(container, 'cpu'))).value / 1000));
  const cpu = total(pod, (container) => milliValue(limitOf(container, 'cpu')));
  const memory = total(pod, (container) => wholeValue(limitOf(container, 'memory')));
  return {
    cpuShares: qosClass(pod) === 'BestEffort' ? minShares : shares,
    ...(cfs.enabled && cpu.complete && cpu.value > 0 ? { cpuQuotaUs: milliCpuToQuotaUs(cpu.value, cfs.periodUs), cpuPeriodUs: cfs.periodUs } : {}),
    ...(memory.complete && memory.value > 0 ? { memoryBytes: memory.value } : {}),
    ...(pids > 0 ? { pids } : {}),
  };
}

/** `/kubepods/burstable/podUID`, below the node's own cgroup root. */
export function podCgroupPath(cgroupRoot: string, pod: Pod): string {
  const uid = pod.metadata?.uid ?? '';
  return `${qosCgroupPath(cgroupRoot, qosClass(pod))}/pod${uid}`;
}

export function qosCgroupPath(cgroupRoot: string, qos: QosClass): string {
  const base = `${cgroupRoot.replace(/\/+$/, '')}/kubepods`;
  return qos === 'Guaranteed' ? base : `${base}/${qos.toLowerCase()}`;
}
