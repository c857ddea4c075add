import * as prom from 'prom-client';
import type { Metrics } from '../metrics.ts';

/** Metrics of one process, its own resource use included. */
export function createMetrics(): Metrics {
  const registry = new prom.Registry();
  prom.collectDefaultMetrics({ register: registry });
  const known = <T>(name: string, make: () => T): T => (registry.getSingleMetric(name) as T | undefined) ?? make();
  const common = (name: string, help: string, labelNames: readonly string[] = []): { name: string; help: string; labelNames: string[]; registers: prom.Registry[] } =>
    ({ name, help, labelNames: [...labelNames], registers: [registry] });
  return {
    counter(name, help, labelNames) {
      const metric = known(name, () => new prom.Counter(common(name, help, labelNames)));
      return { inc: (labels = {}, by = 1) => metric.inc(labels, by) };
    },
    gauge(name, help, labelNames) {
      const metric = known(name, () => new prom.Gauge(common(name, help, labelNames)));
      return { set: (value, labels = {}) => metric.set(labels, value), inc: (labels = {}, by = 1) => metric.inc(labels, by) };
    },
    histogram(name, help, buckets, labelNames) {
      const metric = known(name, () => new prom.Histogram({ ...common(name, help, labelNames), buckets: [...buckets] }));
      return { observe: (value, labels = {}) => metric.observe(labels, value) };
    },
    render: () => registry.metrics(),
  };
}
