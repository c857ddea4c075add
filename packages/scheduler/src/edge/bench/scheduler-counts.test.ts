import { expect, test } from 'vitest';
import { boundsOf, countsAfter, countsIn } from './scheduler-counts.ts';

/** As kube-scheduler 1.32 and ours write them. */
const metrics = ([scheduled, refused]: readonly [number, number], [first, second, all]: readonly [number, number, number]): string => `# TYPE scheduler_schedule_attempts_total counter
scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"} ${scheduled}
scheduler_schedule_attempts_total{result="unschedulable",profile="default-scheduler"} ${refused}
scheduler_scheduling_algorithm_duration_seconds_bucket{le="0.001"} ${first}
scheduler_scheduling_algorithm_duration_seconds_bucket{le="0.002"} ${second}
scheduler_scheduling_algorithm_duration_seconds_bucket{le="+Inf"} ${all}
scheduler_scheduling_algorithm_duration_seconds_sum 0.5
scheduler_pending_pods{queue="active"} 3
`;

test('attempts by their end and decisions by their time, as they came between two looks', () => {
  const [before, after] = [countsIn(metrics([10, 2], [10, 12, 12])), countsIn(metrics([110, 2], [100, 111, 112]))];
  const since = countsAfter(before, after);
  expect(since).toEqual({ attempts: { scheduled: 100 }, upToMs: [[1, 90], [2, 99], [Infinity, 100]] });
  expect(boundsOf(since)).toEqual({ p50: 1, p90: 1, p99: 2 });
  expect(countsAfter(undefined, after).attempts).toEqual({ scheduled: 110, unschedulable: 2 });
});

test('without decisions there are no times', () => {
  expect(boundsOf(countsAfter(countsIn(metrics([1, 0], [1, 1, 1])), countsIn(metrics([1, 0], [1, 1, 1]))))).toBeUndefined();
  expect(boundsOf(countsIn(''))).toBeUndefined();
});
