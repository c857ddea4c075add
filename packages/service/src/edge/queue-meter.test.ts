import { expect, test } from 'vitest';
import { queueMeters } from '../queue-meter.ts';
import { createMetrics } from './metrics.ts';

// Names, labels and buckets as a kube-apiserver 1.32.2 shows them.
const upstreamBounds = ['1e-8', '1e-7', '0.000001', '0.000009999999999999999', '0.00009999999999999999', '0.001', '0.01', '0.1', '1', '10', '+Inf'];

test('a queue counts what waits, how long it waited, and how long the work takes', async () => {
  const metrics = createMetrics();
  const clock = { ms: 1000, monotonicMs() { return this.ms; } };
  const meter = queueMeters(metrics, clock)('deployment');
  const value = async (series: string): Promise<number> => Number((await metrics.render()).split('\n').find((line) => line.startsWith(`${series} `))?.split(' ').at(-1));
  const of = (name: string, more = ''): Promise<number> => value(`workqueue_${name}{name="deployment"${more}}`);
  meter.added('a');
  meter.added('b');
  expect([await of('depth'), await of('adds_total'), await of('unfinished_work_seconds')]).toEqual([2, 2, 0]);
  clock.ms += 500;
  meter.taken('a');
  clock.ms += 1000;
  meter.taken('b');
  meter.added('a');
  clock.ms += 2000;
  expect([await of('depth'), await of('adds_total'), await of('unfinished_work_seconds'), await of('longest_running_processor_seconds')]).toEqual([1, 3, 5, 3]);
  expect([await of('queue_duration_seconds_count'), await of('queue_duration_seconds_sum')]).toEqual([2, 2]);
  meter.done('a');
  meter.done('b');
  meter.retried();
  expect([await of('work_duration_seconds_sum'), await of('unfinished_work_seconds'), await of('longest_running_processor_seconds'), await of('retries_total')]).toEqual([5, 0, 0, 1]);
  const bounds = [...(await metrics.render()).matchAll(/^workqueue_work_duration_seconds_bucket\{le="([^"]+)",name="deployment"\}/gm)].map((match) => match[1]);
  expect(bounds).toEqual(upstreamBounds);
});
