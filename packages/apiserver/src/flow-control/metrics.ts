import type { CounterSeries, HistogramSeries, Labels, Metrics } from '@coxswain/service';
import type { Level } from './levels.ts';

const durationBuckets = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];

/** Of one schema and its level. Each series is there from its first use. */
export interface FlowSeries {
  seats(seats: number): void;
  dispatched(): void;
  rejected(reason: string): void;
  waited(executed: boolean, waitedMs: number): void;
  executed(type: 'regular' | 'watch', elapsedMs: number): void;
}

export interface FlowMetrics {
  of(labels: Labels): FlowSeries;
  levels(levels: readonly Level[], fairFraction: number): void;
}

const prefix = 'apiserver_flowcontrol_';
const flow = ['priority_level', 'flow_schema'];

function levelGauges(metrics: Metrics): FlowMetrics['levels'] {
  const gauge = (name: string, help: string, read: (level: Level) => number): (level: Level) => void => {
    const made = metrics.gauge(prefix + name, help, ['priority_level']);
    return (level) => made.set(read(level), { priority_level: level.spec.name });
  };
  const gauges = [
    gauge('nominal_limit_seats', 'Nominal number of execution seats configured for each priority level', (level) => level.nominal),
    gauge('lower_limit_seats', 'Configured lower bound on number of execution seats available to each priority level', (level) => level.min),
    gauge('upper_limit_seats', 'Configured upper bound on number of execution seats available to each priority level', (level) => level.max),
    gauge('current_limit_seats', 'current derived number of execution seats available to each priority level', (level) => level.queues.limit),
    gauge('demand_seats_high_watermark', 'High watermark, over last adjustment period, of demand_seats', (level) => level.queues.demand.highWatermark),
    gauge('demand_seats_average', 'Time-weighted average, over last adjustment period, of demand_seats', (level) => level.queues.demand.average),
    gauge('demand_seats_stdev', 'Time-weighted standard deviation, over last adjustment period, of demand_seats', (level) => level.queues.demand.deviation),
    gauge('demand_seats_smoothed', 'Smoothed seat demands', (level) => level.queues.demand.smoothed),
    gauge('current_r', 'R(time of last change)', (level) => level.queues.virtualTime),
  ];
  const fair = metrics.gauge(`${prefix}seat_fair_frac`, 'Fair fraction of server\'s concurrency to allocate to each priority level that can use it');
  return (levels, fairFraction) => {
    fair.set(fairFraction);
    for (const level of levels) for (const set of gauges) set(level);
  };
}

export function flowMetrics(metrics: Metrics): FlowMetrics {
  const estimated = metrics.histogram(`${prefix}work_estimated_seats`, 'Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness', [1, 2, 4, 10], flow);
  const dispatched = metrics.counter(`${prefix}dispatched_requests_total`, 'Number of requests executed by API Priority and Fairness subsystem', flow);
  const rejected = metrics.counter(`${prefix}rejected_requests_total`, 'Number of requests rejected by API Priority and Fairness subsystem', [...flow, 'reason']);
  const waits = metrics.histogram(`${prefix}request_wait_duration_seconds`, 'Length of time a request spent waiting in its queue', durationBuckets, [...flow, 'execute']);
  const executions = metrics.histogram(`${prefix}request_execution_seconds`, 'Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem', durationBuckets, [...flow, 'type']);
  return {
    levels: levelGauges(metrics),
    of: (labels) => {
      let started: CounterSeries | undefined;
      const ended: Partial<Record<'regular' | 'watch', HistogramSeries>> = {};
      return {
        seats: (seats) => { if (seats > 1) estimated.observe(seats, labels); },
        dispatched: () => (started ??= dispatched.of(labels)).inc(),
        rejected: (reason) => rejected.inc({ ...labels, reason }),
        waited: (executed, waitedMs) => waits.observe(waitedMs / 1000, { ...labels, execute: String(executed) }),
        executed: (type, elapsedMs) => (ended[type] ??= executions.of({ ...labels, type })).observe(elapsedMs / 1000),
      };
    },
  };
}
