import type { Host } from '@coxswain/host';
import type { KubeletView } from '../kubelet.ts';
import { readUsage, type NodeUsage } from './stats.ts';

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[], atMs: number | undefined): string {
  const lines = samples.map(([labels, value]) => {
    const text = Object.entries(labels).map(([key, own]) => `${key}=${JSON.stringify(own)}`).join(',');
    return `${name}${text === '' ? '' : `{${text}}`} ${value}${atMs === undefined ? '' : ` ${atMs}`}\n`;
  });
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

/** Prometheus text with the names that metrics-server reads; each sample has the time at which it was taken. */
export function resourceMetrics(usage: NodeUsage): string {
  const podLabels = usage.pods.map((one) => ({ namespace: one.pod.metadata?.namespace ?? '', pod: one.pod.metadata?.name ?? '' }));
  const containers = usage.pods.flatMap((one, index) => one.containers.map((container) => ({ container, labels: { container: container.name, ...podLabels[index] } })));
  const ofContainers = (read: (one: (typeof containers)[number]['container']) => number): Sample[] => containers.map(({ container, labels }) => [labels, read(container)]);
  const ofPods = (read: (one: NodeUsage['pods'][number]) => number): Sample[] => usage.pods.map((one, index) => [podLabels[index] ?? {}, read(one)]);
  const started = containers.filter(({ container }) => container.startTime !== '').map(({ container, labels }): Sample => [labels, Date.parse(container.startTime) / 1000]);
  return [
    family('container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the container in core-seconds', ofContainers((one) => one.cpuNanoseconds / 1e9), usage.atMs),
    family('container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes', ofContainers((one) => one.workingSetBytes), usage.atMs),
    family('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds', started, undefined),
    family('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', [[{}, usage.node.cpuNanoseconds / 1e9]], usage.atMs),
    family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', [[{}, usage.node.workingSetBytes]], usage.atMs),
    family('pod_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the pod in core-seconds', ofPods((one) => one.usage.cpuNanoseconds / 1e9), usage.atMs),
    family('pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes', ofPods((one) => one.usage.workingSetBytes), usage.atMs),
    family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [[{}, 0]], undefined),
  ].join('');
}

/** /metrics/resource */
export async function scrapeResources(view: KubeletView, host: Host): Promise<string> {
  return resourceMetrics(await readUsage(view, host));
}
