import { rfc3339Seconds, type Host } from '@coxswain/host';
import type { KubeletView } from '../kubelet.ts';
import { containerNameLabel, podNameLabel, podNamespaceLabel, podUidLabel } from '../pod/labels.ts';

interface CpuSample { readonly time: string; readonly usageNanoCores?: number; readonly usageCoreNanoSeconds: number }

/** Rates need two looks: the one before is kept by name. */
export class StatsCollector {
  readonly #view: KubeletView;
  readonly #host: Host;
  readonly #before = new Map<string, { readonly atMs: number; readonly nanoseconds: number; readonly rate: number | undefined }>();
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
    if (!old) this.#before.set(name, { atMs, nanoseconds, rate });
    return { time, ...(rate === undefined ? {} : { usageNanoCores: rate }), usageCoreNanoSeconds: nanoseconds };
  }

  /** /stats/summary: the node, and each pod with its containers. */
  async summary(): Promise<unknown> {
    const { runtime, system, config, machine } = this.#view;
    const time = rfc3339Seconds(this.#host.clock.nowMs());
    const [stats, nodeUsage, filesystem] = await Promise.all([runtime.listContainerStats(), system.cgroups.usage('/'), system.filesystem(config.rootDir)]);
    const pods = new Map<string, { podRef: object; startTime: string; containers: unknown[] }>();
    for (const stat of stats) {
      const labels = stat.attributes.labels;
      const uid = labels[podUidLabel] ?? '';
      const pod = pods.get(uid) ?? { podRef: { name: labels[podNameLabel] ?? '', namespace: labels[podNamespaceLabel] ?? '', uid }, startTime: rfc3339Seconds(this.#startMs), containers: [] };
      const memory = stat.memory?.workingSetBytes?.value ?? 0;
      pod.containers.push({
        name: labels[containerNameLabel] ?? stat.attributes.metadata.name, startTime: pod.startTime,
        cpu: this.#cpu(stat.attributes.id, stat.cpu?.usageCoreNanoSeconds?.value ?? 0, time),
        memory: { time, workingSetBytes: memory, usageBytes: stat.memory?.usageBytes?.value ?? memory, rssBytes: stat.memory?.rssBytes?.value ?? memory },
        rootfs: { time, usedBytes: stat.writableLayer?.usedBytes?.value ?? 0, inodesUsed: stat.writableLayer?.inodesUsed?.value ?? 0 },
      });
      pods.set(uid, pod);
    }
    const working = nodeUsage?.workingSetBytes ?? 0;
    return {
      node: {
        nodeName: config.nodeName, startTime: rfc3339Seconds(this.#startMs),
        cpu: this.#cpu('node', nodeUsage?.cpuNanoseconds ?? 0, time),
        memory: { time, availableBytes: Math.max(0, machine.memoryBytes - working), usageBytes: nodeUsage?.memoryBytes ?? 0, workingSetBytes: working, rssBytes: nodeUsage?.rssBytes ?? 0 },
        fs: { time, availableBytes: filesystem.availableBytes, capacityBytes: filesystem.capacityBytes, usedBytes: filesystem.capacityBytes - filesystem.availableBytes, inodes: filesystem.inodes, inodesFree: filesystem.inodesFree },
      },
      pods: [...pods.values()],
    };
  }
}
