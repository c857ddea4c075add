import { expect, test } from 'vitest';
import { resourceMetrics } from './resource-metrics.ts';

/** Names and labels as metrics-server decodes them: https://kubernetes.io/docs/reference/instrumentation/metrics/ */
test('usage by node, pod and container, in the text format', () => {
  const text = resourceMetrics({
    atMs: 1_700_000_000_123, node: { cpuNanoseconds: 5e9, memoryBytes: 9, workingSetBytes: 4096, rssBytes: 1 },
    pods: [{
      pod: { metadata: { name: 'web', namespace: 'shop', uid: 'u' } }, usage: { cpuNanoseconds: 2.5e9, memoryBytes: 9, workingSetBytes: 300, rssBytes: 1 },
      containers: [{ name: 'main', id: 'c', startTime: '2023-11-14T22:13:20Z', cpuNanoseconds: 1.5e9, workingSetBytes: 200, memoryBytes: 250, rssBytes: 100, writtenBytes: 0, writtenInodes: 0 }],
    }],
  });
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(samples).toEqual([
    'container_cpu_usage_seconds_total{container="main",namespace="shop",pod="web"} 1.5 1700000000123',
    'container_memory_working_set_bytes{container="main",namespace="shop",pod="web"} 200 1700000000123',
    'container_start_time_seconds{container="main",namespace="shop",pod="web"} 1700000000',
    'node_cpu_usage_seconds_total 5 1700000000123',
    'node_memory_working_set_bytes 4096 1700000000123',
    'pod_cpu_usage_seconds_total{namespace="shop",pod="web"} 2.5 1700000000123',
    'pod_memory_working_set_bytes{namespace="shop",pod="web"} 300 1700000000123',
    'resource_scrape_error 0',
  ]);
  for (const sample of samples) expect(text).toContain(`# TYPE ${sample.split(/[{ ]/)[0]} `);
});
