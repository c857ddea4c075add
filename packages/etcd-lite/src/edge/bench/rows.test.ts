import { describe, expect, it } from 'vitest';
import { median, summarize, type Row } from './rows.ts';

function rate(etcd: readonly number[], etcdLite: readonly number[], more: Partial<Row> = {}): Row {
  const samples = { etcd: etcd.map((value) => ({ value, p99Ms: 10 })), 'etcd-lite': etcdLite.map((value) => ({ value, p99Ms: 10 })) };
  return { name: 'put', where: '', unit: '/s', reach: { kind: 'ratio', atLeast: 1, p99: true }, samples, empty: 1_000_000, ...more };
}

describe('a row of the benchmark', () => {
  it('takes the middle of its runs', () => {
    expect(median([5, 1, 9])).toBe(5);
    expect(median([])).toBeUndefined();
    expect(summarize(rate([100, 1, 90], [99, 200, 180])).ratio).toBe(2);
  });

  it('is reached by the ratio and a 99th percentile that is no worse', () => {
    expect(summarize(rate([100], [100])).verdict).toBe('reach');
    expect(summarize(rate([100], [99])).verdict).toBe('not');
    expect(summarize(rate([100], [99], { reach: { kind: 'ratio', atLeast: 0.8, p99: false } })).verdict).toBe('reach');
    const slowTail = rate([100], [200]);
    slowTail.samples['etcd-lite'][0] = { value: 200, p99Ms: 11 };
    expect(summarize(slowTail).verdict).toBe('not');
  });

  it('is invalid if the client could not have shown twice the faster server, if calls failed, or if nothing was measured', () => {
    expect(summarize(rate([100], [400], { empty: 799 })).verdict).toBe('invalid');
    expect(summarize(rate([100], [400], { empty: 800 })).verdict).toBe('reach');
    expect(summarize(rate([100], [400], { empty: undefined })).verdict).toBe('invalid');
    const failing = rate([100], [400]);
    failing.samples.etcd[0] = { value: 100, p99Ms: 10, failed: 1 };
    expect(summarize(failing).verdict).toBe('invalid');
    expect(summarize(rate([100], [])).verdict).toBe('invalid');
  });

  it('may have a limit of its own', () => {
    const limit = { reach: { kind: 'limit', atMost: 10 }, unit: 's', empty: undefined } as const;
    expect(summarize(rate([30], [10], limit)).verdict).toBe('reach');
    expect(summarize(rate([3], [11], limit)).verdict).toBe('not');
  });
});
