import type { Metrics } from './metrics.ts';

/** What a work queue tells of itself. A key is added once until it is taken. */
export interface QueueMeter {
  added(key: string): void;
  taken(key: string): void;
  done(key: string): void;
  retried(): void;
}

const nameLabel = ['name'];
/** As Go multiplies them. */
const buckets = Array.from({ length: 9 }).reduce<number[]>((bounds) => [...bounds, (bounds.at(-1) as number) * 10], [10e-9]);

/** Meters of a process's work queues, by name, as client-go names and counts them. One meter a queue; of two with one name the gauges of unfinished work are the last one's, as there. */
export function queueMeters(metrics: Metrics, clock: { monotonicMs(): number }): (name: string) => QueueMeter {
  const depth = metrics.gauge('workqueue_depth', 'Current depth of workqueue', nameLabel);
  const adds = metrics.counter('workqueue_adds_total', 'Total number of adds handled by workqueue', nameLabel);
  const waited = metrics.histogram('workqueue_queue_duration_seconds', 'How long in seconds an item stays in workqueue before being requested.', buckets, nameLabel);
  const worked = metrics.histogram('workqueue_work_duration_seconds', 'How long in seconds processing an item from workqueue takes.', buckets, nameLabel);
  const unfinished = metrics.gauge('workqueue_unfinished_work_seconds', 'How many seconds of work has done that is in progress and hasn\'t been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.', nameLabel);
  const longest = metrics.gauge('workqueue_longest_running_processor_seconds', 'How many seconds has the longest running processor for workqueue been running.', nameLabel);
  const retries = metrics.counter('workqueue_retries_total', 'Total number of retries handled by workqueue', nameLabel);
  return (name) => {
    const labels = { name };
    const of = {
      depth: depth.of(labels), adds: adds.of(labels), waited: waited.of(labels), worked: worked.of(labels), unfinished: unfinished.of(labels), longest: longest.of(labels), retries: retries.of(labels),
    };
    const addedMs = new Map<string, number>();
    const takenMs = new Map<string, number>();
    const since = (startMs: number): number => (clock.monotonicMs() - startMs) / 1000;
    metrics.beforeRender(() => {
      const ages = [...takenMs.values()].map(since);
      of.unfinished.set(ages.reduce((sum, age) => sum + age, 0));
      of.longest.set(Math.max(0, ...ages));
    });
    const take = (times: Map<string, number>, key: string, histogram: { observe(value: number): void }): void => {
      const startMs = times.get(key);
      if (startMs !== undefined && times.delete(key)) histogram.observe(since(startMs));
    };
    return {
      added(key) {
        of.adds.inc();
        addedMs.set(key, clock.monotonicMs());
        of.depth.inc();
      },
      taken(key) {
        take(addedMs, key, of.waited);
        of.depth.inc(-1);
        takenMs.set(key, clock.monotonicMs());
      },
      done: (key) => take(takenMs, key, of.worked),
      retried: () => of.retries.inc(),
    };
  };
}
