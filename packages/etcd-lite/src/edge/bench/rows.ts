import type { StoreKind } from './cluster.ts';

/** What a row asks of etcd-lite. */
export type Reach =
  /** So many times etcd's value at least; with `p99`, a 99th percentile that is no worse too. */
  | { readonly kind: 'ratio'; readonly atLeast: number; readonly p99: boolean }
  | { readonly kind: 'limit'; readonly atMost: number }
  /** Shown beside the others. */
  | { readonly kind: 'shown' };

export interface Sample {
  readonly value: number;
  readonly p99Ms?: number;
  /** Over the measured time and its warm-up, all members. */
  readonly serverCpuSeconds?: number;
  readonly clientCpuSeconds?: number;
  readonly failed?: number;
}

export interface Row {
  readonly name: string;
  /** Members and transport. */
  readonly where: string;
  readonly unit: '/s' | 'ms' | 's' | 'MB' | '×';
  readonly reach: Reach;
  readonly samples: Readonly<Record<StoreKind, Sample[]>>;
  /** What the client reaches against an empty server; rates only. */
  empty: number | undefined;
}

export type Verdict = 'reach' | 'not' | 'invalid' | 'shown';

export interface Summary {
  readonly etcd: number | undefined;
  readonly etcdLite: number | undefined;
  readonly ratio: number | undefined;
  readonly etcdP99Ms: number | undefined;
  readonly etcdLiteP99Ms: number | undefined;
  readonly verdict: Verdict;
}

/** Of several runs the middle one, so that one disturbed run says nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

export function summarize(row: Row): Summary {
  const value = (kind: StoreKind): number | undefined => median(row.samples[kind].map((sample) => sample.value));
  const p99 = (kind: StoreKind): number | undefined => median(row.samples[kind].flatMap((sample) => sample.p99Ms ?? []));
  const [etcd, etcdLite] = [value('etcd'), value('etcd-lite')];
  const ratio = etcd === undefined || etcdLite === undefined || etcd === 0 ? undefined : etcdLite / etcd;
  const so = { etcd, etcdLite, ratio, etcdP99Ms: p99('etcd'), etcdLiteP99Ms: p99('etcd-lite') };
  return { ...so, verdict: verdict(row, so) };
}

function verdict(row: Row, so: Omit<Summary, 'verdict'>): Verdict {
  const { reach } = row;
  if (so.etcdLite === undefined) return 'invalid';
  if (reach.kind === 'shown') return 'shown';
  if (reach.kind === 'limit') return so.etcdLite <= reach.atMost ? 'reach' : 'not';
  const failed = [...row.samples.etcd, ...row.samples['etcd-lite']].some((sample) => (sample.failed ?? 0) > 0);
  if (so.ratio === undefined || failed || row.empty === undefined || row.empty < 2 * Math.max(so.etcd ?? 0, so.etcdLite)) return 'invalid';
  const worse = reach.p99 && so.etcdP99Ms !== undefined && (so.etcdLiteP99Ms ?? Infinity) > so.etcdP99Ms;
  return so.ratio >= reach.atLeast && !worse ? 'reach' : 'not';
}
