export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  inc(labels?: Labels, by?: number): void;
  /** The series of these labels, for who writes to it often. It is there from now on. */
  of(labels: Labels): CounterSeries;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
  inc(labels?: Labels, by?: number): void;
  of(labels: Labels): GaugeSeries;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
  of(labels: Labels): HistogramSeries;
}
export interface CounterSeries { inc(by?: number): void }
export interface GaugeSeries { set(value: number): void; inc(by?: number): void }
export interface HistogramSeries { observe(value: number): void }

/** Metric names are the original's. Asking twice for a name answers the same metric. */
export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  histogram(name: string, help: string, buckets: readonly number[], labelNames?: readonly string[]): Histogram;
  /** Called before each rendering, for what is a measure of that moment. */
  beforeRender(update: () => void): void;
  /** Prometheus text format 0.0.4. */
  render(): Promise<string>;
}

/** For tests and the simulator. */
export const noMetrics: Metrics = {
  counter: () => ({ inc() {}, of: () => ({ inc() {} }) }),
  gauge: () => ({ set() {}, inc() {}, of: () => ({ set() {}, inc() {} }) }),
  histogram: () => ({ observe() {}, of: () => ({ observe() {} }) }),
  beforeRender() {},
  render: async () => '',
};
