import * as prom from 'prom-client';
import type { Metrics } from '../metrics.ts';
import { HistogramMetric, NumberMetric, type Description } from './series.ts';

/** Metrics of one process, its own resource use included. */
export function createMetrics(): Metrics {
  const registry = new prom.Registry();
  const updates: (() => void)[] = [];
  prom.collectDefaultMetrics({ register: registry });
  const known = <T>(name: string, make: () => T): T => {
    const there = registry.getSingleMetric(name) as T | undefined;
    if (there !== undefined) return there;
    const made = make();
    // It is asked for no more than a metric of ours has.
    registry.registerMetric(made as unknown as prom.Metric);
    return made;
  };
  const described = (name: string, help: string, labelNames: readonly string[] = []): Description => ({ name, help, labelNames });
  return {
    counter(name, help, labelNames) {
      const metric = known(name, () => new NumberMetric('counter', described(name, help, labelNames)));
      return { inc: (labels = {}, by = 1) => metric.of(labels).inc(by), of: (labels) => metric.of(labels) };
    },
    gauge(name, help, labelNames) {
      const metric = known(name, () => new NumberMetric('gauge', described(name, help, labelNames)));
      return { set: (value, labels = {}) => metric.of(labels).set(value), inc: (labels = {}, by = 1) => metric.of(labels).inc(by), of: (labels) => metric.of(labels) };
    },
    histogram(name, help, buckets, labelNames) {
      const metric = known(name, () => new HistogramMetric(buckets, described(name, help, labelNames)));
      return { observe: (value, labels = {}) => metric.of(labels).observe(value), of: (labels) => metric.of(labels) };
    },
    beforeRender: (update) => { updates.push(update); },
    render() {
      for (const update of updates) update();
      return registry.metrics();
    },
  };
}
