import { createMetrics } from '@coxswain/service/edge';
import { expect, test } from 'vitest';
import { makeSchedulerMetrics } from './scheduler-metrics.ts';

test('pods that wait are told by queue as they are when somebody asks', async () => {
  const metrics = createMetrics();
  let counts = { active: 1, backoff: 0, unschedulable: 0, gated: 0 };
  makeSchedulerMetrics(metrics, () => counts);
  counts = { active: 0, backoff: 2, unschedulable: 3, gated: 4 };
  const text = await metrics.render();
  for (const [queue, count] of Object.entries(counts)) expect(text).toContain(`scheduler_pending_pods{queue="${queue}"} ${count}\n`);
});

test('the histogram of decisions has kube-scheduler\'s buckets, and finer ones below a millisecond', async () => {
  const metrics = createMetrics();
  makeSchedulerMetrics(metrics, () => ({ active: 0, backoff: 0, unschedulable: 0, gated: 0 })).decided('placed', 'default-scheduler', 0.02);
  const text = await metrics.render();
  const bounds = Array.from(text.matchAll(/scheduler_scheduling_algorithm_duration_seconds_bucket\{le="([^"]+)"\} (\d+)/g), ([, bound, count]) => [Number(bound), Number(count)] as const);
  for (let bound = 0.001; bound < 17; bound *= 2) expect(bounds.map(([at]) => at), String(bound)).toContain(bound);
  expect(bounds.filter(([, count]) => count === 0).map(([bound]) => bound)).toEqual([0.001 / 64]);
});
