import { median } from '@coxswain/etcd-lite/bench';

export interface Percentiles { readonly p50: number; readonly p90: number; readonly p99: number }

export function percentiles(values: readonly number[]): Percentiles | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

/** A measurement whose repetitions differ by more than this tells nothing. */
export const maxSpread = 0.05;

/** From the least to the greatest, of the median. */
export function spreadOf(values: readonly number[]): number {
  const middle = median([...values]) ?? 0;
  return middle === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / middle;
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/** The one in the middle, itself; of an even number the lower of two. */
export function middleOf<T>(items: readonly T[], by: (item: T) => number): T {
  return items.toSorted((a, b) => by(a) - by(b))[Math.floor((items.length - 1) / 2)] as T;
}
