import type { Metrics } from '@coxswain/service';
import { noMetrics } from '@coxswain/service';

/** --disabled-metrics: these are neither kept nor shown. */
export function withoutMetrics(metrics: Metrics, disabled: ReadonlySet<string>): Metrics {
  if (disabled.size === 0) return metrics;
  const total = metrics.counter('disabled_metrics_total', 'The count of disabled metrics.');
  const of = (name: string): Metrics => {
    if (!disabled.has(name)) return metrics;
    total.inc();
    return noMetrics;
  };
  return {
    counter: (name, help, labels) => of(name).counter(name, help, labels), gauge: (name, help, labels) => of(name).gauge(name, help, labels),
    histogram: (name, help, buckets, labels) => of(name).histogram(name, help, buckets, labels), beforeRender: (update) => metrics.beforeRender(update), render: () => metrics.render(),
  };
}
