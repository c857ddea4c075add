import type { Node, Pod } from 'kubernetes-types/core/v1';
import { parseResources, requestsOfPod } from '../cache/resources.ts';

export interface NodeUse {
  readonly node: string;
  readonly pods: number;
  /** Shares of what is allocatable, 0 to 1. */
  readonly cpu: number;
  readonly memory: number;
}

/** How well pods lie on nodes. */
export interface Quality {
  readonly nodes: number;
  readonly pods: number;
  /** Of all nodes together. */
  readonly cpu: number;
  readonly memory: number;
  /** Standard deviation of the nodes' use: 0 is perfectly even. */
  readonly cpuImbalance: number;
  readonly memoryImbalance: number;
  /** Share of the free processor time that does not lie on the node that has most of it. */
  readonly cpuFragmentation: number;
  readonly uses: readonly NodeUse[];
}

function deviation(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

export function qualityOf(nodes: readonly Node[], pods: readonly Pod[]): Quality {
  const rows = new Map(nodes.map((node) => [node.metadata?.name ?? '', { there: parseResources(node.status?.allocatable as Record<string, string> | undefined), cpu: 0, memory: 0, pods: 0 }]));
  for (const pod of pods) {
    const row = rows.get(pod.spec?.nodeName ?? '');
    if (row === undefined) continue;
    const wanted = requestsOfPod(pod);
    row.cpu += wanted.milliCpu;
    row.memory += wanted.memory;
    row.pods += 1;
  }
  const all = [...rows.values()];
  const sum = (of: (row: (typeof all)[number]) => number): number => all.reduce((total, row) => total + of(row), 0);
  const free = all.map(({ there, cpu }) => Math.max(0, there.milliCpu - cpu));
  const uses = [...rows].map(([node, row]) => ({ node, pods: row.pods, cpu: share(row.cpu, row.there.milliCpu), memory: share(row.memory, row.there.memory) }));
  const freeCpu = free.reduce((total, one) => total + one, 0);
  return {
    nodes: all.length, pods: sum((row) => row.pods),
    cpu: share(sum((row) => row.cpu), sum((row) => row.there.milliCpu)), memory: share(sum((row) => row.memory), sum((row) => row.there.memory)),
    cpuImbalance: deviation(uses.map(({ cpu }) => cpu)), memoryImbalance: deviation(uses.map(({ memory }) => memory)),
    cpuFragmentation: freeCpu === 0 ? 0 : 1 - free.reduce((most, one) => Math.max(most, one), 0) / freeCpu, uses,
  };
}
