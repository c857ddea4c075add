import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

async function linesOf(metrics: ReturnType<typeof createMetrics>, name: string): Promise<string[]> {
  return (await metrics.render()).split('\n').filter((line) => line.startsWith(name) || line.includes(` ${name} `));
}

test('counters and gauges, with labels and without', async () => {
  const metrics = createMetrics();
  metrics.counter('plain_total', 'Counts.');
  expect(await linesOf(metrics, 'plain_total')).toEqual(['# HELP plain_total Counts.', '# TYPE plain_total counter', 'plain_total 0']);
  const asked = metrics.counter('asked_total', 'Asked.', ['verb', 'code']);
  const ok = asked.of({ verb: 'GET', code: '200' });
  ok.inc();
  ok.inc(2);
  metrics.counter('asked_total', 'Asked.', ['verb', 'code']).inc({ code: '200', verb: 'GET' });
  asked.inc({ verb: 'PUT', code: '409' });
  expect(await linesOf(metrics, 'asked_total{')).toEqual(['asked_total{verb="GET",code="200"} 4', 'asked_total{verb="PUT",code="409"} 1']);
  const running = metrics.gauge('running', 'Runs.', ['kind']);
  running.of({ kind: 'a"b\\c\nd' }).inc(3);
  running.inc({ kind: 'a"b\\c\nd' }, -1);
  running.set(7, { kind: 'x' });
  expect(await linesOf(metrics, 'running{')).toEqual(['running{kind="a\\"b\\\\c\\nd"} 2', 'running{kind="x"} 7']);
  expect(() => running.inc({ other: 'x' })).toThrow('has no label other');
});

test('a histogram counts each value in every bucket that it fits', async () => {
  const took = createMetrics();
  const histogram = took.histogram('took_seconds', 'Took.', [0.1, 1, 5], ['verb']);
  const get = histogram.of({ verb: 'GET' });
  for (const value of [0.05, 0.1, 0.5, 7]) get.observe(value);
  histogram.observe(1, { verb: 'GET' });
  expect(await linesOf(took, 'took_seconds')).toEqual([
    '# HELP took_seconds Took.', '# TYPE took_seconds histogram', 'took_seconds_bucket{le="0.1",verb="GET"} 2', 'took_seconds_bucket{le="1",verb="GET"} 4', 'took_seconds_bucket{le="5",verb="GET"} 4',
    'took_seconds_bucket{le="+Inf",verb="GET"} 5', 'took_seconds_sum{verb="GET"} 8.65', 'took_seconds_count{verb="GET"} 5',
  ]);
});
