import type { Histogram, Metrics } from '@coxswain/service';

const fsyncBuckets = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192];

/** Distributions, which must be told as things happen; everything else is looked up when it is asked for (`metrics-table.ts`). */
export class MemberMetrics {
  readonly #fsync: Histogram;

  constructor(metrics: Metrics) {
    this.#fsync = metrics.histogram('etcd_disk_wal_fsync_duration_seconds', 'The latency distributions of fsync called by WAL.', fsyncBuckets);
  }

  persisted(durationMs: number): void {
    this.#fsync.observe(durationMs / 1000);
  }
}
