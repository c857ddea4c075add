import type { Node } from 'kubernetes-types/core/v1';
import { parseResources } from '../../cache/resources.ts';
import { deviation, mean } from './statistics.ts';
import { podTemplate, type PodTemplateName } from './templates.ts';

/** How good the places are that the pods of a run have got. */
export interface Placement {
  /** Of the processors of all nodes, the share that is asked for. */
  readonly cpuUtilisation: number;
  /** Standard deviation of that share from node to node. */
  readonly cpuDeviation: number;
  /** Standard deviation and greatest number of pods on a node. */
  readonly podsDeviation: number;
  readonly podsMost: number;
  /** Pods of the fullest zone less those of the emptiest; undefined without zones. */
  readonly zoneSkew: number | undefined;
  /** Of the measured kind's pods that the free room of all nodes together would hold, the share that no single node can take. */
  readonly fragmentation: number;
}

interface Asked { readonly milliCpu: number; readonly memory: number }

function requestsOf(template: PodTemplateName): Asked {
  const { spec } = podTemplate(template);
  const asked = (spec.containers ?? []).map(({ resources }) => parseResources(resources?.requests));
  return { milliCpu: asked.reduce((sum, { milliCpu }) => sum + milliCpu, 0), memory: asked.reduce((sum, { memory }) => sum + memory, 0) };
}

function fits(free: Asked, one: Asked): number {
  const limits = [one.milliCpu === 0 ? Infinity : free.milliCpu / one.milliCpu, one.memory === 0 ? Infinity : free.memory / one.memory];
  return Math.max(0, Math.min(...limits));
}

export function placementOf(nodes: readonly Node[], placed: readonly { readonly template: PodTemplateName; readonly node: string }[], measured: PodTemplateName): Placement {
  const used = new Map(nodes.map((node) => [node.metadata?.name ?? '', { pods: 0, milliCpu: 0, memory: 0 }]));
  const byTemplate = new Map<PodTemplateName, Asked>();
  for (const { template, node } of placed) {
    const asked = byTemplate.get(template) ?? requestsOf(template);
    byTemplate.set(template, asked);
    const sums = used.get(node);
    if (sums === undefined) continue;
    sums.pods += 1;
    sums.milliCpu += asked.milliCpu;
    sums.memory += asked.memory;
  }
  const rows = nodes.map((node) => {
    const all = parseResources(node.status?.allocatable);
    const sums = used.get(node.metadata?.name ?? '') ?? { pods: 0, milliCpu: 0, memory: 0 };
    return { ...sums, all, free: { milliCpu: all.milliCpu - sums.milliCpu, memory: all.memory - sums.memory }, zone: node.metadata?.labels?.['topology.kubernetes.io/zone'] };
  });
  const total = rows.reduce((sum, { all }) => sum + all.milliCpu, 0);
  const shares = rows.map(({ milliCpu, all }) => (all.milliCpu === 0 ? 0 : milliCpu / all.milliCpu));
  const one = requestsOf(measured);
  const room = fits({ milliCpu: mean(rows.map(({ free }) => free.milliCpu)) * rows.length, memory: mean(rows.map(({ free }) => free.memory)) * rows.length }, one);
  const single = rows.reduce((sum, { free }) => sum + Math.floor(fits(free, one)), 0);
  return {
    cpuUtilisation: total === 0 ? 0 : rows.reduce((sum, { milliCpu }) => sum + milliCpu, 0) / total, cpuDeviation: deviation(shares),
    podsDeviation: deviation(rows.map(({ pods }) => pods)), podsMost: rows.reduce((most, { pods }) => Math.max(most, pods), 0), zoneSkew: zoneSkew(rows),
    fragmentation: room === 0 || !Number.isFinite(room) ? 0 : Math.max(0, 1 - single / room),
  };
}

function zoneSkew(rows: readonly { readonly zone: string | undefined; readonly pods: number }[]): number | undefined {
  const zones = new Map<string, number>();
  for (const { zone, pods } of rows) if (zone !== undefined) zones.set(zone, (zones.get(zone) ?? 0) + pods);
  return zones.size < 2 ? undefined : Math.max(...zones.values()) - Math.min(...zones.values());
}
