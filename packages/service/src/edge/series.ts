import type { Labels } from '../metrics.ts';

interface Value { readonly labels: Labels; readonly value: number; readonly metricName?: string }

/** What prom-client asks of a metric when it renders. */
interface Rendered { readonly name: string; readonly help: string; readonly type: string; readonly values: readonly Value[]; readonly aggregator: 'sum' }

export interface Description {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** The series of one metric, each found once by whoever writes to it often: prom-client looks for it by all labels at each write. */
abstract class Metric<S> {
  readonly name: string;
  readonly help: string;
  readonly aggregator = 'sum';
  abstract readonly type: string;
  readonly #labelNames: readonly string[];
  readonly #series = new Map<string, { readonly labels: Labels; readonly series: S }>();

  constructor({ name, help, labelNames }: Description) {
    this.name = name;
    this.help = help;
    this.#labelNames = labelNames;
  }

  protected abstract make(): S;
  protected abstract valuesOf(series: S, labels: Labels): readonly Value[];

  of(labels: Labels): S {
    let key = '';
    for (const name of this.#labelNames) key += `${labels[name] ?? ''}\n`;
    const known = this.#series.get(key);
    if (known !== undefined) return known.series;
    const other = Object.keys(labels).find((name) => !this.#labelNames.includes(name));
    if (other !== undefined) throw new Error(`the metric ${this.name} has no label ${other}`);
    const series = this.make();
    this.#series.set(key, { labels: { ...labels }, series });
    return series;
  }

  get(): Promise<Rendered> {
    // Without labels there is one from the start.
    if (this.#labelNames.length === 0) this.of({});
    const values = [...this.#series.values()].flatMap(({ labels, series }) => this.valuesOf(series, labels));
    return Promise.resolve({ name: this.name, help: this.help, type: this.type, values, aggregator: this.aggregator });
  }

  reset(): void {
    this.#series.clear();
  }
}

class NumberSeries {
  value = 0;

  inc(by = 1): void {
    this.value += by;
  }

  set(value: number): void {
    this.value = value;
  }
}

export class NumberMetric extends Metric<NumberSeries> {
  readonly type: 'counter' | 'gauge';

  constructor(type: 'counter' | 'gauge', description: Description) {
    super(description);
    this.type = type;
  }

  protected make(): NumberSeries {
    return new NumberSeries();
  }

  protected valuesOf({ value }: NumberSeries, labels: Labels): readonly Value[] {
    return [{ labels, value }];
  }
}

export class HistogramSeries {
  readonly #bounds: readonly number[];
  /** By bucket, those of smaller ones not counted again; the last is without bound. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
  }
}

export class HistogramMetric extends Metric<HistogramSeries> {
  readonly type = 'histogram';
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[], description: Description) {
    super(description);
    this.#bounds = bounds;
  }

  protected make(): HistogramSeries {
    return new HistogramSeries(this.#bounds);
  }

  protected valuesOf({ counts, sum }: HistogramSeries, labels: Labels): readonly Value[] {
    let count = 0;
    const buckets = counts.map((own, at): Value => {
      count += own;
      return { metricName: `${this.name}_bucket`, labels: { le: at < this.#bounds.length ? String(this.#bounds[at]) : '+Inf', ...labels }, value: count };
    });
    return [...buckets, { metricName: `${this.name}_sum`, labels, value: sum }, { metricName: `${this.name}_count`, labels, value: count }];
  }
}
