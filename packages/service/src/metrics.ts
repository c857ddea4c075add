export type Labels = Readonly<Record<string, string>>;

export interface Counter { inc(labels?: Labels, by?: number): void }
export interface Gauge { set(value: number, labels?: Labels): void; inc(labels?: Labels, by?: number): void }
export interface Histogram { observe(value: number, labels?: Labels): void }

/** Metric names are the original's. Asking twice for a name answers the same metric. */
export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  histogram(name: string, help: string, buckets: readonly number[], labelNames?: readonly string[]): Histogram;
  /** Prometheus text format 0.0.4. */
  render(): Promise<string>;
}

/** For tests and the simulator. */
export const noMetrics: Metrics = {
  counter: () => ({ inc() {} }),
  gauge: () => ({ set() {}, inc() {} }),
  histogram: () => ({ observe() {} }),
  render: async () => '',
};
