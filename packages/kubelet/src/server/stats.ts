import { rfc3339Seconds, type Host } from '@coxswain/host';
import type { Pod } from 'kubernetes-types/core/v1';
import type { ContainerStats } from '../cri/types.ts';
import type { KubeletView } from '../kubelet.ts';
import { containerNameLabel, podUidLabel } from '../pod/labels.ts';
import { uidOf } from '../pod/pod-facts.ts';
import { podCgroupPath } from '../pod/resources.ts';
import type { CgroupUsage } from '../system.ts';

export interface ContainerUsage {
  readonly name: string;
  readonly id: string;
  readonly startTime: string;
  readonly cpuNanoseconds: number;
  readonly workingSetBytes: number;
  readonly memoryBytes: number;
  readonly rssBytes: number;
  readonly writtenBytes: number;
  readonly writtenInodes: number;
}

export interface PodUsage {
  readonly pod: Pod;
  /** Of its cgroup; where pods have none, the sum of the containers. */
  readonly usage: CgroupUsage;
  readonly containers: readonly ContainerUsage[];
}

export interface NodeUsage {
  readonly atMs: number;
  readonly node: CgroupUsage;
  readonly pods: readonly PodUsage[];
}

const nothing: CgroupUsage = { cpuNanoseconds: 0, memoryBytes: 0, workingSetBytes: 0, rssBytes: 0 };

function containerUsage(stat: ContainerStats, pod: Pod): ContainerUsage {
  const name = stat.attributes.labels[containerNameLabel] ?? stat.attributes.metadata.name;
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.ephemeralContainerStatuses ?? [])];
  const workingSetBytes = stat.memory?.workingSetBytes?.value ?? 0;
  return {
    name, id: stat.attributes.id, startTime: statuses.find((status) => status.name === name)?.state?.running?.startedAt ?? pod.status?.startTime ?? '',
    cpuNanoseconds: stat.cpu?.usageCoreNanoSeconds?.value ?? 0, workingSetBytes, memoryBytes: stat.memory?.usageBytes?.value ?? workingSetBytes, rssBytes: stat.memory?.rssBytes?.value ?? 0,
    writtenBytes: stat.writableLayer?.usedBytes?.value ?? 0, writtenInodes: stat.writableLayer?.inodesUsed?.value ?? 0,
  };
}

function sum(containers: readonly ContainerUsage[]): CgroupUsage {
  return containers.reduce((total, container) => ({
    cpuNanoseconds: total.cpuNanoseconds + container.cpuNanoseconds, memoryBytes: total.memoryBytes + container.memoryBytes,
    workingSetBytes: total.workingSetBytes + container.workingSetBytes, rssBytes: total.rssBytes + container.rssBytes,
  }), nothing);
}

/** What the node, its pods and their containers that run use now. */
export async function readUsage(view: KubeletView, host: Host): Promise<NodeUsage> {
  const { runtime, system, config } = view;
  const [stats, node] = await Promise.all([runtime.listContainerStats(), system.cgroups.usage('/')]);
  const byPod = Map.groupBy(stats, (stat) => stat.attributes.labels[podUidLabel] ?? '');
  const pods = await Promise.all(view.pods().filter((pod) => byPod.has(uidOf(pod))).map(async (pod): Promise<PodUsage> => {
    const containers = (byPod.get(uidOf(pod)) ?? []).map((stat) => containerUsage(stat, pod));
    const own = config.cgroupsPerQos ? await system.cgroups.usage(podCgroupPath(config.cgroupRoot, pod)) : undefined;
    return { pod, containers, usage: own ?? sum(containers) };
  }));
  return { atMs: host.clock.nowMs(), node: node ?? nothing, pods };
}

interface CpuSample { readonly time: string; readonly usageNanoCores?: number; readonly usageCoreNanoSeconds: number }
interface Earlier { readonly atMs: number; readonly nanoseconds: number; readonly rate: number | undefined }

/** Rates need two looks: the one before is kept by name, for as long as the name is seen. */
export class StatsCollector {
  readonly #view: KubeletView;
  readonly #host: Host;
  #before = new Map<string, Earlier>();
  #now = new Map<string, Earlier>();
  readonly #startMs: number;

  constructor(view: KubeletView, host: Host) {
    this.#view = view;
    this.#host = host;
    this.#startMs = host.clock.nowMs();
  }

  #cpu(name: string, nanoseconds: number, time: string): CpuSample {
    const atMs = this.#host.clock.monotonicMs();
    const before = this.#before.get(name);
    const old = before !== undefined && atMs - before.atMs < 1000;
    const rate = before === undefined ? undefined : old ? before.rate : Math.max(0, Math.round(((nanoseconds - before.nanoseconds) / (atMs - before.atMs)) * 1000));
    this.#now.set(name, old ? before : { atMs, nanoseconds, rate });
    return { time, ...(rate === undefined ? {} : { usageNanoCores: rate }), usageCoreNanoSeconds: nanoseconds };
  }

  #pod({ pod, usage, containers }: PodUsage, time: string): unknown {
    const uid = uidOf(pod);
    return {
      podRef: { name: pod.metadata?.name ?? '', namespace: pod.metadata?.namespace ?? '', uid }, startTime: pod.status?.startTime,
      containers: containers.map((one) => ({
        name: one.name, startTime: one.startTime, cpu: this.#cpu(one.id, one.cpuNanoseconds, time),
        memory: { time, usageBytes: one.memoryBytes, workingSetBytes: one.workingSetBytes, rssBytes: one.rssBytes },
        rootfs: { time, usedBytes: one.writtenBytes, inodesUsed: one.writtenInodes },
      })),
      cpu: this.#cpu(uid, usage.cpuNanoseconds, time), memory: { time, usageBytes: usage.memoryBytes, workingSetBytes: usage.workingSetBytes, rssBytes: usage.rssBytes },
    };
  }

  /** /stats/summary: the node, and each pod with its containers. */
  async summary(): Promise<unknown> {
    const { system, config, machine } = this.#view;
    const [usage, filesystem] = await Promise.all([readUsage(this.#view, this.#host), system.filesystem(config.rootDir)]);
    const time = rfc3339Seconds(usage.atMs);
    this.#now = new Map();
    const { node } = usage;
    const answer = {
      node: {
        nodeName: config.nodeName, startTime: rfc3339Seconds(this.#startMs), cpu: this.#cpu('node', node.cpuNanoseconds, time),
        memory: { time, availableBytes: Math.max(0, machine.memoryBytes - node.workingSetBytes), usageBytes: node.memoryBytes, workingSetBytes: node.workingSetBytes, rssBytes: node.rssBytes },
        fs: { time, availableBytes: filesystem.availableBytes, capacityBytes: filesystem.capacityBytes, usedBytes: filesystem.capacityBytes - filesystem.availableBytes, inodes: filesystem.inodes, inodesFree: filesystem.inodesFree },
      },
      pods: usage.pods.map((pod) => this.#pod(pod, time)),
    };
    this.#before = this.#now;
    return answer;
  }
}
